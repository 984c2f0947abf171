import { describe, expect, test } from 'vitest'
import { cloudError, httpError } from '../../../src/google/transport/errors.ts'

/** BigQuery's error table (https://cloud.google.com/bigquery/docs/error-messages): reason, HTTP code, meaning. */
const BIGQUERY = [
  ['accessDenied', 403, 'PERMISSION_DENIED', false],
  ['backendError', 503, 'UNAVAILABLE', true],
  ['billingNotEnabled', 403, 'FAILED_PRECONDITION', false],
  ['billingTierLimitExceeded', 400, 'FAILED_PRECONDITION', false],
  ['blocked', 403, 'FAILED_PRECONDITION', false],
  ['duplicate', 409, 'ALREADY_EXISTS', false],
  ['internalError', 500, 'INTERNAL', true],
  ['invalid', 400, 'INVALID_ARGUMENT', false],
  ['invalidQuery', 400, 'INVALID_ARGUMENT', false],
  ['jobBackendError', 400, 'UNAVAILABLE', true],
  ['jobInternalError', 400, 'INTERNAL', true],
  ['jobRateLimitExceeded', 400, 'RESOURCE_EXHAUSTED', true],
  ['notFound', 404, 'NOT_FOUND', false],
  ['notImplemented', 501, 'UNIMPLEMENTED', false],
  ['quotaExceeded', 403, 'RESOURCE_EXHAUSTED', true],
  ['rateLimitExceeded', 403, 'RESOURCE_EXHAUSTED', true],
  ['resourceInUse', 400, 'FAILED_PRECONDITION', false],
  ['resourcesExceeded', 400, 'FAILED_PRECONDITION', false],
  ['responseTooLarge', 403, 'FAILED_PRECONDITION', false],
  ['tableUnavailable', 400, 'UNAVAILABLE', true],
  ['timeout', 400, 'DEADLINE_EXCEEDED', true],
] as const

describe("BigQuery's reasons decide what a refusal means", () => {
  test.each(BIGQUERY)('%s with HTTP %i is %s', (reason, code, status, retryable) => {
    const errors = [{ domain: 'global', reason, message: 'No.' }]
    const byClient = cloudError(Object.assign(new Error('No.'), { code, errors }))
    const byRest = httpError(code, { error: { code, message: 'No.', errors } })
    for (const error of [byClient, byRest]) expect(error).toMatchObject({ status, reason, retryable })
  })

  test('also against the status that the body names', () => {
    const errors = [{ domain: 'usageLimits', reason: 'rateLimitExceeded' }]
    const error = httpError(403, { error: { message: 'Exceeded rate limits', status: 'PERMISSION_DENIED', errors } })
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', retryable: true })
  })

  test('tells a job that ran out of time from one that was canceled', () => {
    const stopped = (message: string) => cloudError({ code: 499, errors: [{ reason: 'stopped', message }] }).status
    expect(stopped('Job execution was cancelled: Job timed out after 120 sec')).toBe('DEADLINE_EXCEEDED')
    expect(stopped('Job execution was cancelled: User requested cancellation')).toBe('CANCELLED')
  })
})

test.each<[unknown, string]>([
  ['no healthy upstream', 'no healthy upstream'],
  [{ message: 'no route' }, '{"message":"no route"}'],
  [{ error: 'unavailable' }, '{"error":"unavailable"}'],
  ['', 'HTTP 503'],
  [{}, 'HTTP 503'],
  [undefined, 'HTTP 503'],
])('an answer that is not in the form of Google, %j, is an error with the text %j', (body, message) => {
  expect(httpError(503, body)).toMatchObject({ status: 'UNAVAILABLE', message })
})

describe('limits of other APIs', () => {
  // https://cloud.google.com/storage/docs/json_api/v1/status-codes
  test.each(['rateLimitExceeded', 'userRateLimitExceeded', 'dailyLimitExceeded'])(
    'a 403 of Cloud Storage with %s can be retried',
    (reason) => {
      const errors = [{ domain: 'usageLimits', reason, message: 'The project exceeded the rate limit' }]
      expect(cloudError({ code: 403, errors })).toMatchObject({ status: 'RESOURCE_EXHAUSTED', retryable: true })
    },
  )

  // https://google.aip.dev/193, as Service Usage, IAM and Cloud Run answer.
  test.each([429, 403])('google.rpc.ErrorInfo with RATE_LIMIT_EXCEEDED and HTTP %i can be retried', (code) => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RATE_LIMIT_EXCEEDED' }]
    const error = httpError(code, { error: { code, message: 'Quota exceeded for quota metric', details } })
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', retryable: true })
  })

  test('a gRPC RESOURCE_EXHAUSTED of Pub/Sub or Cloud Tasks can be retried', () => {
    const error = cloudError({ code: 8, details: 'Quota exceeded', reason: 'RATE_LIMIT_EXCEEDED' })
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', retryable: true })
  })
})

test.each([
  ['a lost race', 409, 'ABORTED', 'backendError'],
  ['a failed precondition', 412, 'FAILED_PRECONDITION', 'conditionNotMet'],
])('a reason does not change %s', (_what, code, status, reason) => {
  expect(httpError(code, { error: { message: 'No.', status, errors: [{ reason }] } }).status).toBe(status)
})

test('a request that is too large is about the request, so that a smaller one can be tried', () => {
  expect(cloudError({ code: 413, message: 'Request Entity Too Large' }).status).toBe('INVALID_ARGUMENT')
})
