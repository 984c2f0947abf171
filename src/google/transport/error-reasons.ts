import type { GoogleStatus } from './google-status.ts'

/**
 * What the reason of an older JSON API means, where the HTTP code misleads: BigQuery answers a quota with 403 and a
 * failed job with 400 (https://cloud.google.com/bigquery/docs/error-messages, googleapis/python-bigquery#2006), and
 * Cloud Storage has 403 for some of its rate limits
 * (https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden).
 */
const BY_REASON: Readonly<Record<string, GoogleStatus>> = {
  backendError: 'UNAVAILABLE',
  billingNotEnabled: 'FAILED_PRECONDITION',
  billingTierLimitExceeded: 'FAILED_PRECONDITION',
  blocked: 'FAILED_PRECONDITION',
  concurrentLimitExceeded: 'RESOURCE_EXHAUSTED',
  dailyLimitExceeded: 'RESOURCE_EXHAUSTED',
  internalError: 'INTERNAL',
  jobBackendError: 'UNAVAILABLE',
  jobInternalError: 'INTERNAL',
  jobRateLimitExceeded: 'RESOURCE_EXHAUSTED',
  quotaExceeded: 'RESOURCE_EXHAUSTED',
  RATE_LIMIT_EXCEEDED: 'RESOURCE_EXHAUSTED',
  rateLimitExceeded: 'RESOURCE_EXHAUSTED',
  resourceInUse: 'FAILED_PRECONDITION',
  resourcesExceeded: 'FAILED_PRECONDITION',
  responseTooLarge: 'FAILED_PRECONDITION',
  stopped: 'CANCELLED',
  tableUnavailable: 'UNAVAILABLE',
  timeout: 'DEADLINE_EXCEEDED',
  userRateLimitExceeded: 'RESOURCE_EXHAUSTED',
}

/** Only these are corrected: a 409 or 5xx already says what it means. */
const MISLEADING: ReadonlySet<GoogleStatus> = new Set(['INVALID_ARGUMENT', 'PERMISSION_DENIED', 'CANCELLED', 'UNKNOWN'])

/** BigQuery's text for a job that reached its `jobTimeoutMs`; its reason is the one of a canceled job. */
const JOB_TIMED_OUT = /\btimed out\b/i

/**
 * Returns the status of a failure by its reason.
 *
 * @param status what the response's code says
 */
export function statusByReason(status: GoogleStatus, reason: string | undefined, message: string): GoogleStatus {
  if (reason === undefined || !MISLEADING.has(status)) return status
  if (reason === 'stopped' && JOB_TIMED_OUT.test(message)) return 'DEADLINE_EXCEEDED'
  return Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason]! : status
}
