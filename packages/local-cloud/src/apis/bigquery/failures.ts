import { GoogleError, type GoogleStatus } from '../../kernel/errors.ts'
import { errorResponse } from '../../kernel/gateway.ts'
import { unexpectedError } from '../../kernel/unexpected-error.ts'
import { causes } from './limits.ts'
import type { JobError } from './records.ts'
import { tooDeep } from './sql/bounds.ts'
import { failureMessage, SqlFailure } from './sql/failure.ts'

/**
 * How BigQuery answers each reason: https://cloud.google.com/bigquery/docs/error-messages. All that have another code
 * than 400. A quota or rate limit is a 403, not a 429 (googleapis/python-bigquery#2006).
 */
const ANSWERS: Record<string, GoogleStatus> = {
  notFound: 'NOT_FOUND',
  duplicate: 'ALREADY_EXISTS',
  notImplemented: 'UNIMPLEMENTED',
  backendError: 'UNAVAILABLE',
  internalError: 'INTERNAL',
  accessDenied: 'PERMISSION_DENIED',
  billingNotEnabled: 'PERMISSION_DENIED',
  blocked: 'PERMISSION_DENIED',
  quotaExceeded: 'PERMISSION_DENIED',
  rateLimitExceeded: 'PERMISSION_DENIED',
  responseTooLarge: 'PERMISSION_DENIED',
  // As BigQuery does, although its documentation has 200.
  stopped: 'CANCELLED',
}

/** Reasons that BigQuery answers with 400, whatever they mean (the same page). */
const BAD_REQUESTS = new Set([
  'billingTierLimitExceeded',
  'jobBackendError',
  'jobInternalError',
  'jobRateLimitExceeded',
  'resourceInUse',
  'resourcesExceeded',
  'tableUnavailable',
  'timeout',
])

/** Converts an error to BigQuery's JSON error response, with the code that BigQuery has for its reason. */
export function bigQueryResponse(error: unknown): Response {
  if (!(error instanceof GoogleError) || error.details !== undefined) return errorResponse(error)
  const { message, location, retryAfterS } = error
  const reason = error.reason ?? (error.status === 'RESOURCE_EXHAUSTED' ? 'rateLimitExceeded' : undefined)
  const status = reason === undefined ? undefined : BAD_REQUESTS.has(reason) ? 'INVALID_ARGUMENT' : ANSWERS[reason]
  if (reason === undefined || status === undefined || status === error.status) return errorResponse(error)
  return errorResponse(
    new GoogleError(status, message, {
      reason,
      ...(location === undefined ? {} : { location }),
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
    }),
  )
}

/** A job's error as the answer of jobs.query and jobs.getQueryResults. */
export function answerOf(error: JobError): GoogleError {
  return new GoogleError(ANSWERS[error.reason] ?? 'INVALID_ARGUMENT', error.message, {
    reason: error.reason,
    ...(error.location === undefined ? {} : { location: error.location }),
  })
}

/** Converts any error of a job to its `errorResult`. Our own bugs are logged. */
export function jobError(error: unknown, statement = ''): JobError {
  if (error instanceof SqlFailure) {
    const location = error.reason === 'invalidQuery' ? { location: 'query' } : {}
    return { reason: error.reason, message: failureMessage(error, statement), ...location }
  }
  if (error instanceof GoogleError) {
    return {
      reason: error.reason ?? REASONS[error.status] ?? 'invalid',
      message: error.message,
      ...(error.location === undefined ? {} : { location: error.location }),
    }
  }
  const exceeded = resourcesError(error)
  if (exceeded !== undefined) return { reason: 'resourcesExceeded', message: exceeded }
  const evaluation = evaluationError(error)
  if (evaluation !== undefined) return { reason: 'invalidQuery', message: evaluation, location: 'query' }
  console.error(error)
  return { reason: 'internalError', message: unexpectedError(error).message }
}

const REASONS: Record<string, string> = {
  NOT_FOUND: 'notFound',
  ALREADY_EXISTS: 'duplicate',
  UNIMPLEMENTED: 'notImplemented',
}

/** The statement needs more than the limits of one batch of rows, of DuckDB's memory or of its planning. */
function resourcesError(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : String(error)
  const own = /bq-resources:([^\n]*)/.exec(message)
  if (own) return own[1]!
  if (/^Out of Memory Error|(?:could not|failed to) allocate/.test(message)) return causes.memory().message
  return message.includes('Max expression depth limit') ? tooDeep().message : undefined
}

/** An error that the values of the rows caused: those raised by our functions begin with `bq:`. */
function evaluationError(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : String(error)
  const own = /bq:([^\n]*)/.exec(message)
  if (own) return own[1]!
  const overflow = /^Out of Range Error: Overflow in (\w+) of INT64 \((-?\d+) (\S+) (-?\d+)\)/.exec(message)
  if (overflow) return `int64 overflow: ${overflow[2]} ${overflow[3]} ${overflow[4]}`
  if (/^Conversion Error: Type INT128 .*INT64/.test(message)) return 'int64 overflow'
  if (message.startsWith('Out of Range Error: Overflow on abs')) return 'int64 overflow in ABS'
  const invalidDate = /^Conversion Error: Date out of range: (\d+)-(\d+)-(\d+)/.exec(message)
  if (invalidDate)
    return `Input calculates to invalid date: ${invalidDate[1]}-${invalidDate[2]!.padStart(2, '0')}-${invalidDate[3]!.padStart(2, '0')}`
  if (/^(Out of Range|Conversion) Error: /.test(message))
    return `Value out of range: ${message.split('\n')[0]!.replace(/^[^:]*: /, '')}`
  if (/^Invalid Input Error: (invalid|missing|bad|no argument|unexpected|invalid UTF-8)/.test(message))
    return `Cannot parse regular expression: ${message.replace('Invalid Input Error: ', '')}`
  if (/More than one row returned by a subquery/.test(message)) return 'Scalar subquery produced more than one element'
  return undefined
}
