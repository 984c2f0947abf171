import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { REQUEST_HEADER } from '@imagery/viewer/contract/http'
import { errorAnswer } from './error-answer.ts'

/** 256 random bits. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Who may use the server: the holder of a secret that only this user has seen. */
export interface Access {
  /** The port that the server listens on. */
  port: number
  /** In the address that is printed; works as long as the server runs. */
  token: string
  /**
   * In the address that the browser is started with. Other users of the machine can read the arguments of a process, so it
   * works once, and only for a minute.
   */
  launch: { token: string; expiresMs: number; isUsed: boolean } | undefined
  /** The value of the session's cookie. */
  session: string
}

/** Where a token is exchanged for the cookie. */
export const OPEN_PATH = '/open'

/** What the app may load: its own files and images. No request leaves the machine. A map draws in a worker, which is one of the files. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** https://developer.mozilla.org/docs/Web/Security/Practical_implementation_guides */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Sets the headers of every response, errors too. Data stays out of every cache unless a response says otherwise. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value)
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store')
  }
}

/**
 * Lets only the user's own browser in:
 *
 * - `Host` must be this address: a page that points its own name at this machine (DNS rebinding) has another one.
 * - `Origin` and `Sec-Fetch-Site` must not be of another page. A page of another port is of the same site, so that the
 *   cookie alone would not tell it apart (https://web.dev/articles/same-site-same-origin).
 * - The cookie must be the session's. A change also needs a header, and a body must be JSON: a form can send neither.
 */
export function guard(access: Access): MiddlewareHandler {
  return async (context, next) => {
    const refusal = refusalOf(context, access)
    if (refusal) return errorAnswer(context, refusal)
    await next()
    return undefined
  }
}

interface Refusal {
  status: 401 | 403 | 415
  code: string
  message: string
  suggestions?: readonly string[]
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const CHANGES: ReadonlySet<string> = new Set(['PUT', 'PATCH', 'DELETE'])

function refusalOf(context: Context, access: Access): Refusal | undefined {
  const { req } = context
  const host = req.header('host') ?? ''
  if (!hostsOf(access.port).includes(host))
    return {
      status: 403,
      code: 'ACCESS_DENIED',
      message: `imagery view does not answer for the host ${shortened(host)}`,
    }
  const origin = req.header('origin')
  const site = req.header('sec-fetch-site')
  const isForeign = origin !== undefined && origin !== `http://${host}`
  if (isForeign || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
    const message = 'Another page asked, and imagery view answers only its own'
    // A terminal that is a web page makes a link of the printed address.
    const suggestions =
      req.path === OPEN_PATH ? ['Paste the address into the address bar, instead of following a link'] : []
    return { status: 403, code: 'ACCESS_DENIED', message, suggestions }
  }
  if (req.path === OPEN_PATH && READS.has(req.method)) return undefined
  const cookie = getCookie(context, cookieName(access.port))
  if (cookie === undefined || !isSame(cookie, access.session))
    return {
      status: 401,
      code: 'ACCESS_DENIED',
      message: 'Open the address that imagery view printed in the terminal: it has the key to this page',
    }
  if (READS.has(req.method)) return undefined
  if (CHANGES.has(req.method) && req.header(REQUEST_HEADER) === undefined)
    return { status: 403, code: 'ACCESS_DENIED', message: `The header ${REQUEST_HEADER} is missing` }
  const type = req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (req.method !== 'DELETE' && type !== 'application/json')
    return { status: 415, code: 'ACCESS_DENIED', message: 'The body must be application/json' }
  return undefined
}

/** Exchanges the token of the address for the session's cookie. */
export function openSession(context: Context, access: Access, nowMs: number): Response {
  const given = context.req.query('token') ?? ''
  if (!isValidToken(given, access, nowMs))
    return errorAnswer(context, {
      status: 403,
      code: 'ACCESS_DENIED',
      message: 'This address has no valid key, or one that was used. Open the address that imagery view printed',
    })
  // Cookies are shared by all ports of a host, so the name has the port.
  setCookie(context, cookieName(access.port), access.session, { httpOnly: true, sameSite: 'Strict', path: '/' })
  return context.redirect('/', 303)
}

function isValidToken(given: string, access: Access, nowMs: number): boolean {
  if (isSame(given, access.token)) return true
  const { launch } = access
  if (!launch || launch.isUsed || nowMs > launch.expiresMs || !isSame(given, launch.token)) return false
  launch.isUsed = true
  return true
}

/** Compares in a time that says nothing about the content. */
function isSame(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(secret))
}

export function cookieName(port: number): string {
  return `imagery-view-${port}`
}

/** A browser leaves out the port that HTTP has by default. */
function hostsOf(port: number): string[] {
  const names = ['127.0.0.1', 'localhost']
  return [...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])]
}

function shortened(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
