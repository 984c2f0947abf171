import { createHash } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { localCloud } from '../transport/environment.ts'
import { CloudError } from '../transport/errors.ts'
import { patientFetch } from '../transport/patient-fetch.ts'

/** Google's public keys (https://developers.google.com/identity/openid-connect/openid-connect#discovery, jwks_uri). */
const KEYS = { host: 'https://www.googleapis.com', path: '/oauth2/v3/certs' }

/** Google uses both (https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload). */
const ISSUERS = ['https://accounts.google.com', 'accounts.google.com']

/** Google's keys are announced days before their first use. */
const KEYS_FRESH_MS = 3_600_000

/** The keys are fetched again after a token with an unknown key, but not for every one. */
const KEYS_COOLDOWN_MS = 30_000
const KEYS_TIMEOUT_MS = 5_000

/** Google's tokens have about 1,000 characters. */
const MAX_TOKEN_CHARACTERS = 8_192

/**
 * How far the issuer's clock may be ahead, and how far in the future a token may expire. Both as in
 * Google's own library: `CLOCK_SKEW_SECS_` and `DEFAULT_MAX_TOKEN_LIFETIME_SECS_` of
 * https://github.com/googleapis/google-auth-library-nodejs/blob/main/src/auth/oauth2client.ts
 * (verifySignedJwtWithCertsAsync). Unlike there, no token is accepted after it expires.
 */
const CLOCK_SKEW_S = 300
const MAX_LIFETIME_S = 86_400

/** Cloud Tasks and Pub/Sub send the same token with many requests. */
const MAX_REMEMBERED_TOKENS = 1_000

/** The callers that a service accepts. */
export interface TokenRules {
  /** The URLs of the service, which callers use as the audience of their tokens. */
  audiences: readonly string[]
  /** The only account that may call. */
  account: string
}

/** `refused` is 401 without a valid token, and 403 for another account's token. */
export type TokenVerdict = { admitted: true } | { refused: 401 | 403; reason: string }

export type TokenCheck = (authorization: string | undefined) => Promise<TokenVerdict>

/**
 * Returns a check of the identity tokens that Cloud Tasks, Pub/Sub and the command line send: Google's
 * signature, issuer, time, audience, and the verified email of the one account
 * (https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions,
 * https://cloud.google.com/tasks/docs/creating-http-target-tasks#token). The check rejects with
 * CloudError UNAVAILABLE while Google's keys cannot be fetched.
 *
 * @param now milliseconds since the Unix epoch
 */
export function tokenCheck(rules: TokenRules, now: () => number): TokenCheck {
  let keys: Promise<JWTVerifyGetKey> | undefined
  /** Expiry of each admitted token in seconds, by the token's hash. The tokens themselves are not kept. */
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
    const fault = protectedHeader.kid === undefined ? 'it has no key ID' : claimFault(payload, nowS)
    if (fault !== undefined) return { refused: 401, reason: `the identity token is not valid: ${fault}` }
    const { email, email_verified, exp = 0 } = payload
    if (email_verified !== true || email !== rules.account) {
      return { refused: 403, reason: "the token's account may not call this service" }
    }
    if (admitted.size >= MAX_REMEMBERED_TOKENS) admitted.clear()
    admitted.set(hash, exp)
    return { admitted: true }
  }
}

/** Returns what is wrong with the claims of a signed token that has not expired. */
function claimFault({ aud, iat = Number.NaN, exp = Number.NaN }: JWTPayload, nowS: number): string | undefined {
  if (typeof aud !== 'string') return '"aud" is not a single audience'
  if (!(iat <= nowS + CLOCK_SKEW_S)) return '"iat" is in the future'
  if (!(exp > iat && exp < nowS + MAX_LIFETIME_S)) return '"exp" is too far in the future, or before "iat"'
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

/**
 * jose's error codes for invalid tokens (https://github.com/panva/jose/blob/main/src/util/errors.ts); any other error
 * means that the keys are not available.
 */
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
  throw new CloudError('UNAVAILABLE', `could not fetch Google's public keys: ${message}`, { cause: error })
}
