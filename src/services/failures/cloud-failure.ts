import { ImageryError } from '../../contracts/errors.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import { NO_ACCOUNT } from '../../google/auth/credentials.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { CloudError, LocalCloudLost } from '../../google/transport/errors.ts'
import { CallRefused } from '../../google/auth/service-tokens.ts'
import { missingRoleFailure } from './missing-role.ts'
import { fileFailure } from './file-failure.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'

/** Every step may be repeated: what is there already is left alone. */
const TRY_AGAIN = 'Try again; nothing is done twice'

/** What the token endpoint says of a sign-in that was revoked, has expired, or has to be confirmed (https://www.rfc-editor.org/rfc/rfc6749#section-5.2). */
const SIGN_IN_AGAIN = /\binvalid_(?:grant|rapt)\b/

/** What the endpoints say of keys and of tokens that others have signed: no sign-in of a person would help. */
const NOBODY_SIGNS_IN = /\bJWT\b|\bID Token\b|account not found/

/** How a gRPC client says that it got no token; why, it does not always say. */
const NO_TOKEN = /Getting metadata from plugin failed/

/** How the clients say that the metadata server gave them no token. */
const NO_METADATA = new RegExp(
  `${NO_ACCOUNT}|Could not (?:refresh access|fetch ID) token|Getting metadata from plugin failed|/computeMetadata/`,
)

/**
 * Whatever a service threw, as an expected failure when it is one, of the cloud or of a file; anything
 * else is a bug and stays as it is.
 *
 * @param place what the command works on, so that a missing role can be named with what gives it
 */
export function expectedFailure(error: unknown, place?: DeploymentRef): unknown {
  const onFile = fileFailure(error)
  if (onFile) return onFile
  if (!(error instanceof CloudError)) return error
  if (isLost(error)) {
    const message = 'The local cloud ended while this command used it; its state on disk is complete'
    return new ImageryError('LOCAL_CLOUD_FAILED', message, { cause: error })
  }
  const cloud = localCloud() ? 'The local cloud' : 'Google Cloud'
  if (error instanceof CallRefused)
    return new ImageryError('ACCESS_DENIED', error.message, { suggestions: error.suggestions, cause: error })
  if (localCloud() && NO_METADATA.test(error.message)) {
    return new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The local cloud's metadata server gives no token: ${error.message}`,
      {
        suggestions: ['imagery local stop   (its state stays; the next command starts it again)'],
        cause: error,
      },
    )
  }
  if (SIGN_IN_AGAIN.test(error.message)) {
    return new ImageryError(
      'ACCESS_DENIED',
      `Google does not take this machine's credentials any more: ${error.message}`,
      {
        suggestions: [NOBODY_SIGNS_IN.test(error.message) ? 'imagery doctor' : 'gcloud auth application-default login'],
        cause: error,
      },
    )
  }
  if (NO_TOKEN.test(error.message)) {
    return new ImageryError('ACCESS_DENIED', `This machine's credentials get no access token: ${error.message}`, {
      suggestions: ['imagery doctor'],
      cause: error,
    })
  }
  switch (error.status) {
    case 'PERMISSION_DENIED': {
      const named = place && missingRoleFailure(error, { place, to: 'runner', what: 'A call', roles: [] })
      if (named instanceof ImageryError) return named
      return new ImageryError('ACCESS_DENIED', `${cloud} refused: ${error.message}`, { cause: error })
    }
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

/** A call may fail before the end of the local cloud is noticed otherwise. */
function isLost(error: CloudError): boolean {
  if (error instanceof LocalCloudLost) return true
  const cloud = localCloud()
  return cloud !== undefined && error.retryable && !isAlive(cloud.pid)
}
