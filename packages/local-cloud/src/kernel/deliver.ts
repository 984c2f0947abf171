import * as http from 'node:http'
import * as https from 'node:https'
import type { Deliver, Delivery, DeliveryAnswer } from './api.ts'
import type { Clock } from './clock.ts'
import { GoogleError } from './errors.ts'
import type { Faults } from './faults.ts'
import { ConnectionDropped, applyFaults } from './gateway.ts'
import { endToEndHeaders } from './headers.ts'
import { isServiceHost, type FrontDoor } from './http-server.ts'
import type { InProgress } from './in-progress.ts'

export interface DeliverOptions {
  /** Signs the OIDC token that a delivery carries. */
  idToken(email: string, audience: string): Promise<string>
  /** Delivers to the local Cloud Run services; absent without a local Cloud Run. */
  frontDoor?: FrontDoor
  clock: Clock
  /** Fault rules whose method matches `deliver/<host><path>` apply to deliveries. */
  faults?: Faults
  /** Called before each delivery. */
  log?: (record: DeliveryRecord) => void
  /** Counts deliveries without a response. */
  underWay?: InProgress
}

/** One delivery of the call log. */
export interface DeliveryRecord {
  /** `deliver/<host><path>` */
  method: string
  /** For a Cloud Tasks dispatch: the last part of the queue's and the task's name. */
  queue?: string
  task?: string
  /** The status of the response to the task's last delivery, if it had one and the task is sent again. */
  previous?: string
}

/**
 * Sends task dispatches and push deliveries. Rejects with GoogleError when there is no response:
 * UNAVAILABLE for a broken or refused connection, DEADLINE_EXCEEDED after `deadlineMs`.
 */
export function createDeliver(options: DeliverOptions): Deliver {
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  }
  const deliver: Deliver = async (delivery, again = () => delivery) => {
    const url = new URL(delivery.url)
    const method = `deliver/${url.host}${url.pathname}`
    let sends = 0
    const send = async (): Promise<DeliveryAnswer> => {
      sends += 1
      const sent = sends === 1 ? delivery : again()
      if (!sent) throw new GoogleError('NOT_FOUND', 'it was deleted before it was sent again')
      options.log?.(record(method, sent))
      return sendOnce(options, agents, url, sent)
    }
    const effects = options.faults?.take(method) ?? []
    if (effects.length === 0) return send()
    const isRefused = effects.some((effect) => effect.kind === 'error')
    if (!isRefused) return applyFaults(method, effects, options.clock, send)
    // A failing target still sends a response: the dispatcher sees a status, not a broken connection.
    return applyFaults(method, effects, options.clock, send).catch((error: unknown) => scriptedAnswer(error))
  }
  const { underWay, clock } = options
  if (!underWay) return deliver
  return (delivery, again) => underWay.during(clock.now() + delivery.deadlineMs, () => deliver(delivery, again))
}

function record(method: string, { headers }: Delivery): DeliveryRecord {
  const {
    'X-CloudTasks-QueueName': queue,
    'X-CloudTasks-TaskName': task,
    'X-CloudTasks-TaskPreviousResponse': previous,
  } = headers
  return {
    method,
    ...(queue === undefined ? {} : { queue }),
    ...(task === undefined ? {} : { task }),
    ...(previous === undefined ? {} : { previous }),
  }
}

function scriptedAnswer(error: unknown): DeliveryAnswer {
  if (!(error instanceof GoogleError) || error instanceof ConnectionDropped) throw error
  return {
    status: error.http,
    headers: error.retryAfterS === undefined ? {} : { 'retry-after': String(error.retryAfterS) },
    body: Buffer.from(error.message),
  }
}

type Agents = { 'http:': http.Agent; 'https:': https.Agent }

async function sendOnce(
  options: DeliverOptions,
  agents: Agents,
  url: URL,
  delivery: Delivery,
): Promise<DeliveryAnswer> {
  const { oidc, ...bare } = delivery
  const headers = { ...delivery.headers }
  if (oidc) {
    headers['authorization'] = `Bearer ${await options.idToken(oidc.serviceAccountEmail, oidc.audience)}`
  }
  const signed: Delivery = { ...bare, headers }
  return withDeadline(options.clock, delivery.deadlineMs, (signal) => {
    if (!isServiceHost(url.hostname)) return sendOverNetwork(agents, url, signed, signal)
    if (!options.frontDoor) throw new GoogleError('UNAVAILABLE', `no Cloud Run service answers for ${url.hostname}`)
    return options.frontDoor.handle(url.hostname, signed)
  })
}

async function withDeadline<Result>(
  clock: Clock,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  let cancelTimer = (): void => undefined
  const expired = new Promise<never>((_, reject) => {
    cancelTimer = clock.after(deadlineMs, () => {
      const error = new GoogleError('DEADLINE_EXCEEDED', `no response within ${deadlineMs} ms`)
      controller.abort(error)
      reject(error)
    })
  })
  try {
    return await Promise.race([work(controller.signal), expired])
  } finally {
    cancelTimer()
  }
}

function sendOverNetwork(agents: Agents, url: URL, delivery: Delivery, signal: AbortSignal): Promise<DeliveryAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      if (signal.aborted) reject(signal.reason as Error)
      // Not retried here, even if the target only closed an idle connection: the request can have had an
      // effect, and a retry by the dispatcher is counted while a retry here would not be.
      else reject(new GoogleError('UNAVAILABLE', `${url.host}: ${error.message}`, { cause: error }))
    }
    const settings = {
      method: delivery.method,
      headers: { ...delivery.headers, 'content-length': delivery.body.byteLength },
      signal,
    }
    const onAnswer = (answer: http.IncomingMessage): void => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', fail)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: endToEndHeaders(answer.headers),
          body: Buffer.concat(chunks),
        }),
      )
    }
    const request =
      url.protocol === 'https:'
        ? https.request(url, { ...settings, agent: agents['https:'] }, onAnswer)
        : http.request(url, { ...settings, agent: agents['http:'] }, onAnswer)
    request.on('error', fail)
    request.end(delivery.body)
  })
}
