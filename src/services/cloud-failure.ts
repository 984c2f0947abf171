import { ImageryError } from '../contracts/errors.ts'
import { CloudError } from '../google/errors.ts'

/** Whatever a service threw, as an expected failure when it is one; anything else is a bug and stays as it is. */
export function expectedFailure(error: unknown): unknown {
  if (!(error instanceof CloudError)) return error
  switch (error.status) {
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      return new ImageryError('ACCESS_DENIED', `Google Cloud refused: ${error.message}`, { cause: error })
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return new ImageryError('CLOUD_ERROR', `Google Cloud did not answer: ${error.message}`, {
        suggestions: ['Try again; nothing is done twice'],
        cause: error,
      })
    default:
      return new ImageryError('CLOUD_ERROR', `Google Cloud answered ${error.status}: ${error.message}`, { cause: error })
  }
}
