import { ImageryError } from '../contracts/errors.ts'
import { localCloud } from '../google/environment.ts'
import { CloudError } from '../google/errors.ts'

/** Every step may be repeated: what is there already is left alone. */
const TRY_AGAIN = 'Try again; nothing is done twice'

/** Whatever a service threw, as an expected failure when it is one; anything else is a bug and stays as it is. */
export function expectedFailure(error: unknown): unknown {
  if (!(error instanceof CloudError)) return error
  const cloud = localCloud() ? 'The local cloud' : 'Google Cloud'
  switch (error.status) {
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      return new ImageryError('ACCESS_DENIED', `${cloud} refused: ${error.message}`, { cause: error })
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return new ImageryError('CLOUD_ERROR', `${cloud} did not answer: ${error.message}`, {
        suggestions: [TRY_AGAIN],
        cause: error,
      })
    default:
      return new ImageryError('CLOUD_ERROR', `${cloud} answered ${error.status}: ${error.message}`, {
        suggestions: error.retryable ? [TRY_AGAIN] : [],
        cause: error,
      })
  }
}
