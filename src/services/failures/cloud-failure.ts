import { ImageryError } from '../../contracts/errors.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import { NO_ACCOUNT } from '../../google/auth/credentials.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { CloudError, LocalCloudLost } from '../../google/transport/errors.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { knownRefusal } from './known-refusal.ts'
import { missingRoleFailure } from './missing-role.ts'
import { fileFailure } from './file-failure.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'

/** Every step can be repeated, because existing resources are left unchanged. */
const TRY_AGAIN = 'Try again; nothing is done twice'

/** Errors of the token endpoint for a sign-in that was revoked, has expired, or must be confirmed (https://www.rfc-editor.org/rfc/rfc6749#section-5.2). */
const SIGN_IN_AGAIN = /\binvalid_(?:grant|rapt)\b/

/** Errors for keys and for tokens that others have signed, which a user's sign-in does not fix. */
const NOBODY_SIGNS_IN = /\bJWT\b|\bID Token\b|account not found/

/** A gRPC client's error if it got no token, which does not always include the reason. */
const NO_TOKEN = /Getting metadata from plugin failed/

/** The clients' errors if the metadata server issued no token. */
const NO_METADATA = new RegExp(
  `${NO_ACCOUNT}|Could not (?:refresh access|fetch ID) token|Getting metadata from plugin failed|/computeMetadata/`,
)

/**
 * Converts an error to an expected failure of the cloud or of a file, if it is one. Any other error is
 * a bug and is returned unchanged.
 *
 * @param place the command's deployment, to name the command that grants a missing role
 */
export function expectedFailure(error: unknown, place?: DeploymentRef): unknown {
  const onFile = fileFailure(error)
  if (onFile) return onFile
  if (!(error instanceof CloudError)) return error
  if (isLost(error)) {
    const message = 'The local cloud stopped while this command was using it; its state on disk is complete'
    return new ImageryError('LOCAL_CLOUD_FAILED', message, { cause: error })
  }
  const cloud = localCloud() ? 'The local cloud' : 'Google Cloud'
  if (error instanceof ServiceTokenError)
    return new ImageryError('ACCESS_DENIED', error.message, { suggestions: error.suggestions, cause: error })
  if (localCloud() && NO_METADATA.test(error.message)) {
    return new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The local cloud's metadata server issues no token: ${error.message}`,
      {
        suggestions: ['imagery local stop   (its state is kept; the next command restarts it)'],
        cause: error,
      },
    )
  }
  if (SIGN_IN_AGAIN.test(error.message)) {
    return new ImageryError('ACCESS_DENIED', `Google no longer accepts this machine's credentials: ${error.message}`, {
      suggestions: [NOBODY_SIGNS_IN.test(error.message) ? 'imagery doctor' : 'gcloud auth application-default login'],
      cause: error,
    })
  }
  if (NO_TOKEN.test(error.message)) {
    return new ImageryError(
      'ACCESS_DENIED',
      `This machine's credentials cannot get an access token: ${error.message}`,
      {
        suggestions: ['imagery doctor'],
        cause: error,
      },
    )
  }
  const refusal = knownRefusal(error, place ?? { projectId: 'PROJECT' })
  if (refusal) return refusal
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
      return new ImageryError('CLOUD_ERROR', `${cloud} did not respond: ${error.message}`, {
        suggestions: [TRY_AGAIN],
        cause: error,
      })
    default:
      return new ImageryError('CLOUD_ERROR', `${cloud} returned ${error.status}: ${error.message}`, {
        suggestions: error.retryable ? [TRY_AGAIN] : [],
        cause: error,
      })
  }
}

/** Whether the local cloud has ended. A call can fail before its end is noticed in another way. */
function isLost(error: CloudError): boolean {
  if (error instanceof LocalCloudLost) return true
  const cloud = localCloud()
  return cloud !== undefined && error.retryable && !isAlive(cloud.pid)
}
