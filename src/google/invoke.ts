import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { localCloud } from './environment.ts'
import { cloudError, CloudError } from './errors.ts'
import { withServiceToken } from './service-tokens.ts'

export interface ServiceAnswer {
  status: number
  /** The parsed JSON body; the text when it is not JSON. */
  body: unknown
}

/** A service that is busy, starting, or has just crashed answers one of these; the next instance may do better. */
const PASSING = new Set([429, 502, 503, 504])

/** Tries of one call, and the wait before the second; it doubles with each further one. */
const MOST_TRIES = 5
const FIRST_PAUSE_MS = 250

/**
 * Calls a private Cloud Run service as this process's account, or as whom that may speak for
 * (https://cloud.google.com/run/docs/authenticating/service-to-service). In a local cloud the
 * request goes to the local front door under the service's own host name.
 *
 * The routes of our services may all be called twice, so a call that fails in passing is repeated.
 *
 * @param options.timeoutMs for all tries together
 * @throws CallRefused when the service lets none of its tokens in; CloudError UNAVAILABLE when nothing answers in time; otherwise the last answer is returned, whatever its status
 */
export async function callService(
  serviceUrl: string,
  route: string,
  options: { method: 'GET' | 'POST'; body?: object; timeoutMs: number },
): Promise<ServiceAnswer> {
  const deadlineMs = performance.now() + options.timeoutMs
  for (let tries = 1; ; tries++) {
    const leftMs = Math.max(1, Math.ceil(deadlineMs - performance.now()))
    const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1)
    const isLast = tries === MOST_TRIES || pauseMs >= leftMs
    try {
      const answer = await callOnce(serviceUrl, route, { ...options, timeoutMs: leftMs })
      if (isLast || !PASSING.has(answer.status)) return answer
    } catch (error) {
      if (isLast || !(error instanceof CloudError) || !error.retryable) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

async function callOnce(
  serviceUrl: string,
  route: string,
  options: { method: 'GET' | 'POST'; body?: object; timeoutMs: number },
): Promise<ServiceAnswer> {
  const payload = options.body === undefined ? undefined : JSON.stringify(options.body)
  return withServiceToken(serviceUrl, (token) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
    }
    return send(new URL(route, serviceUrl), { method: options.method, headers, timeout: options.timeoutMs }, payload)
  })
}

function send(url: URL, options: RequestOptions, payload: string | undefined): Promise<ServiceAnswer> {
  const local = localCloud()
  const target = local ? new URL(`${url.pathname}${url.search}`, local.http) : url
  const headers = { ...options.headers, ...(local ? { host: url.host } : {}) }
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(cloudError(error))
    const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(
      target,
      { ...options, headers },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')) }),
        )
      },
    )
    request.on('timeout', () =>
      request.destroy(new CloudError('UNAVAILABLE', `no answer from ${url.href} within ${options.timeout} ms`)),
    )
    request.on('error', fail)
    request.end(payload)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
