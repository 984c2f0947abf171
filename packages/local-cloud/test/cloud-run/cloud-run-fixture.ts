import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { RevisionsClient, ServicesClient } from '@google-cloud/run'
import { credentials } from '@grpc/grpc-js'
import { Identity } from '../../src/apis/identity/index.ts'
import type { DeliveryAnswer } from '../../src/kernel/api.ts'
import { ManualClock, systemClock } from '../../src/kernel/clock.ts'
import { NEW_PROJECT } from '../../src/kernel/project-quotas.ts'
import { GoogleError } from '../../src/kernel/errors.ts'
import { clientProtos, serveGrpc } from '../../src/kernel/grpc-server.ts'
import { operationsFace } from '../../src/kernel/operations.ts'
import { accessOf } from '../iam/access-fixture.ts'
import { giveSigningKey } from '../identity/signing-key-fixture.ts'
import { cloudRunApi } from '../../src/apis/cloud-run/index.ts'
import type { CloudRunApi, CloudRunOptions } from '../../src/apis/cloud-run/index.ts'

export const PROJECT_NUMBER = '123456789012'
export const PARENT = 'projects/demo/locations/us-central1'
export const DEPLOYER = 'deployer@demo.iam.gserviceaccount.com'

/** The address that Google documents for a service of this name, region and project number. */
export function addressOf(service: string): string {
  return `https://${service}-${PROJECT_NUMBER}.us-central1.run.app`
}

export interface Harness {
  directory: string
  api: CloudRunApi
  identity: Identity
  services: ServicesClient
  revisions: RevisionsClient
  /** For other clients of the same server. */
  clientSettings: NonNullable<ConstructorParameters<typeof ServicesClient>[0]>
  logLines: string[]
  /** Archives to deploy from, by `gs://bucket/object`. */
  objects: Map<string, Buffer>
  /** Calls a service through the front door, with a token of `email` for it unless told otherwise. */
  call(service: string, options?: CallOptions): Promise<DeliveryAnswer>
  /** Stops the emulator; the directory stays, so that another harness can continue with it. */
  stop: () => Promise<void>
}

export interface CallOptions {
  path?: string
  method?: string
  body?: string
  headers?: Record<string, string>
  email?: string
  token?: string | null
  deadlineMs?: number
  /** A direct call by a user, without Cloud Tasks or Pub/Sub. */
  isFromInternet?: boolean
}

export interface HarnessOptions extends Partial<CloudRunOptions> {
  /** State of another harness, to continue with. */
  directory?: string
  objects?: Map<string, Buffer>
}

export function temporaryDirectory(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'imagery-run-'))
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}

/** The emulated Cloud Run behind gRPC over TLS, with the official clients connected to it. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { directory = temporaryDirectory(), clock = systemClock, objects = new Map(), ...overrides } = options
  const logLines: string[] = []
  if (options.directory === undefined) await giveSigningKey(directory)
  const identity = await Identity.open({
    directory: path.join(directory, 'identity'),
    clock,
    projectId: 'demo',
    projectNumber: PROJECT_NUMBER,
    region: 'us-central1',
  })
  const api = await cloudRunApi({
    directory: path.join(directory, 'run'),
    clock,
    projectNumber: PROJECT_NUMBER,
    quotas: NEW_PROJECT,
    identity: {
      verifyIdToken: (token, audience) => identity.verifyIdToken(token, audience),
      serveMetadata: async (email) => ({ host: `metadata-of-${email}:1`, stop: async () => undefined }),
    },
    access: accessOf({
      projectId: 'demo',
      projectNumber: PROJECT_NUMBER,
      grants: { 'roles/run.viewer': [`serviceAccount:${DEPLOYER}`] },
    }),
    readObject: async (uri) => {
      const archive = objects.get(uri)
      if (!archive) throw new GoogleError('NOT_FOUND', `No such object: ${uri}`)
      return archive
    },
    images: { resolve: () => undefined, copyTo: () => undefined },
    submitBuild: () => Promise.reject(new Error('no build in these tests')),
    environment: () => ({}),
    log: (line) => void logLines.push(line),
    ...overrides,
  })
  const face = api.grpc
  if (!face) throw new Error('Cloud Run has no gRPC face')
  const operations = {
    ...api,
    grpc: { protos: clientProtos('@google-cloud/run'), ...operationsFace([api.operations]) },
  }
  const server = await serveGrpc([api, operations], {
    gateway: async (_call, handler) => handler({ email: DEPLOYER }),
    certificate: identity.certificate,
    port: 0,
  })
  await api.start()
  const settings = {
    apiEndpoint: 'localhost',
    port: server.port,
    sslCreds: credentials.createSsl(readFileSync(identity.caFile)),
    universeDomain: 'googleapis.com',
    projectId: 'demo',
  }
  const services = new ServicesClient(settings)
  const revisions = new RevisionsClient(settings)
  return {
    directory,
    api,
    identity,
    services,
    revisions,
    clientSettings: settings,
    logLines,
    objects,
    async call(service, call = {}) {
      const uri = addressOf(service)
      const token = call.token === undefined ? await identity.idToken(call.email ?? DEPLOYER, uri) : call.token
      return api.frontDoor.handle(new URL(uri).host, {
        method: call.method ?? 'GET',
        url: `${uri}${call.path ?? '/'}`,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...call.headers },
        body: Buffer.from(call.body ?? ''),
        deadlineMs: call.deadlineMs ?? 600_000,
        ...(call.isFromInternet ? { isFromInternet: true } : {}),
      })
    },
    async stop() {
      await Promise.all([services.close(), revisions.close()])
      await server.stop()
      await api.stop()
    },
  }
}

/** A service that runs `server.mjs` of `gs://sources/<object>`. */
export function serviceOf(object: string, changes: { container?: object; template?: object; service?: object } = {}) {
  return {
    ...changes.service,
    template: {
      ...changes.template,
      containers: [
        {
          image: 'scratch',
          baseImageUri: 'us-central1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/nodejs24',
          sourceCode: { cloudStorageSource: { bucket: 'sources', object } },
          command: ['node'],
          args: ['server.mjs'],
          ...changes.container,
        },
      ],
    },
  }
}

/** Puts a program into the harness's bucket. */
export function upload(harness: Harness, object: string, files: Record<string, string>): void {
  harness.objects.set(`gs://sources/${object}`, pack(files))
}

/** Creates a service, waits for its operation, and lets the deployer call it. */
export async function deploy(harness: Harness, serviceId: string, service: object): Promise<void> {
  const [operation] = await harness.services.createService({ parent: PARENT, serviceId, service })
  await operation.promise()
  await allow(harness, serviceId, `serviceAccount:${DEPLOYER}`)
}

export async function allow(harness: Harness, serviceId: string, ...members: string[]): Promise<void> {
  await harness.services.setIamPolicy({
    resource: `${PARENT}/services/${serviceId}`,
    policy: { bindings: [{ role: 'roles/run.invoker', members }] },
  })
}

/** A .tar.gz of the files, written as `tar` does (ustar). */
export function pack(files: Record<string, string>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => [
    header(name, content),
    padded(Buffer.from(content)),
  ])
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1_024)]))
}

export function header(name: string, content: string, type = '0'): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  block.write('0000644\0', 100)
  block.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124)
  block.write(' '.repeat(8), 148)
  block.write(type, 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

/** Waits until `condition` holds, by polling; fails the test with `what` after ten seconds. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Answers every request with its process ID, its environment and the request. */
export const ECHO = `
import { createServer } from 'node:http'
createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  if (request.url === '/crash') process.exit(7)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({
    pid: process.pid, method: request.method, url: request.url, headers: request.headers,
    body: Buffer.concat(chunks).toString(), environment: process.env,
  }))
}).listen(process.env.PORT, () => console.log('listening'))
process.on('SIGTERM', () => { console.log('draining'); process.exit(0) })
`

/** What the ECHO program answered. */
export interface Echo {
  pid: number
  method: string
  url: string
  headers: Record<string, string>
  body: string
  environment: Record<string, string>
}

export function echoOf(answer: DeliveryAnswer): Echo {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.toString()}`)
  return JSON.parse(answer.body.toString()) as Echo
}

/** Advances a manual clock while `work` waits for a real process. */
export async function whileTimePasses<Result>(clock: ManualClock, work: Promise<Result>): Promise<Result> {
  const settled = Promise.allSettled([work])
  const aMoment = (): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, 5, undefined))
  do await clock.advance(10)
  while (!(await Promise.race([settled, aMoment()])))
  return work
}

/** Runs, but listens nowhere. */
export const DEAF = "console.log('up'); setInterval(() => {}, 1000)"

export type HarnessMaker = (programs: Record<string, string>, options?: HarnessOptions) => Promise<Harness>

/**
 * Makes harnesses with the given programs, each the `server.mjs` of an archive of its name. `cleanUp`
 * stops those that still run and removes their directories.
 */
export function harnessMaker(): { harnessWith: HarnessMaker; cleanUp: () => Promise<void> } {
  const cleanups: (() => Promise<void>)[] = []
  const harnessWith: HarnessMaker = async (programs, options = {}) => {
    const harness = await startHarness(options)
    const { clock } = options
    for (const [name, program] of Object.entries(programs)) upload(harness, `${name}.tar.gz`, { 'server.mjs': program })
    const { stop } = harness
    let stopped: Promise<void> | undefined
    harness.stop = () => (stopped ??= clock instanceof ManualClock ? whileTimePasses(clock, stop()) : stop())
    cleanups.push(async () => {
      await harness.stop()
      removeDirectory(harness.directory)
    })
    return harness
  }
  return {
    harnessWith,
    async cleanUp() {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
    },
  }
}
