/** https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#createservicerequest: at most 49 characters. */
export const SERVICE_ID_MAX_LENGTH = 49

/** Revision names are DNS labels (https://cloud.google.com/run/docs/managing/revisions). */
export const REVISION_NAME_MAX_LENGTH = 63

/** https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#service: description. */
export const DESCRIPTION_MAX_LENGTH = 512

/** https://cloud.google.com/run/docs/about-concurrency */
export const CONCURRENCY_MAX = 1_000
export const CONCURRENCY_DEFAULT = 80
/** Below one CPU an instance takes one request at a time (https://cloud.google.com/run/docs/configuring/services/cpu). */
export const CONCURRENCY_BELOW_ONE_CPU = 1

/** https://cloud.google.com/run/docs/configuring/request-timeout */
export const TIMEOUT_DEFAULT_SECONDS = 300
export const TIMEOUT_MAX_SECONDS = 3_600

/** https://cloud.google.com/run/docs/configuring/max-instances: 100 unless the revision says otherwise. */
export const MAX_INSTANCES_DEFAULT = 100

/** https://cloud.google.com/run/docs/configuring/services/environment-variables */
export const ENV_MAX_COUNT = 1_000
export const ENV_MAX_LENGTH = 32_768
export const RESERVED_ENV_NAMES: readonly string[] = ['PORT', 'K_SERVICE', 'K_REVISION', 'K_CONFIGURATION']

/** https://cloud.google.com/run/docs/configuring/labels */
export const LABELS_MAX_COUNT = 64
export const LABEL_MAX_LENGTH = 63

/** https://cloud.google.com/run/docs/configuring/custom-audiences: as one JSON list. */
export const CUSTOM_AUDIENCES_MAX_LENGTH = 32_768

/** https://cloud.google.com/run/docs/container-contract#port */
export const CONTAINER_PORT_DEFAULT = 8_080

/** https://cloud.google.com/run/docs/configuring/healthchecks: period and total of a startup probe, and liveness. */
export const STARTUP_PROBE_MAX_SECONDS = 240
export const LIVENESS_PROBE_MAX_SECONDS = 3_600

/** https://cloud.google.com/run/docs/about-instance-autoscaling: idle instances are kept at most 15 minutes. */
export const IDLE_INSTANCE_MS = 15 * 60_000

/** https://cloud.google.com/run/docs/about-instance-autoscaling: pending for 10 s, or 3.5 average start times. */
export const PENDING_MIN_MS = 10_000
export const PENDING_START_TIMES = 3.5

/** https://cloud.google.com/run/docs/about-instance-autoscaling: the share of their concurrency that instances are kept at. */
export const TARGET_UTILIZATION = 0.6

/** https://cloud.google.com/run/docs/container-contract#instance-shutdown: SIGTERM, and SIGKILL 10 s later. */
export const SHUTDOWN_GRACE_MS = 10_000

/** https://cloud.google.com/run/quotas#request_limits: HTTP/1 requests, and responses that are not streamed. */
export const HTTP1_BODY_MAX_BYTES = 32 * 1024 * 1024

/** A source archive that is deployed without a build (https://cloud.google.com/run/docs/deploying-source-code). */
export const ARCHIVE_MAX_BYTES = 250 * 1024 * 1024

/** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/list: our largest page. */
export const PAGE_MAX_SIZE = 100

/** Cloud Run limits restarts of a crashing container but does not document how; these limits are ours. */
export const RESTART_BACKOFF_MIN_MS = 100
export const RESTART_BACKOFF_MAX_MS = 10_000
/** An instance that ran this long was healthy: the backoff starts again. */
export const RESTART_HEALTHY_MS = 60_000

/** Ours: one machine represents a region, so a service gets at most this many processes by default. */
export const MAX_PROCESSES_DEFAULT = 2

/** Ours: a service's log file is rotated at this size, and one older file is kept. */
export const LOG_FILE_MAX_BYTES = 10 * 1024 * 1024
