import type { JWTVerifyGetKey } from 'jose'
import { localCloud } from './environment.ts'
import { CloudError } from './errors.ts'
import { patientFetch } from './patient-fetch.ts'

/** Google's public keys (https://developers.google.com/identity/openid-connect/openid-connect#discovery, jwks_uri). */
const KEYS = { host: 'https://www.googleapis.com', path: '/oauth2/v3/certs' }

/** Both are in use (https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload). */
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']

/** Google's keys are announced days before their first use. */
const KEYS_FRESH_MS = 3_600_000

/** After a token of an unknown key the keys are fetched again, but not for each such token. */
const KEYS_COOLDOWN_MS = 30_000
const KEYS_TIMEOUT_MS = 5_000

/** A token that Google makes has some 1,000 characters. */
const MAX_TOKEN_CHARACTERS = 8_192

/** Whom a service lets in. */
export interface TokenRules {
  /** The URLs that the service is called by: what a caller asks its token for. */
  audiences: readonly string[]
  /** The one account that may call. */
  account: string
}

/** `refused` is 401 when there is no valid token, 403 when it is somebody else's. */
export type TokenVerdict = { admitted: true } | { refused: 401 | 403; reason: string }

export type TokenCheck = (authorization: string | undefined) => Promise<TokenVerdict>

/**
 * A check of the identity tokens that Cloud Tasks, Pub/Sub and the command line send: Google's
 * signature, issuer, time, audience, and the verified address of the one account
 * (https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions,
 * https://cloud.google.com/tasks/docs/creating-http-target-tasks#token). The check rejects with
 * CloudError UNAVAILABLE while Google's keys cannot be had.
 *
 * @param now milliseconds since the Unix epoch
 */
export function tokenCheck(rules: TokenRules, now: () => number): TokenCheck {
  let keys: Promise<JWTVerifyGetKey> | undefined
  return async (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return { refused: 401, reason: 'the request has no identity token' }
    if (token.length > MAX_TOKEN_CHARACTERS) return { refused: 401, reason: 'the token is too long' }
    const { jwtVerify } = await import('jose')
    keys ??= publicKeys()
    const verified = await jwtVerify(token, await keys, {
      algorithms: ['RS256'],
      issuer: ISSUERS,
      audience: [...rules.audiences],
      requiredClaims: ['exp', 'iat', 'email'],
      currentDate: new Date(now()),
    }).catch((error: unknown) => refusal(error))
    if ('refused' in verified) return verified
    const { email, email_verified } = verified.payload
    if (email_verified === true && email === rules.account) return { admitted: true }
    return { refused: 403, reason: 'the account of the token may not call this service' }
  }
}

async function publicKeys(): Promise<JWTVerifyGetKey> {
  const { createRemoteJWKSet, customFetch } = await import('jose')
  return createRemoteJWKSet(new URL(KEYS.path, localCloud()?.http ?? KEYS.host), {
    cacheMaxAge: KEYS_FRESH_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    timeoutDuration: KEYS_TIMEOUT_MS,
    [customFetch]: patientFetch,
  })
}

/** What jose says of tokens that are wrong (https://github.com/panva/jose/blob/main/src/util/errors.ts); all else is the keys' absence. */
const TOKEN_FAULTS: ReadonlySet<string> = new Set([
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWS_INVALID',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_INVALID',
])

function refusal(error: unknown): { refused: 401; reason: string } {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined && TOKEN_FAULTS.has(code))
    return { refused: 401, reason: `the identity token is not valid: ${message}` }
  throw new CloudError('UNAVAILABLE', `Google's public keys cannot be had: ${message}`, { cause: error })
}
