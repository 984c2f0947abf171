import { describe, expect, test } from 'vitest'
import { failureKind } from '../../../src/runtime/models/failures.ts'

/** Cause, then what else: r retryable, f without using up a try, b billed. */
function kind(sign: Parameters<typeof failureKind>[0]): string {
  const { cause, retryable, countsAsTry, billed } = failureKind(sign)
  return `${cause}${retryable ? ' r' : ''}${countsAsTry ? '' : ' f'}${billed ? ' b' : ''}`
}

// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors
test.each([
  [400, 'model_error'],
  [401, 'model_error'],
  [403, 'model_error'],
  [404, 'model_error'],
  [408, 'timeout r'],
  [413, 'unreadable_image'],
  [418, 'model_error'],
  [429, 'throttled r f'],
  [499, 'timeout r'],
  [500, 'model_error r'],
  [501, 'model_error'],
  [502, 'throttled r'],
  [503, 'throttled r'],
  [504, 'timeout r'],
  [599, 'model_error r'],
])('HTTP %i is %s', (http, expected) => {
  expect(kind({ http })).toBe(expected)
})

describe('a refusal because of an image', () => {
  test.each([
    [
      400,
      'Unable to process input image. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
    ],
    [400, 'Provided image is not valid.'],
    [400, 'Unsupported MIME type: image/gif'],
    [400, 'Cannot fetch content from the provided URL.'],
    [
      403,
      'service-1@gcp-sa-aiplatform.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object.',
    ],
    [403, 'Permission denied while accessing input file.'],
    [404, 'The specified object gs://bucket/o.jpg does not exist.'],
  ])('HTTP %i %s is final', (http, message) => {
    expect(kind({ http, message })).toBe('unreadable_image')
  })

  test.each([
    [404, 'Publisher Model `projects/p/locations/global/publishers/google/models/gemini-9` not found.', 'model_error'],
    [429, 'Unable to process input image', 'throttled r f'],
    [
      400,
      'Service agents are being provisioned (https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents). Service agents are needed to read the Cloud Storage file provided. So please try again in a few minutes.',
      'model_error r',
    ],
    [400, 'Invalid value at generation_config', 'model_error'],
  ])('does not include HTTP %i %s: %s', (http, message, expected) => {
    expect(kind({ http, message })).toBe(expected)
  })
})

// https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#FinishReason
test.each([
  ['MAX_TOKENS', 'truncated b'],
  ['SAFETY', 'blocked b'],
  ['RECITATION', 'blocked b'],
  ['BLOCKLIST', 'blocked b'],
  ['PROHIBITED_CONTENT', 'blocked b'],
  ['SPII', 'blocked b'],
  ['OTHER', 'model_error r b'],
  ['MALFORMED_FUNCTION_CALL', 'model_error r b'],
  ['A_REASON_OF_NEXT_YEAR', 'model_error r b'],
  ['constructor', 'model_error r b'],
])('the finish reason %s is %s', (finishReason, expected) => {
  expect(kind({ finishReason })).toBe(expected)
})

test.each(['SAFETY', 'OTHER', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'IMAGE_SAFETY', 'JAILBREAK'])(
  'a prompt blocked for %s is a permanent failure',
  (blockReason) => {
    expect(kind({ blockReason })).toBe('blocked b')
  },
)

test.each([
  ['deadline', 'timeout r'],
  ['connection', 'model_error r'],
  ['empty', 'model_error r b'],
  ['malformed', 'schema b'],
] as const)('the problem %s is %s', (problem, expected) => {
  expect(kind({ problem })).toBe(expected)
})
