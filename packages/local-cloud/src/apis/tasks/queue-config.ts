import { maskedUpdate, type FieldMask } from '../../kernel/field-mask.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import {
  DEFAULT_CONCURRENT_DISPATCHES,
  DEFAULT_DISPATCHES_PER_SECOND,
  DEFAULT_MAX_ATTEMPTS,
  DEFAULT_MAX_BACKOFF_MS,
  DEFAULT_MAX_DOUBLINGS,
  DEFAULT_MIN_BACKOFF_MS,
  DEFAULT_TASK_TOMBSTONE_MS,
  DEFAULT_TASK_TTL_MS,
  MAX_BURST_SIZE,
  MAX_CONCURRENT_DISPATCHES,
  MAX_DISPATCHES_PER_SECOND,
  MAX_TASK_TOMBSTONE_MS,
  MAX_TASK_TTL_MS,
  MIN_TASK_TOMBSTONE_MS,
  MIN_TASK_TTL_MS,
} from './limits.ts'
import type { QueueConfig, RetryConfig } from './resources.ts'
import { durationMs, durationOfMs, type ProtoTime } from '../../kernel/proto-time.ts'
import type { ApiVersion, WireQueue, WireRetryConfig } from './wire.ts'

/**
 * The settings of a new queue: unset fields get Google's defaults
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.Queue).
 */
export function configFromWire(queue: WireQueue, version: ApiVersion): QueueConfig {
  refuseUnsupported(queue)
  const rate = queue.rateLimits
  const maxDispatchesPerSecond = rate?.maxDispatchesPerSecond || DEFAULT_DISPATCHES_PER_SECOND
  // Output only in v2, where a caller's value is ignored; settable in v2beta3.
  const burst = version === 'v2beta3' ? (rate?.maxBurstSize ?? 0) : 0
  const config: QueueConfig = {
    rate: {
      maxDispatchesPerSecond,
      maxBurstSize: burst || derivedBurstSize(maxDispatchesPerSecond),
      maxConcurrentDispatches: rate?.maxConcurrentDispatches || DEFAULT_CONCURRENT_DISPATCHES,
    },
    retry: retryFromWire(queue.retryConfig),
    taskTtlMs: positiveMillis(queue.taskTtl, 'Queue.taskTtl') ?? DEFAULT_TASK_TTL_MS,
    tombstoneTtlMs: positiveMillis(queue.tombstoneTtl, 'Queue.tombstoneTtl') ?? DEFAULT_TASK_TOMBSTONE_MS,
    logSamplingRatio: queue.stackdriverLoggingConfig?.samplingRatio ?? null,
  }
  checkConfig(config)
  return config
}

/** Retry settings of a queue or, in v2beta3, of a task. */
export function retryFromWire(wire: WireRetryConfig | null | undefined): RetryConfig {
  const maxRetryDurationMs = positiveMillis(wire?.maxRetryDuration, 'RetryConfig.maxRetryDuration') ?? 0
  const minBackoffMs = positiveMillis(wire?.minBackoff, 'RetryConfig.minBackoff')
  const maxBackoffMs = positiveMillis(wire?.maxBackoff, 'RetryConfig.maxBackoff')
  const config: RetryConfig = {
    maxAttempts: wire?.maxAttempts || DEFAULT_MAX_ATTEMPTS,
    // "Will be truncated to the nearest second." The backoffs have the same text, but it would turn
    // their own default of 0.1 s to zero, so they keep milliseconds.
    maxRetryDurationMs: Math.floor(maxRetryDurationMs / 1_000) * 1_000,
    minBackoffMs: minBackoffMs ?? Math.min(DEFAULT_MIN_BACKOFF_MS, maxBackoffMs ?? DEFAULT_MIN_BACKOFF_MS),
    maxBackoffMs: maxBackoffMs ?? Math.max(DEFAULT_MAX_BACKOFF_MS, minBackoffMs ?? 0),
    maxDoublings: wire?.maxDoublings || DEFAULT_MAX_DOUBLINGS,
  }
  if (config.maxAttempts < -1) throw invalid('RetryConfig.maxAttempts must be greater or equal to -1.')
  if (config.maxDoublings < 0) throw invalid('RetryConfig.maxDoublings cannot be negative.')
  if (config.minBackoffMs > config.maxBackoffMs) {
    throw invalid('RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.')
  }
  return config
}

/**
 * Google documents no rule for its burst size; this one matches the values that its API returns (100 for
 * 500 dispatches a second, 10 for 1).
 */
function derivedBurstSize(maxDispatchesPerSecond: number): number {
  return Math.min(MAX_BURST_SIZE, Math.max(10, Math.ceil(maxDispatchesPerSecond / 5)))
}

function checkConfig({ rate, taskTtlMs, tombstoneTtlMs, logSamplingRatio }: QueueConfig): void {
  if (rate.maxDispatchesPerSecond < 0) throw invalid('RateLimits.maxDispatchesPerSecond cannot be negative.')
  if (rate.maxDispatchesPerSecond > MAX_DISPATCHES_PER_SECOND) {
    throw invalid(`RateLimits.maxDispatchesPerSecond must be less than or equal to ${MAX_DISPATCHES_PER_SECOND}.`)
  }
  if (rate.maxBurstSize < 0 || rate.maxBurstSize > MAX_BURST_SIZE) {
    throw invalid(`RateLimits.maxBurstSize must be between 1 and ${MAX_BURST_SIZE}.`)
  }
  if (rate.maxConcurrentDispatches < 0) throw invalid('RateLimits.maxConcurrentDispatches cannot be negative.')
  if (rate.maxConcurrentDispatches > MAX_CONCURRENT_DISPATCHES) {
    throw invalid(`RateLimits.maxConcurrentDispatches must be less than or equal to ${MAX_CONCURRENT_DISPATCHES}.`)
  }
  if (taskTtlMs < MIN_TASK_TTL_MS || taskTtlMs > MAX_TASK_TTL_MS) {
    throw invalid('Queue.taskTtl must be between 10 days and 10 years.')
  }
  if (tombstoneTtlMs < MIN_TASK_TOMBSTONE_MS || tombstoneTtlMs > MAX_TASK_TOMBSTONE_MS) {
    throw invalid('Queue.tombstoneTtl must be between 1 hour and 9 days.')
  }
  if (logSamplingRatio !== null && !(logSamplingRatio >= 0 && logSamplingRatio <= 1)) {
    throw invalid('StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.')
  }
}

/** Refuses settings that the local cloud would otherwise silently ignore. */
function refuseUnsupported(queue: WireQueue): void {
  if (queue.appEngineRoutingOverride || queue.appEngineHttpQueue) throw notEmulated('App Engine routing of a queue')
  if (queue.httpTarget) throw notEmulated('Queue.httpTarget, the queue-level HTTP target override')
  if (queue.type === 'PULL') throw notEmulated('a pull queue (Queue.type PULL)')
}

/** The fields that an update mask may name; null for those without parts. */
const MASKABLE: Record<string, readonly string[] | null> = {
  rate_limits: ['max_dispatches_per_second', 'max_burst_size', 'max_concurrent_dispatches'],
  retry_config: ['max_attempts', 'max_retry_duration', 'min_backoff', 'max_backoff', 'max_doublings'],
  stackdriver_logging_config: ['sampling_ratio'],
  task_ttl: null,
  tombstone_ttl: null,
  http_target: null,
  app_engine_http_queue: null,
  app_engine_routing_override: null,
}

/** "Any value specified for an output only field will be ignored"; a queue's type is immutable. */
const IGNORED = new Set(['name', 'state', 'purge_time', 'stats', 'type'])

/**
 * A queue's settings after UpdateQueue: the fields that the mask names are taken from `update`, an
 * unset one becoming the default again; without a mask, all of them
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.UpdateQueueRequest).
 */
export function updatedConfig(
  current: QueueConfig,
  update: WireQueue,
  mask: FieldMask | null,
  version: ApiVersion,
): QueueConfig {
  const paths = mask?.paths ?? []
  if (paths.length === 0) {
    const next = configFromWire(update, version)
    // v2 does not have these fields, so the call cannot change them.
    const { taskTtlMs, tombstoneTtlMs } = version === 'v2' ? current : next
    return { ...next, taskTtlMs, tombstoneTtlMs }
  }
  const merged = maskedUpdate(configToWire(current), update as unknown as Fields, paths, isMaskable)
  // "max_burst_size value will get updated if UpdateQueue is updating max_dispatches_per_second."
  const touchesBurst = paths.some((path) => path === 'rate_limits.max_burst_size' || path === 'rate_limits')
  if (paths.includes('rate_limits.max_dispatches_per_second') && !touchesBurst) {
    const derived = maskedUpdate(merged, {}, ['rate_limits.max_burst_size'], isMaskable)
    return configFromWire(derived as unknown as WireQueue, version)
  }
  return configFromWire(merged as unknown as WireQueue, version)
}

type Fields = Record<string, unknown>

/** False for a path without effect. Throws for one that UpdateQueue does not have. */
function isMaskable(path: string): boolean {
  const [field = '', part, ...rest] = path.split('.')
  if (IGNORED.has(field)) return false
  const parts = MASKABLE[field]
  if (parts === undefined || rest.length > 0 || (part !== undefined && !parts?.includes(part))) {
    throw invalid(`Invalid field mask path: ${path}`)
  }
  return true
}

/** Settings in the wire form of both API versions. */
export function configToWire(config: QueueConfig): Fields {
  const { rate, taskTtlMs, tombstoneTtlMs, logSamplingRatio } = config
  return {
    rateLimits: { ...rate },
    retryConfig: retryToWire(config.retry),
    taskTtl: durationOfMs(taskTtlMs),
    tombstoneTtl: durationOfMs(tombstoneTtlMs),
    stackdriverLoggingConfig: logSamplingRatio === null ? null : { samplingRatio: logSamplingRatio },
  }
}

export function retryToWire(retry: RetryConfig): object {
  return {
    maxAttempts: retry.maxAttempts,
    maxRetryDuration: retry.maxRetryDurationMs === 0 ? null : durationOfMs(retry.maxRetryDurationMs),
    minBackoff: durationOfMs(retry.minBackoffMs),
    maxBackoff: durationOfMs(retry.maxBackoffMs),
    maxDoublings: retry.maxDoublings,
  }
}

/** A duration that must not be negative; undefined when unset or zero, which both mean "the default". */
function positiveMillis(duration: ProtoTime | null | undefined, field: string): number | undefined {
  if (!duration) return undefined
  const millis = Math.floor(durationMs(duration))
  if (millis < 0 || duration.nanos < 0) throw invalid(`${field} cannot be negative.`)
  return millis === 0 ? undefined : millis
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message)
}
