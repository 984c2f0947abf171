import { createHash } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { localCloud } from '../transport/environment.ts'
import { CloudError } from '../transport/errors.ts'
import { patientFetch } from '../transport/patient-fetch.ts'

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

/**
 * How far ahead the clock of who made a token may be, and how far ahead a token may end. Both as in
 * Google's own library: `CLOCK_SKEW_SECS_` and `DEFAULT_MAX_TOKEN_LIFETIME_SECS_` of
 * https://github.com/googleapis/google-auth-library-nodejs/blob/main/src/auth/oauth2client.ts
 * (verifySignedJwtWithCertsAsync). Other than there, no token is taken after its end.
 */
const CLOCK_SKEW_S = 300
const MAX_LIFETIME_S = 86_400

/** Cloud Tasks and Pub/Sub send one token with many requests. */
const MAX_REMEMBERED_TOKENS = 1_000

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
  /** By the hash of each admitted token: when it ends, in seconds. The tokens themselves are not kept. */
  const admitted = new Map<string, number>()
  return async (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return { refused: 401, reason: 'the request has no identity token' }
    if (token.length > MAX_TOKEN_CHARACTERS) return { refused: 401, reason: 'the token is too long' }
    const nowS = now() / 1_000
    const hash = createHash('sha256').update(token).digest('base64')
    if ((admitted.get(hash) ?? 0) > nowS) return { admitted: true }
    const { jwtVerify } = await import('jose')
    keys ??= publicKeys()
    const verified = await jwtVerify(token, await keys, {
      algorithms: ['RS256'],
      issuer: ISSUERS,
      audience: [...rules.audiences],
      requiredClaims: ['exp', 'iat', 'email'],
      currentDate: new Date(now()),
    }).catch((error: unknown) => tokenRefusal(error))
    if ('refused' in verified) return verified
    const { protectedHeader, payload } = verified
    const fault = protectedHeader.kid === undefined ? 'it does not name its key' : claimFault(payload, nowS)
    if (fault !== undefined) return { refused: 401, reason: `the identity token is not valid: ${fault}` }
    const { email, email_verified, exp = 0 } = payload
    if (email_verified !== true || email !== rules.account) {
      return { refused: 403, reason: 'the account of the token may not call this service' }
    }
    if (admitted.size >= MAX_REMEMBERED_TOKENS) admitted.clear()
    admitted.set(hash, exp)
    return { admitted: true }
  }
}

/** What is wrong with the claims of a signed token that has not ended. */
function claimFault({ aud, iat = Number.NaN, exp = Number.NaN }: JWTPayload, nowS: number): string | undefined {
  if (typeof aud !== 'string') return '"aud" is not one audience'
  if (!(iat <= nowS + CLOCK_SKEW_S)) return '"iat" is in the future'
  if (!(exp > iat && exp < nowS + MAX_LIFETIME_S)) return '"exp" is too far away, or before "iat"'
  return undefined
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

function tokenRefusal(error: unknown): { refused: 401; reason: string } {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined && TOKEN_FAULTS.has(code))
    return { refused: 401, reason: `the identity token is not valid: ${message}` }
  throw new CloudError('UNAVAILABLE', `Google's public keys cannot be had: ${message}`, { cause: error })
}
