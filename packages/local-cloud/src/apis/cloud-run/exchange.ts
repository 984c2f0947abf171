import { Agent, request as httpRequest } from 'node:http'
import { FRONT_DOOR_HEADER } from '../../contract/front-door.ts'
import type { Delivery, DeliveryAnswer } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { endToEndHeaders } from '../../kernel/headers.ts'
import type { Backend } from './fleet.ts'
import type { Instance } from './instance.ts'
import { HTTP1_BODY_MAX_BYTES } from './limits.ts'
import { textPage } from './pages.ts'
import { NoInstance } from './pool.ts'

/*
 * Node.js servers close a connection that was idle for 5 s; ours close earlier, so that no request uses
 * a connection that is being closed.
 */
const IDLE_CONNECTION_MS = 4_000

/** The connections to all instances, kept open between requests. */
export function instanceAgent(): Agent {
  return new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS })
}

/** A request that the program gets. */
export interface InstanceRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer
}

/**
 * Passes one request to an instance of the backend and resolves with its response, or with Cloud Run's
 * own: 504 after the service's timeout, 429 when all instances are full, 503 when the instance fails.
 * Rejects with DEADLINE_EXCEEDED when the sender's deadline passes first.
 */
export function exchange(
  backend: Backend,
  request: InstanceRequest,
  options: { delivery: Delivery; clock: Clock; agent: Agent; log: (line: string) => void },
): Promise<DeliveryAnswer> {
  const { delivery, clock, agent } = options
  return new Promise((resolve, reject) => {
    let isDone = false
    let release = (_isBroken: boolean): void => undefined
    let abort = (): void => undefined

    const finish = (settle: () => void, isBroken = false): void => {
      if (isDone) return
      isDone = true
      cancelTimer()
      release(isBroken)
      settle()
    }
    const answer = (page: DeliveryAnswer, isBroken?: boolean): void => finish(() => resolve(page), isBroken)

    const cancelTimer = clock.after(Math.min(backend.timeoutMs, delivery.deadlineMs), () => {
      finish(() => {
        abort()
        if (delivery.deadlineMs < backend.timeoutMs) {
          reject(new GoogleError('DEADLINE_EXCEEDED', `no response within ${delivery.deadlineMs} ms`))
        } else {
          resolve(textPage(504, 'The request has been terminated because it has reached the maximum request timeout.'))
        }
      })
    })
    const begin = (instance: Instance): void => {
      if (isDone) {
        backend.pool.release(instance)
        return
      }
      release = (isBroken) => backend.pool.release(instance, isBroken)
      abort = send(instance, request, agent, answer)
    }

    const instance = backend.pool.acquire()
    if (!(instance instanceof Promise)) begin(instance)
    else {
      instance.then(begin, (error: unknown) => {
        if (!(error instanceof NoInstance)) options.log(`${backend.revision}: ${String(error)}`)
        answer(noInstancePage(error))
      })
    }
  })
}

/**
 * https://cloud.google.com/run/docs/troubleshooting#429: 429 at the maximum of instances, 500 when none was available
 * in time.
 */
function noInstancePage(error: unknown): DeliveryAnswer {
  if (error instanceof NoInstance) return textPage(error.isFull ? 429 : 500, error.message)
  return textPage(503, 'The request failed because the instance could not start successfully.')
}

/** https://cloud.google.com/run/docs/troubleshooting#malformed-response-or-connection-error */
const BROKEN_CONNECTION =
  'The request failed because either the HTTP response was malformed or connection to the instance had an error.'

/** Sends the request and calls back once; the result aborts it. */
function send(
  { port, secret }: Instance,
  { method, path, headers: sent, body }: InstanceRequest,
  agent: Agent,
  answer: (page: DeliveryAnswer, isBroken?: boolean) => void,
): () => void {
  const broken = (): void => answer(textPage(503, BROKEN_CONNECTION), true)
  const headers = { ...sent, [FRONT_DOOR_HEADER]: secret }
  const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent }, (incoming) => {
    // Only an answer of a stated length is limited; a streamed one is not (https://cloud.google.com/run/quotas#request_limits).
    if (Number(incoming.headers['content-length'] ?? 0) > HTTP1_BODY_MAX_BYTES) {
      outgoing.destroy()
      answer(textPage(500, 'Response size was too large. Please consider reducing response size.'))
      return
    }
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', broken)
    incoming.on('end', () =>
      answer({
        status: incoming.statusCode ?? 0,
        headers: endToEndHeaders(incoming.headers),
        body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks),
      }),
    )
  })
  outgoing.on('error', broken)
  outgoing.end(body)
  return () => outgoing.destroy()
}
