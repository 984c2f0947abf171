import type { RetryConfig } from './resources.ts'

/**
 * Returns how long a task waits after its `attempts`-th failed attempt: the interval starts at minBackoff,
 * doubles maxDoublings times, then grows linearly by 2^maxDoublings * minBackoff, up to maxBackoff
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.RetryConfig,
 * whose example is 10, 20, 40, 80, 160, 240, 300, 300 s).
 */
export function retryDelayMs(config: RetryConfig, attempts: number): number {
  const doublings = Math.min(attempts - 1, config.maxDoublings)
  const linearSteps = Math.max(1, attempts - config.maxDoublings)
  return Math.min(config.minBackoffMs * 2 ** doublings * linearSteps, config.maxBackoffMs)
}

/**
 * Whether a failed task has used its last attempt: after maxAttempts attempts *and* when maxRetryDuration has passed
 * since the first of them; a limit of -1 or 0 leaves the decision to the other one
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.RetryConfig).
 */
export function isExhausted(config: RetryConfig, attempts: number, sinceFirstAttemptMs: number): boolean {
  const hasAttemptLimit = config.maxAttempts !== -1
  const hasDurationLimit = config.maxRetryDurationMs > 0
  if (!hasAttemptLimit && !hasDurationLimit) return false
  const attemptsReached = !hasAttemptLimit || attempts >= config.maxAttempts
  const durationReached = !hasDurationLimit || sinceFirstAttemptMs >= config.maxRetryDurationMs
  return attemptsReached && durationReached
}

/**
 * Returns the wait in a `Retry-After` header, in milliseconds: a number of seconds or an HTTP date
 * (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3). 0 for a missing or invalid header.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0
  const trimmed = value.trim()
  if (/^\d+$/.test(trimmed)) return Number(trimmed) * 1_000
  const dateMs = Date.parse(trimmed)
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs)
}
