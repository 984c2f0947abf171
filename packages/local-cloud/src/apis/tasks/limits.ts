/**
 * The limits and defaults of Cloud Tasks. If Google's pages disagree, the stricter one applies, so that
 * everything that works here works there.
 */

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.RateLimits */
export const MAX_DISPATCHES_PER_SECOND = 500
export const MAX_CONCURRENT_DISPATCHES = 5_000
/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.RateLimits */
export const MAX_BURST_SIZE = 500

/**
 * The output of `gcloud tasks queues describe` for a queue without settings
 * (https://cloud.google.com/tasks/docs/configuring-queues).
 */
export const DEFAULT_DISPATCHES_PER_SECOND = 500
export const DEFAULT_CONCURRENT_DISPATCHES = 1_000
export const DEFAULT_MAX_ATTEMPTS = 100
export const DEFAULT_MIN_BACKOFF_MS = 100
export const DEFAULT_MAX_BACKOFF_MS = 3_600_000
export const DEFAULT_MAX_DOUBLINGS = 16

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** "A queue with the same name can't be created for 7 days": https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks.DeleteQueue */
export const QUEUE_TOMBSTONE_MS = 7 * DAY_MS

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.Queue (`tombstone_ttl`, `task_ttl`) */
export const DEFAULT_TASK_TOMBSTONE_MS = HOUR_MS
export const MIN_TASK_TOMBSTONE_MS = HOUR_MS
export const MAX_TASK_TOMBSTONE_MS = 9 * DAY_MS
export const DEFAULT_TASK_TTL_MS = 31 * DAY_MS
export const MIN_TASK_TTL_MS = 10 * DAY_MS
export const MAX_TASK_TTL_MS = 3_650 * DAY_MS

/** https://cloud.google.com/tasks/docs/quotas */
export const MAX_QUEUES_PER_LOCATION = 1_000
export const MAX_SCHEDULE_AHEAD_MS = 30 * DAY_MS

/** "The maximum task size is 100KB": https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks.CreateTask */
export const MAX_TASK_BYTES = 100 * 1_024

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.HttpRequest */
export const MAX_URL_LENGTH = 2_083
export const MAX_HEADER_BYTES = 80 * 1_024

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.Task (`dispatch_deadline`) */
export const MIN_DISPATCH_DEADLINE_MS = 15_000
export const MAX_DISPATCH_DEADLINE_MS = 30 * MINUTE_MS
export const DEFAULT_DISPATCH_DEADLINE_MS = 10 * MINUTE_MS

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.CloudTasks */
export const MAX_BATCH_CREATE = 100
export const MAX_BATCH_DELETE = 1_000

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.ListQueuesRequest and ListTasksRequest */
export const MAX_QUEUES_PAGE = 9_800
export const MAX_TASKS_PAGE = 1_000

/** How long a finished batch operation, and with it its `request_id`, is remembered. Google documents no time. */
export const OPERATION_RETENTION_MS = HOUR_MS

/** How often expired data is removed from disk; the age of tombstones is checked at every read. */
export const SWEEP_INTERVAL_MS = HOUR_MS
