/**
 * Google's documented limits of Pub/Sub, and the constants that this emulation chose. `DOCUMENTED`
 * values come from the linked page; the others say what Google does not document.
 */

// --- Names: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names ---
export const SHORTEST_NAME = 3
export const LONGEST_NAME = 255
export const RESERVED_NAME_PREFIX = 'goog'

// --- Labels: https://cloud.google.com/pubsub/docs/labels#requirements ---
export const MOST_LABELS = 64
export const LONGEST_LABEL = 63

// --- Publish: https://cloud.google.com/pubsub/quotas#resource_limits ---
export const MOST_MESSAGES_PER_PUBLISH = 1_000
/** "10 MB (total size)" of a publish request; a message cannot be larger than its request. */
export const LARGEST_PUBLISH_BYTES = 10_000_000
export const MOST_ATTRIBUTES = 100
export const LARGEST_ATTRIBUTE_KEY_BYTES = 256
export const LARGEST_ATTRIBUTE_VALUE_BYTES = 1_024
export const LARGEST_ORDERING_KEY_BYTES = 1_024
/** https://cloud.google.com/pubsub/docs/publisher#using-attributes */
export const RESERVED_ATTRIBUTE_PREFIX = 'goog'
/** The official clients put trace context in attributes of this prefix, so the service must accept them. */
export const CLIENT_ATTRIBUTE_PREFIX = 'googclient_'

// --- Acknowledge and ModifyAckDeadline: https://cloud.google.com/pubsub/quotas#resource_limits ---
export const LARGEST_ACKNOWLEDGE_BYTES = 512 * 1_024

// --- Subscriptions: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions ---
export const DEFAULT_ACK_DEADLINE_SECONDS = 10
export const SHORTEST_ACK_DEADLINE_SECONDS = 10
export const LONGEST_ACK_DEADLINE_SECONDS = 600
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
export const DEFAULT_RETENTION_MS = 7 * DAY_MS
export const SHORTEST_RETENTION_MS = 10 * MINUTE_MS
export const LONGEST_RETENTION_MS = 31 * DAY_MS
export const DEFAULT_EXPIRATION_MS = 31 * DAY_MS
export const SHORTEST_EXPIRATION_MS = DAY_MS
export const DEFAULT_MINIMUM_BACKOFF_MS = 10_000
export const DEFAULT_MAXIMUM_BACKOFF_MS = 600_000
export const LONGEST_BACKOFF_MS = 600_000
export const DEFAULT_DELIVERY_ATTEMPTS = 5
export const FEWEST_DELIVERY_ATTEMPTS = 5
export const MOST_DELIVERY_ATTEMPTS = 100

/** The `topic` of a subscription after its topic was deleted (same page). */
export const DELETED_TOPIC = '_deleted-topic_'

// --- Push delivery: https://cloud.google.com/pubsub/docs/push ---
/** "#receive_push": every other status is a negative acknowledgement. */
export const ACKNOWLEDGING_STATUSES: ReadonlySet<number> = new Set([102, 200, 201, 202, 204])
/** "#delivery_rate": Google says "a small single-digit window size"; 3 is our choice. */
export const FIRST_PUSH_WINDOW = 3
/** "#delivery_rate": above this many outstanding messages, growth is linear, and a slow endpoint falls back to it. */
export const LINEAR_PUSH_WINDOW = 3_000
/** "#delivery_rate": above the linear window, slower or less successful endpoints are cut back. */
export const HEALTHY_PUSH_LATENCY_MS = 1_000
export const HEALTHY_PUSH_ACK_SHARE = 0.99
/** "#push_backoff": the pause between deliveries, exponential between these two. */
export const SHORTEST_PUSH_BACKOFF_MS = 100
export const LONGEST_PUSH_BACKOFF_MS = 60_000

// --- Not documented by Google ---
/** `Pull` "may wait (for a bounded amount of time)" for a first message: this long. */
export const LONGEST_PULL_WAIT_MS = 10_000
/** `Pull` "may return fewer than the number specified": at most this many. */
export const MOST_MESSAGES_PER_PULL = 1_000
/**
 * No backoff or lease lasts longer than the 600 seconds above. If one seems to, the machine's clock
 * jumped back, and messages must not wait until it catches up.
 */
export const LONGEST_WAIT_MS = 600_000
/** Default page size of list methods, and the maximum. */
export const DEFAULT_PAGE_SIZE = 100
export const LARGEST_PAGE_SIZE = 1_000
