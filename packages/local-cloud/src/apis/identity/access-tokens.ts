import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Principal } from '../../kernel/api.ts'
import { writeFileAtomically } from '../../kernel/atomic-file.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'

/** https://cloud.google.com/docs/authentication/token-types#access: one hour by default. */
export const ACCESS_TOKEN_LIFETIME_MS = 60 * 60 * 1000

/**
 * The metadata server returns the same token until five minutes before it expires
 * (https://cloud.google.com/compute/docs/access/authenticate-workloads#applications).
 */
export const TOKEN_RENEWAL_MARGIN_MS = 5 * 60 * 1000

/**
 * How far the issuer's clock may be ahead: `CLOCK_SKEW_SECS_` of
 * https://github.com/googleapis/google-auth-library-nodejs/blob/main/src/auth/oauth2client.ts
 */
export const CLOCK_SKEW_MS = 300_000

const PREFIX = 'ya29.local-'
const REFRESH_PREFIX = '1//local-'

/** Verified tokens are remembered, so that a call costs a map look-up; the map is cleared at this size. */
const MAX_REMEMBERED_TOKENS = 1_000

export interface AccessToken {
  token: string
  expiresInS: number
}

/** The owner of a token, and its issue time. */
export interface TokenHolder extends Principal {
  issuedMs: number
}

interface Claims {
  email: string
  sets?: readonly string[]
  issuedMs: number
  expiresMs: number
}

/**
 * Access tokens that carry their owner and expiry, signed with a secret in `directory`, so that tokens
 * from before a restart stay valid.
 */
export class AccessTokens {
  readonly #secret: Buffer
  readonly #clock: Clock
  readonly #issued = new Map<string, { token: string; expiresMs: number }>()
  readonly #verified = new Map<string, Claims>()

  /** Creates the secret unless it exists. Throws an Error that names the file if it is damaged. */
  constructor(directory: string, clock: Clock) {
    this.#secret = openSecret(path.join(directory, 'access-token-secret'))
    this.#clock = clock
  }

  /** Returns a token of `email` that is valid for at least five more minutes. */
  issue(email: string): AccessToken {
    const nowMs = this.#clock.now()
    let current = this.#issued.get(email)
    if (!current || !isFresh(current.expiresMs, nowMs, ACCESS_TOKEN_LIFETIME_MS)) {
      const expiresMs = nowMs + ACCESS_TOKEN_LIFETIME_MS
      current = { token: sign(this.#secret, { email, issuedMs: nowMs, expiresMs }), expiresMs }
      this.#issued.set(email, current)
    }
    return { token: current.token, expiresInS: Math.floor((current.expiresMs - nowMs) / 1000) }
  }

  /** Drops the cached tokens of `email`. */
  forget(email: string): void {
    this.#issued.delete(email)
  }

  /** Returns a new token of any identity, valid for the given number of seconds. */
  mint({ email, sets }: Principal, lifetimeS: number): string {
    const issuedMs = this.#clock.now()
    const expiresMs = issuedMs + lifetimeS * 1_000
    return sign(this.#secret, { email, ...(sets ? { sets } : {}), issuedMs, expiresMs })
  }

  /** Returns the owner of the token in the header. Throws UNAUTHENTICATED with Google's message. */
  authenticate(authorization: string | undefined): TokenHolder {
    if (!authorization) throw unauthenticated('Request is missing required authentication credential.')
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    const claims = token === undefined ? undefined : this.#read(token)
    const nowMs = this.#clock.now()
    const isInTime = claims && claims.expiresMs > nowMs && claims.issuedMs <= nowMs + CLOCK_SKEW_MS
    if (!isInTime) {
      throw unauthenticated('Request had invalid authentication credentials.')
    }
    const { email, sets, issuedMs } = claims
    return { email, ...(sets ? { sets } : {}), issuedMs }
  }

  /** Returns a token with which a user gets access tokens. It does not expire. */
  refreshToken(email: string): string {
    const payload = Buffer.from(email).toString('base64url')
    return `${REFRESH_PREFIX}${payload}.${signature(this.#secret, `refresh ${payload}`).toString('base64url')}`
  }

  /** Returns the user of a refresh token; undefined when it is not valid. */
  userOf(refreshToken: string): string | undefined {
    if (!refreshToken.startsWith(REFRESH_PREFIX)) return undefined
    const [payload = '', given = ''] = refreshToken.slice(REFRESH_PREFIX.length).split('.')
    const isSigned = isSame(Buffer.from(given, 'base64url'), signature(this.#secret, `refresh ${payload}`))
    return isSigned ? Buffer.from(payload, 'base64url').toString() : undefined
  }

  #read(token: string): Claims | undefined {
    const known = this.#verified.get(token)
    if (known) return known
    const claims = verify(this.#secret, token)
    if (!claims) return undefined
    if (this.#verified.size >= MAX_REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(token, claims)
    return claims
  }
}

/**
 * Whether a cached token can still be returned. Not after the clock jumped back, which makes it look valid for too
 * long.
 */
export function isFresh(expiresMs: number, nowMs: number, lifetimeMs: number): boolean {
  const leftMs = expiresMs - nowMs
  return leftMs > TOKEN_RENEWAL_MARGIN_MS && leftMs <= lifetimeMs
}

function openSecret(file: string): Buffer {
  if (!existsSync(file)) writeFileAtomically(file, randomBytes(32))
  const secret = readFileSync(file)
  if (secret.byteLength !== 32) throw new Error(`${file} is damaged: ${secret.byteLength} bytes instead of 32`)
  return secret
}

function sign(secret: Buffer, claims: Claims): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${PREFIX}${payload}.${signature(secret, payload).toString('base64url')}`
}

function verify(secret: Buffer, token: string): Claims | undefined {
  if (!token.startsWith(PREFIX)) return undefined
  const [payload = '', given = ''] = token.slice(PREFIX.length).split('.')
  if (!isSame(Buffer.from(given, 'base64url'), signature(secret, payload))) return undefined
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
}

function signature(secret: Buffer, payload: string): Buffer {
  return createHmac('sha256', secret).update(payload).digest()
}

/** https://google.aip.dev/211: a caller without a valid token learns nothing else. */
export function unauthenticated(beginning: string): GoogleError {
  return new GoogleError(
    'UNAUTHENTICATED',
    `${beginning} Expected OAuth 2 access token, login cookie or other valid authentication credential. ` +
      'See https://developers.google.com/identity/sign-in/web/devconsole-project.',
  )
}
