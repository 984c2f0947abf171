import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { PubSub, v1 } from '@google-cloud/pubsub'
import { generate } from 'selfsigned'
import { afterAll } from 'vitest'
import type { Deliver, Delivery, EmulatedApi } from '../../src/kernel/api.ts'
import type { CancelTimer, Clock } from '../../src/kernel/clock.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { Gateway } from '../../src/kernel/gateway.ts'
import { overTransport, serveTranscoded, type Transport } from '../kernel/transcoded-server-fixture.ts'

export const PROJECT = 'test-project'
export const TOPIC = `projects/${PROJECT}/topics/images`
export const SUBSCRIPTION = `projects/${PROJECT}/subscriptions/images-push`
export const ENDPOINT = 'https://populate-abc.a.run.app/'

/** An answer for the pusher: a status, a promise of one, or `lost` for a connection that broke. */
export type Answer = number | 'lost' | Promise<number | 'lost'>

interface Clients {
  pubsub: PubSub
  publisher: v1.PublisherClient
  subscriber: v1.SubscriberClient
}

/** The emulated Pub/Sub behind TLS, the official client in front of it, a stub in place of the endpoints. */
export class PubSubCloud {
  readonly clock: Clock
  readonly directory: string
  /** Every push so far. */
  readonly pushes: Delivery[] = []
  /** What the endpoints answer; a test replaces it. */
  answer: (delivery: Delivery) => Answer = () => 204
  /** Authorization headers the server saw. */
  readonly authorizations: (string | undefined)[] = []
  #api: EmulatedApi | undefined
  #clients: Clients | undefined
  #stopServer: (() => Promise<void>) | undefined
  #deliver: Deliver | undefined
  readonly #transport: Transport

  constructor(options: { clock?: Clock; deliver?: Deliver; transport?: Transport } = {}) {
    this.#transport = options.transport ?? 'gRPC'
    this.clock = options.clock ?? new PatientClock()
    this.#deliver = options.deliver
    this.directory = mkdtempSync(path.join(tmpdir(), 'imagery-pubsub-'))
  }

  get api(): EmulatedApi {
    if (!this.#api) throw new Error('the cloud is not started')
    return this.#api
  }

  get client(): PubSub {
    return this.#started().pubsub
  }

  /** The generated client of the Publisher service: what it is given goes out as it is. */
  get publisher(): v1.PublisherClient {
    return this.#started().publisher
  }

  get subscriber(): v1.SubscriberClient {
    return this.#started().subscriber
  }

  async start(): Promise<void> {
    const certificate = await trustedCertificate()
    // Imported only now: gRPC reads the path of its root certificates when it is loaded.
    const { serveGrpc } = await import('../../src/kernel/grpc-server.ts')
    const { pubSubApi } = await import('../../src/apis/pubsub/index.ts')
    const { PubSub, v1 } = await import('@google-cloud/pubsub')
    const gateway: Gateway = async (call, handler) => {
      this.authorizations.push(call.authorization)
      return handler({ email: 'tester@example.com' })
    }
    this.#api = await pubSubApi({
      directory: this.directory,
      clock: this.clock,
      deliver: this.#deliver ?? ((delivery) => this.#stubDeliver(delivery)),
    })
    await this.#api.start()
    const server = await serveGrpc([this.#api], { gateway, certificate, port: 0 })
    const rest = await serveTranscoded(this.#api.grpc!, gateway)
    this.#stopServer = async () => {
      await server.stop()
      await rest.stop()
    }
    const port = this.#transport === 'gRPC' ? server.port : rest.port
    const generated = { projectId: PROJECT, ...overTransport(this.#transport, port) }
    this.#clients = {
      pubsub: new PubSub({ projectId: PROJECT, apiEndpoint: `localhost:${server.port}`, emulatorMode: false }),
      publisher: new v1.PublisherClient(generated),
      subscriber: new v1.SubscriberClient(generated),
    }
  }

  /** Like a kill, except that the port is freed: nothing in flight is waited for or recorded. */
  async stop(): Promise<void> {
    await this.#clients?.pubsub.close()
    await this.#clients?.publisher.close()
    await this.#clients?.subscriber.close()
    await this.#stopServer?.()
    await this.#api?.stop()
    this.#api = undefined
    this.#clients = undefined
    this.#stopServer = undefined
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async destroy(): Promise<void> {
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** The topic and a push subscription to it, made straight through the generated clients. */
  async subscribe(settings: Parameters<v1.SubscriberClient['createSubscription']>[0] = {}): Promise<void> {
    await this.publisher.createTopic({ name: TOPIC })
    await this.subscriber.createSubscription({
      name: SUBSCRIPTION,
      topic: TOPIC,
      pushConfig: { pushEndpoint: ENDPOINT },
      ...settings,
    })
  }

  /** Publishes messages with these texts; their ids. */
  async publish(...texts: string[]): Promise<string[]> {
    const messages = texts.map((text) => ({ data: Buffer.from(text) }))
    const [answer] = await this.publisher.publish({ topic: TOPIC, messages })
    return answer.messageIds ?? []
  }

  /** The texts pushed so far, in order. */
  texts(): string[] {
    return this.envelopes().map(({ message }) => Buffer.from(message.data ?? '', 'base64').toString())
  }

  /** The pushed envelopes, parsed. */
  envelopes(): PushEnvelope[] {
    return this.pushes.map((push) => JSON.parse(push.body.toString()) as PushEnvelope)
  }

  /** Runs everything that is due now. */
  async settle(): Promise<void> {
    await this.advance(0)
  }

  /** Moves the clock on to that moment. */
  async clockAt(moment: number): Promise<void> {
    await this.advance(moment - this.clock.now())
  }

  async advance(durationMs: number): Promise<void> {
    if (!(this.clock instanceof PatientClock)) throw new Error('this cloud runs on another clock')
    await this.clock.advance(durationMs)
  }

  #started(): Clients {
    if (!this.#clients) throw new Error('the cloud is not started')
    return this.#clients
  }

  async #stubDeliver(delivery: Delivery): ReturnType<Deliver> {
    this.pushes.push(delivery)
    const answer = await this.answer(delivery)
    if (answer === 'lost') throw new Error('socket hang up')
    return { status: answer, headers: {}, body: Buffer.alloc(0) }
  }
}

export interface PushEnvelope {
  deliveryAttempt?: number
  message: {
    attributes?: Record<string, string>
    data?: string
    messageId: string
    message_id: string
    orderingKey?: string
    publishTime: string
    publish_time: string
  }
  subscription: string
}

/** A self-signed certificate for localhost that gRPC trusts, and a metadata server that hands out tokens. */
async function trustedCertificate(): Promise<{ key: string; cert: string }> {
  prepared ??= prepare()
  return prepared
}

let prepared: Promise<{ key: string; cert: string }> | undefined

const homes: string[] = []
afterAll(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

async function prepare(): Promise<{ key: string; cert: string }> {
  const pems = await generate([{ name: 'commonName', value: 'imagery local cloud' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  })
  const home = mkdtempSync(path.join(tmpdir(), 'imagery-pubsub-home-'))
  homes.push(home)
  const roots = path.join(home, 'roots.pem')
  writeFileSync(roots, pems.cert)
  process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = roots
  process.env['HOME'] = home
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS']
  process.env['GCE_METADATA_HOST'] = `127.0.0.1:${await listen(metadataServer())}`
  process.env['METADATA_SERVER_DETECTION'] = 'assume-present'
  return { key: pems.private, cert: pems.cert }
}

function metadataServer(): Server {
  return createServer((request, response) => {
    response.setHeader('metadata-flavor', 'Google')
    if (request.url?.includes('/token')) {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ access_token: 'token-of-the-metadata-server', expires_in: 3600, token_type: 'Bearer' }),
      )
      return
    }
    response.statusCode = 404
    response.end()
  })
}

/** Listens on a free port of 127.0.0.1 without keeping the process alive. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return (server.address() as AddressInfo).port
}

/** A manual clock that lets all work that needs no time end before it moves: pushes start in a later turn of the loop. */
export class PatientClock implements Clock {
  readonly #clock = new ManualClock()
  readonly #dueMs = new Set<{ dueMs: number }>()
  #jumpedMs = 0

  now(): number {
    return this.#clock.now() + this.#jumpedMs
  }

  /** Sets the clock as a person would: timers that run keep their length. */
  jump(durationMs: number): void {
    this.#jumpedMs += durationMs
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer = { dueMs: this.#clock.now() + Math.max(0, delayMs) }
    this.#dueMs.add(timer)
    const cancel = this.#clock.after(delayMs, () => {
      this.#dueMs.delete(timer)
      callback()
    })
    return () => {
      this.#dueMs.delete(timer)
      cancel()
    }
  }

  async advance(durationMs: number): Promise<void> {
    const endMs = this.#clock.now() + durationMs
    for (;;) {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      const nextMs = Math.min(...[...this.#dueMs].map(({ dueMs }) => dueMs))
      if (nextMs > endMs) break
      await this.#clock.advance(nextMs - this.#clock.now())
    }
    await this.#clock.advance(endMs - this.#clock.now())
  }
}

/** A promise that a test settles. */
export function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
