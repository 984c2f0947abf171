import { localCloud } from '../transport/environment.ts'
import { cloudError, CloudError, needCloud } from '../transport/errors.ts'
import { sendRequest } from '../transport/http-request.ts'
import { withServiceToken } from '../auth/service-tokens.ts'

export interface ServiceAnswer {
  status: number
  /** The parsed JSON body; the text when it is not JSON. */
  body: unknown
}

/** A service that is busy, starting, or has just crashed returns one of these; another instance can succeed. */
const PASSING = new Set([429, 502, 503, 504])

/** Hundreds of times the longest response of imagery's services. */
const MOST_ANSWER_BYTES = 32 * 1024 * 1024

export interface ServiceCall {
  method: 'GET' | 'POST'
  body?: object
  /** For all tries together. */
  timeoutMs: number
  /** Called when a request has left this process, which then can do other work while the service does its own. */
  sent?: (() => void) | undefined
}

/** Number of tries for one call, and the wait before the second try, which doubles with each further try. */
const MOST_TRIES = 5
const FIRST_PAUSE_MS = 250

/**
 * Calls a private Cloud Run service as this process's account, or as an account that it can impersonate
 * (https://cloud.google.com/run/docs/authenticating/service-to-service). In a local cloud the request goes to the local
 * front door under the service's own host name.
 *
 * All routes of imagery's services are idempotent, so a call is retried after a transient failure.
 *
 * @throws ServiceTokenError when the service accepts no token; CloudError UNAVAILABLE without a response in time. Otherwise
 * returns the last response, whatever its status
 */
export async function callService(serviceUrl: string, route: string, options: ServiceCall): Promise<ServiceAnswer> {
  const deadlineMs = performance.now() + options.timeoutMs
  for (let tries = 1; ; tries++) {
    const leftMs = Math.max(1, Math.ceil(deadlineMs - performance.now()))
    const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1)
    const isLast = tries === MOST_TRIES || pauseMs >= leftMs
    try {
      const answer = await callOnce(serviceUrl, route, { ...options, timeoutMs: leftMs })
      if (isLast || !PASSING.has(answer.status)) return answer
    } catch (error) {
      needCloud()
      if (isLast || !(error instanceof CloudError) || !error.retryable) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Calls a service without a token, and returns the status of its answer: a private service refuses the call. */
export async function callWithoutToken(serviceUrl: string, route: string): Promise<number> {
  const { status } = await send(new URL(route, serviceUrl), undefined, { method: 'POST', body: {}, timeoutMs: 30_000 })
  return status
}

async function callOnce(serviceUrl: string, route: string, options: ServiceCall): Promise<ServiceAnswer> {
  return withServiceToken(serviceUrl, (token) => send(new URL(route, serviceUrl), token, options))
}

async function send(
  url: URL,
  token: string | undefined,
  { method, body, timeoutMs, sent }: ServiceCall,
): Promise<ServiceAnswer> {
  const local = localCloud()
  const target = local ? new URL(`${url.pathname}${url.search}`, local.http) : url
  try {
    const answer = await sendRequest(target, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(local ? { host: url.host } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
      maxBytes: MOST_ANSWER_BYTES,
      sent,
    })
    return { status: answer.status, body: parsed(answer.body.toString('utf8')) }
  } catch (error) {
    if ((error as Error).name !== 'TimeoutError') throw cloudError(error)
    throw new CloudError('UNAVAILABLE', `no response from ${url.href} within ${timeoutMs} ms`, { cause: error })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
