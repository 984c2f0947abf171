import { expect, test } from 'vitest'
import { cloudError } from '../../../src/google/transport/errors.ts'
import { expectedFailure } from '../../../src/services/failures/cloud-failure.ts'

/** The libraries' errors for missing tokens, and what the user sees. */

test('a token service whose API is disabled is reported in its own words, even if the library dropped them', () => {
  const error = {
    code: 403,
    status: 'PERMISSION_DENIED',
    message: 'Security Token Service API has not been used in project 7 before or it is disabled.',
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'SERVICE_DISABLED',
        metadata: { service: 'sts.googleapis.com' },
      },
    ],
  }
  const thrown = Object.assign(new Error('Error code [object Object]'), { response: { status: 403, data: { error } } })
  expect(cloudError(thrown)).toMatchObject({
    status: 'PERMISSION_DENIED',
    message: error.message,
    reason: 'SERVICE_DISABLED',
    service: 'sts.googleapis.com',
  })
})

test.each([
  ['invalid_grant: Token has been expired or revoked.', 'gcloud auth application-default login'],
  ['invalid_grant: Invalid JWT Signature.', 'imagery doctor'],
  ['invalid_grant: Invalid grant: account not found', 'imagery doctor'],
  ['Error code invalid_grant: The audience in ID Token does not match the expected audience.', 'imagery doctor'],
  ['Getting metadata from plugin failed with error: Error code [object Object]', 'imagery doctor'],
])('"%s" leads to %s', (message, suggestion) => {
  expect(expectedFailure(cloudError(Object.assign(new Error(message), { code: 16 })))).toMatchObject({
    code: 'ACCESS_DENIED',
    suggestions: [suggestion],
  })
})
