import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { CloudTasksClient, protos, v2beta3 } from '@google-cloud/tasks'
import { generate } from 'selfsigned'
import { afterAll } from 'vitest'
import type { Delivery, DeliveryAnswer } from '../../src/kernel/api.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { Gateway } from '../../src/kernel/gateway.ts'
import type { CloudTasksApi } from '../../src/apis/tasks/index.ts'
import { overTransport, serveTranscoded, type Transport } from '../kernel/transcoded-server-fixture.ts'

export const LOCATION = 'projects/test-project/locations/us-central1'
export const QUEUE = `${LOCATION}/queues/imagery-run`
export const URL = 'https://imagery-main-1234.us-central1.run.app/process'
export const START_MS = Date.UTC(2026, 0, 1)

export type WireQueue = protos.google.cloud.tasks.v2.IQueue
export type WireTask = protos.google.cloud.tasks.v2.ITask

/** What a target answers: a status, a whole answer, or `lost` when the connection breaks. */
export type Answer = number | 'lost' | { status: number; headers: Record<string, string> }

interface Running {
  api: CloudTasksApi
  v2: CloudTasksClient
  v2beta3: v2beta3.CloudTasksClient
  stop: () => Promise<void>
}

/** The emulated Cloud Tasks behind TLS, the official clients in front of it, a stub in place of the targets. */
export class TasksCloud {
  readonly clock = new ManualClock(START_MS)
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-tasks-'))
  /** Every dispatch so far, with the time at which it was made. */
  readonly dispatches: (Delivery & { atMs: number })[] = []
  /** What the targets answer; a test replaces it. */
  answer: (delivery: Delivery) => Answer | Promise<Answer> = () => 200
  readonly #directories = [this.directory]
  #running: Running | undefined
  readonly #transport: Transport

  readonly #statsAgeMs: number

  constructor(transport: Transport = 'gRPC', { statsAgeMs = 0 } = {}) {
    this.#transport = transport
    this.#statsAgeMs = statsAgeMs
  }

  get api(): CloudTasksApi {
    return this.#started().api
  }

  get client(): CloudTasksClient {
    return this.#started().v2
  }

  get beta(): v2beta3.CloudTasksClient {
    return this.#started().v2beta3
  }

  async start(): Promise<void> {
    const certificate = await trustedCertificate()
    // Imported only now: gRPC reads the path of its root certificates when it is loaded.
    const { serveGrpc } = await import('../../src/kernel/grpc-server.ts')
    const { operationsFace } = await import('../../src/kernel/operations.ts')
    const { cloudTasksApi } = await import('../../src/apis/tasks/index.ts')
    const { CloudTasksClient, v2beta3 } = await import('@google-cloud/tasks')
    const { OAuth2Client } = await import('google-auth-library')
    const api = await cloudTasksApi({
      directory: this.directory,
      clock: this.clock,
      deliver: (delivery) => this.#deliver(delivery),
      statsAgeMs: this.#statsAgeMs,
    })
    await api.start()
    const grpc = api.grpc
    if (!grpc) throw new Error('Cloud Tasks has no gRPC face')
    const operations = operationsFace([api.operations])
    const services = { ...grpc.services, ...operations.services }
    const gateway: Gateway = async (_, handler) => handler({ email: 'tester@example.com' })
    const face = { ...grpc, services, needs: { ...grpc.needs, ...operations.needs } }
    const server =
      this.#transport === 'gRPC'
        ? await serveGrpc([{ grpc: face }], { gateway, certificate, port: 0 })
        : await serveTranscoded(face, gateway)
    const authClient = new OAuth2Client()
    authClient.setCredentials({ access_token: 'token', expiry_date: Date.now() + 3_600_000 })
    const options = { projectId: 'test-project', authClient, ...overTransport(this.#transport, server.port) }
    const clients = { v2: new CloudTasksClient(options), v2beta3: new v2beta3.CloudTasksClient(options) }
    const stop = async (): Promise<void> => {
      await clients.v2.close()
      await clients.v2beta3.close()
      await server.stop()
    }
    this.#running = { api, ...clients, stop }
  }

  /** Like kill -9: the process with the store stops at once, and the next one finds the files unchanged. */
  async killAndRestart(): Promise<void> {
    const { stop, api } = this.#started()
    const copy = mkdtempSync(path.join(tmpdir(), 'imagery-tasks-'))
    cpSync(this.directory, copy, { recursive: true })
    await stop()
    await api.stop()
    this.#directories.push(copy)
    this.directory = copy
    await this.start()
  }

  /** A normal stop, and a start on the same files. */
  async restart(): Promise<void> {
    const { stop, api } = this.#started()
    await stop()
    await api.stop()
    await this.start()
  }

  async destroy(): Promise<void> {
    const { stop, api } = this.#started()
    await stop()
    await api.stop()
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true })
  }

  async createQueue(settings: WireQueue = {}, name = QUEUE): Promise<WireQueue> {
    const [queue] = await this.client.createQueue({ parent: LOCATION, queue: { name, ...settings } })
    return queue
  }

  /** Creates a task and returns it; `id` makes it a named one. */
  async createTask(task: WireTask & { id?: string } = {}, queue = QUEUE): Promise<WireTask> {
    const { id, ...rest } = task
    const name = id === undefined ? {} : { name: `${queue}/tasks/${id}` }
    const [created] = await this.client.createTask({
      parent: queue,
      task: { httpRequest: { url: URL }, ...rest, ...name },
    })
    return created
  }

  /** Runs everything that is due now. */
  async settle(): Promise<void> {
    await this.clock.advance(0)
  }

  /** Times of the dispatches so far, in ms since the start. */
  times(): number[] {
    return this.dispatches.map(({ atMs }) => atMs - START_MS)
  }

  /** Last segments of the names of the tasks dispatched so far. */
  dispatchedTasks(): string[] {
    return this.dispatches.map(({ headers }) => headers['X-CloudTasks-TaskName'] ?? '')
  }

  async stats(name = QUEUE): Promise<protos.google.cloud.tasks.v2beta3.IQueueStats> {
    const [queue] = await this.beta.getQueue({ name, readMask: { paths: ['stats'] } })
    return queue.stats ?? {}
  }

  #started(): Running {
    if (!this.#running) throw new Error('the cloud is not started')
    return this.#running
  }

  async #deliver(delivery: Delivery): Promise<DeliveryAnswer> {
    this.dispatches.push({ ...delivery, atMs: this.clock.now() })
    const answer = await this.answer(delivery)
    if (answer === 'lost') throw new Error('socket hang up')
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer
    return { status, headers, body: Buffer.alloc(0) }
  }
}

/** A promise that a test resolves later: a slow target. */
export function pending<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  return Promise.withResolvers<Value>()
}

let prepared: Promise<{ key: string; cert: string }> | undefined
let rootsFolder: string | undefined
afterAll(() => {
  if (rootsFolder) rmSync(rootsFolder, { recursive: true })
})

/** A self-signed certificate for localhost that gRPC is told to trust. */
function trustedCertificate(): Promise<{ key: string; cert: string }> {
  prepared ??= (async () => {
    const pems = await generate([{ name: 'commonName', value: 'imagery local cloud' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    })
    const folder = mkdtempSync(path.join(tmpdir(), 'imagery-tasks-roots-'))
    rootsFolder = folder
    const roots = path.join(folder, 'roots.pem')
    writeFileSync(roots, pems.cert)
    process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = roots
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    return { key: pems.private, cert: pems.cert }
  })()
  return prepared
}
