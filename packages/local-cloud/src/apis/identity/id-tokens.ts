import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { errors, exportJWK, jwtVerify, SignJWT, type JWTPayload } from 'jose'
import type { Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { CLOCK_SKEW_MS, isFresh } from './access-tokens.ts'
import type { KeyPair } from './key-files.ts'

/** https://cloud.google.com/docs/authentication/token-types#id: issuer and lifetime of Google's ID tokens. */
export const ID_TOKEN_ISSUER = 'https://accounts.google.com'
export const ID_TOKEN_LIFETIME_MS = 60 * 60 * 1000

/**
 * How far in the future a token may expire: `DEFAULT_MAX_TOKEN_LIFETIME_SECS_` of
 * https://github.com/googleapis/google-auth-library-nodejs/blob/main/src/auth/oauth2client.ts
 */
const MAX_LIFETIME_MS = 86_400_000

const MAX_REMEMBERED_TOKENS = 1_000

interface VerifiedToken {
  email: string
  audience: string
  expiresMs: number
}

/** Google's ID tokens, signed with the local cloud's own key. */
export class IdTokens {
  readonly #signing: KeyPair
  readonly #clock: Clock
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  readonly #keyId: string
  readonly #issued = new Map<string, { token: Promise<string>; expiresMs: number }>()
  readonly #verified = new Map<string, VerifiedToken>()

  constructor(signing: KeyPair, clock: Clock) {
    this.#signing = signing
    this.#clock = clock
    this.#privateKey = createPrivateKey(signing.key)
    this.#publicKey = createPublicKey(signing.key)
    const { raw } = new X509Certificate(signing.certificate)
    this.#keyId = createHash('sha256').update(raw).digest('hex').slice(0, 40)
  }

  /**
   * Returns an ID token of `email` for `audience`, valid for at least five more minutes. Signing takes about 1 ms, so
   * tokens are reused.
   */
  issue(email: string, audience: string): Promise<string> {
    const nowMs = this.#clock.now()
    const cacheKey = JSON.stringify([email, audience])
    const current = this.#issued.get(cacheKey)
    if (current && isFresh(current.expiresMs, nowMs, ID_TOKEN_LIFETIME_MS)) return current.token
    if (this.#issued.size >= MAX_REMEMBERED_TOKENS) this.#issued.clear()
    const token = this.#sign(email, audience, nowMs)
    this.#issued.set(cacheKey, { token, expiresMs: nowMs + ID_TOKEN_LIFETIME_MS })
    return token
  }

  /**
   * Returns the owner of a token. Rejects with UNAUTHENTICATED and the reason unless our key signed it for one of the
   * audiences and it is not expired.
   */
  async verify(token: string, audience: string | readonly string[]): Promise<Principal> {
    const claims = await this.#check(token).catch((error: unknown) => {
      throw error instanceof errors.JOSEError ? refused(error.message) : error
    })
    if (claims.expiresMs <= this.#clock.now()) throw refused('"exp" claim timestamp check failed')
    const audiences = typeof audience === 'string' ? [audience] : audience
    if (!audiences.includes(claims.audience)) throw refused(`unexpected "aud" claim value ${claims.audience}`)
    return { email: claims.email }
  }

  /** The public key as https://www.googleapis.com/oauth2/v3/certs has it. */
  async jsonWebKeySet(): Promise<{ keys: object[] }> {
    return { keys: [{ ...(await exportJWK(this.#publicKey)), kid: this.#keyId, alg: 'RS256', use: 'sig' }] }
  }

  /** Key ID to certificate, as https://www.googleapis.com/oauth2/v1/certs has it. */
  pemCertificates(): Record<string, string> {
    return { [this.#keyId]: this.#signing.certificate }
  }

  #sign(email: string, audience: string, issuedMs: number): Promise<string> {
    const id = accountId(email)
    return new SignJWT({ azp: id, email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid: this.#keyId, typ: 'JWT' })
      .setIssuer(ID_TOKEN_ISSUER)
      .setAudience(audience)
      .setSubject(id)
      .setIssuedAt(Math.floor(issuedMs / 1000))
      .setExpirationTime(Math.floor((issuedMs + ID_TOKEN_LIFETIME_MS) / 1000))
      .sign(this.#privateKey)
  }

  async #check(token: string): Promise<VerifiedToken> {
    const known = this.#verified.get(token)
    if (known) return known
    const nowMs = this.#clock.now()
    const { payload, protectedHeader } = await jwtVerify(token, this.#publicKey, {
      issuer: ID_TOKEN_ISSUER,
      algorithms: ['RS256'],
      requiredClaims: ['aud', 'email', 'exp', 'iat'],
      currentDate: new Date(nowMs),
    })
    if (protectedHeader.kid !== this.#keyId) throw refused('no key of this id')
    const checked = readClaims(payload, nowMs)
    if (this.#verified.size >= MAX_REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(token, checked)
    return checked
  }
}

function readClaims(payload: JWTPayload, nowMs: number): VerifiedToken {
  const { aud, email, email_verified: isVerified, iat = Number.NaN, exp = Number.NaN } = payload
  if (typeof aud !== 'string' || typeof email !== 'string') throw refused('"aud" and "email" must be strings')
  if (isVerified !== true) throw refused('the "email" is not verified')
  if (!(iat * 1_000 <= nowMs + CLOCK_SKEW_MS)) throw refused('"iat" is in the future')
  if (!(exp > iat && exp * 1_000 < nowMs + MAX_LIFETIME_MS)) throw refused('"exp" is too far away, or before "iat"')
  return { email, audience: aud, expiresMs: exp * 1000 }
}

function refused(why: string): GoogleError {
  return new GoogleError('UNAUTHENTICATED', `The ID token is not valid: ${why}`)
}

/** The account's unique number, 21 digits as at Google, the same at every start. */
export function accountId(email: string): string {
  const digest = createHash('sha256').update(email).digest('hex')
  return `1${(BigInt(`0x${digest}`) % 10n ** 20n).toString().padStart(20, '0')}`
}
