import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { LOCATOR_FILE, type LocalCloudLocator } from '../contracts/local-cloud-locator.ts'
import { openAccessLog, type AccessLog } from './access-log.ts'
import { adminFace, explain } from './admin.ts'
import type { JobLimits } from './bigquery/limits.ts'
import { openApis, openIamStore, storeDamaged, type Composition } from './composition.ts'
import { openIdentity, type Identity } from './identity/index.ts'
import { writeFileAtomically } from './kernel/atomic-file.ts'
import type { Clock } from './kernel/clock.ts'
import { createFaults, type FaultRule, type Faults } from './kernel/faults.ts'
import { FolderLocked, lockFolder } from './kernel/folder-lock.ts'
import { createGateway, type GatewayControl } from './kernel/gateway.ts'
import { serveGrpc } from './kernel/grpc-server.ts'
import { serveHttp } from './kernel/http-server.ts'
import { projectNumberOf } from './kernel/project-number.ts'
import { listenOn, PortTaken, probePort } from './kernel/listen.ts'
import { createLeases } from './leases.ts'
import { LocalCloudError } from './local-cloud-error.ts'
import { makeFolder } from './kernel/make-folder.ts'
import { steadyClock } from './kernel/steady-clock.ts'
import { readPorts, writePorts } from './ports-file.ts'
import { lastWriteMs, lostStore } from './stores-on-disk.ts'
import { createStopOrder, type StopOrder } from './stop-order.ts'

export interface LocalCloudOptions {
  /** Everything that the cloud keeps. Made when it is not there; one process at a time. */
  dataDir: string
  clock?: Clock
  /** @default 'imagery-local' */
  projectId?: string
  /** @default 'us-central1' */
  region?: string
  /** Ports that must be had. Without, those of the last time, or free ones. */
  ports?: { http?: number; grpc?: number }
  /** Waited before each API call, as if the caller sat in another region. */
  addedLatencyMs?: number
  /** What a BigQuery job may take; what is not given is the default. */
  jobLimits?: Partial<JobLimits>
  /** Scripted misbehaviour from the start on; can be replaced through the admin endpoint. */
  faults?: readonly FaultRule[]
  /** A JSON file of more such rules. */
  faultsFile?: string
  /** Who answers in Gemini's place: `replay:FILE` (recorded answers), `script:FILE` (a scripted model), `forward` (the real Vertex AI, with the user's credentials). Without, its calls are refused. */
  gemini?: string
  /** Whether the project has a billing account. @default true */
  hasBilling?: boolean
  /**
   * Begins with every service of the project enabled, as no project of Google's does: for tests that
   * are about something else.
   */
  allServicesEnabled?: boolean
  /** Stops the cloud when the last lease has been gone for a second, or none was taken within 15 s. */
  stopWhenIdle?: boolean
  /** Lines for a person who watches: starts and crashes of programs, and errors while stopping. */
  log?: (line: string) => void
  /** A file to which one line of JSON per API call and delivery is appended. */
  accessLogFile?: string
}

export interface LocalCloud {
  /** As written to `<dataDir>/local-cloud.json`. */
  locator: LocalCloudLocator
  /** Stops everything in order; calling it twice does no harm. */
  stop(): Promise<void>
  /** Settles once the cloud has stopped, whoever asked for it. */
  stopped: Promise<void>
}

const DEFAULT_PROJECT = 'imagery-local'
const DEFAULT_REGION = 'us-central1'

/**
 * Starts the local cloud: every emulated API on two listeners of 127.0.0.1, HTTP for REST and TLS
 * for gRPC, with its state in `dataDir`.
 *
 * Rejects with LocalCloudError when it cannot, and then leaves nothing running.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const stops = createStopOrder()
  try {
    return await start(options, stops)
  } catch (error) {
    await stops
      .run()
      .catch((stopError: unknown) => options.log?.(`stopping after a failed start: ${String(stopError)}`))
    throw error
  }
}

async function start(options: LocalCloudOptions, stops: StopOrder): Promise<LocalCloud> {
  const {
    clock = steadyClock(lastWriteMs(options.dataDir)),
    projectId = DEFAULT_PROJECT,
    region = DEFAULT_REGION,
    log = () => undefined,
  } = options
  const dataDir = path.resolve(options.dataDir)
  const locatorFile = path.join(dataDir, LOCATOR_FILE)
  const projectNumber = projectNumberOf(projectId)
  const faults = readFaults(options)
  const accessLog =
    options.accessLogFile === undefined ? undefined : startAccessLog(options.accessLogFile, clock, stops)

  takeFolder(dataDir, locatorFile, stops)
  const lost = lostStore(dataDir)
  if (lost) throw storeDamaged(lost.name, path.join(dataDir, lost.name), new Error(`${lost.file} is missing or empty`))

  const identity = await openIdentity({
    directory: path.join(dataDir, 'identity'),
    clock,
    projectId,
    projectNumber,
    region,
  }).catch((error: unknown) => Promise.reject(identityDamaged(dataDir, error)))
  stops.add('identity', () => identity.metadata.stop())

  const iam = openIamStore({ dataDir, clock, projectId, projectNumber, tokens: identity })
  const operator = await identity.metadata.shared(iam.operator)

  const control = createGateway({
    authenticate: (authorization) => iam.authenticate(authorization),
    access: iam.authorizer,
    faults,
    clock,
    addedLatencyMs: options.addedLatencyMs ?? 0,
    ...(accessLog ? { log: accessLog.write } : {}),
  })
  const composition = await openApis({
    dataDir,
    locatorFile,
    projectId,
    projectNumber,
    clock,
    identity,
    iam,
    control,
    faults,
    ...(accessLog ? { onDelivery: accessLog.write } : {}),
    log,
    stops,
    gemini: options.gemini,
    hasBilling: options.hasBilling ?? true,
    jobLimits: options.jobLimits ?? {},
    allServicesEnabled: options.allServicesEnabled ?? false,
  })

  let isReady = false
  let stopping: Promise<void> | undefined
  const { promise: stopped, resolve: settle, reject: fail } = Promise.withResolvers<void>()
  // Whoever does not wait for `stopped` has `stop()` to learn of a failure from.
  stopped.catch(() => undefined)
  const stop = (): Promise<void> => {
    isReady = false
    stopping ??= stops.run().then(settle, (error: unknown) => {
      fail(error)
      throw error
    })
    return stopping
  }
  const stopLater = (): void => {
    stop().catch((error: unknown) => log(`stopping: ${String(error)}`))
  }

  const leases = createLeases(clock, options.stopWhenIdle ? stopLater : undefined)
  stops.add('listeners', () => leases.close())
  const about = { pid: process.pid, projectId, region, startedAt: new Date(clock.now()).toISOString() }
  const adminToken = randomBytes(24).toString('base64url')
  const admin = adminFace({
    token: adminToken,
    about,
    apis: composition.apis,
    calls: control,
    faults,
    gemini: composition.gemini,
    leases,
    addProject: (id) => iam.addProject(id),
    putIdentityProvider: (pool, provider, resource) => iam.providers.put(pool, provider, resource),
    metadataServerOf: async (email) => identity.metadata.shared(iam.accounts.get(email).email),
    isReady: () => isReady,
    shutDown: stopLater,
  })

  for (const api of composition.stores) {
    await api.start().catch((error: unknown) => Promise.reject(storeDamaged(api.name, dataDir, error)))
  }
  const ports = await listen(options, dataDir, { composition, admin, identity, control, stops })

  // The programs of Cloud Run read it when they start, so it is written before they do. Until all
  // is started, the health endpoint says that nobody else should begin.
  const locator: LocalCloudLocator = {
    version: 1,
    ...about,
    projectNumber,
    http: `http://127.0.0.1:${ports.http}`,
    grpc: { host: 'localhost', port: ports.grpc },
    caFile: identity.caFile,
    metadataHost: operator.host,
    adminToken,
    ...(options.gemini === undefined ? {} : { gemini: options.gemini }),
  }
  writeFileAtomically(locatorFile, `${JSON.stringify(locator, null, 2)}\n`)
  stops.add('locator', () => rmSync(locatorFile, { force: true }))

  for (const api of composition.services) await api.start()
  for (const api of composition.dispatchers) await api.start()
  isReady = true
  return { locator, stop, stopped }
}

function readFaults(options: LocalCloudOptions): Faults {
  try {
    const fromFile: unknown = options.faultsFile ? JSON.parse(readFileSync(options.faultsFile, 'utf8')) : []
    return createFaults([...(options.faults ?? []), ...(Array.isArray(fromFile) ? fromFile : [fromFile])])
  } catch (error) {
    const where = options.faultsFile ? ` in ${options.faultsFile}` : ''
    throw new LocalCloudError(
      'INVALID_FAULTS',
      `The scripted faults${where} are not valid: ${explain(error)}`,
      [],
      error,
    )
  }
}

function startAccessLog(file: string, clock: Clock, stops: StopOrder): AccessLog {
  try {
    const log = openAccessLog(file, clock)
    stops.add('folder', () => log.close())
    return log
  } catch (error) {
    const message = `The access log ${file} cannot be written: ${(error as Error).message}`
    throw new LocalCloudError('ACCESS_LOG_UNUSABLE', message, ['choose another file with --access-log'], error)
  }
}

function takeFolder(dataDir: string, locatorFile: string, stops: StopOrder): void {
  try {
    makeFolder(dataDir)
    stops.add('folder', lockFolder(dataDir))
    // What a killed cloud left behind would lead others to ports that are no longer ours.
    if (existsSync(locatorFile)) rmSync(locatorFile)
  } catch (error) {
    if (error instanceof FolderLocked) {
      const who = error.pid === undefined ? '' : ` (process ${error.pid})`
      throw new LocalCloudError(
        'ALREADY_RUNNING',
        `A local cloud is already running on ${dataDir}${who}`,
        ['imagery local status', 'imagery local stop', 'choose another folder with --data-dir'],
        error,
      )
    }
    throw new LocalCloudError(
      'DATA_FOLDER_UNUSABLE',
      `The data folder ${dataDir} cannot be used: ${(error as Error).message}`,
      ['choose another folder with --data-dir'],
      error,
    )
  }
}

function identityDamaged(dataDir: string, error: unknown): LocalCloudError {
  const directory = path.join(dataDir, 'identity')
  return new LocalCloudError(
    'STORE_DAMAGED',
    `The local cloud's identity cannot be opened: ${(error as Error).message}`,
    [`rm -r '${directory}' (new keys are made; nothing else is lost)`],
    error,
  )
}

interface ListenContext {
  composition: Composition
  admin: ReturnType<typeof adminFace>
  identity: Identity
  control: GatewayControl
  stops: StopOrder
}

async function listen(
  options: LocalCloudOptions,
  dataDir: string,
  context: ListenContext,
): Promise<{ http: number; grpc: number }> {
  const { composition, admin, identity, control, stops } = context
  const last = readPorts(dataDir)
  const own = [...composition.apis, composition.operations].flatMap(({ http }) => http ?? [])
  const faces = [...own, ...composition.faces]
  try {
    const http = await listenOn({ required: options.ports?.http, preferred: last.http }, (port) =>
      serveHttp({ faces: [...faces, identity.http, admin], frontDoor: composition.frontDoor, port }),
    )
    stops.add('listeners', () => http.stop())
    const grpc = await listenOn({ required: options.ports?.grpc, preferred: last.grpc }, async (port) => {
      await probePort(port)
      return serveGrpc([...composition.apis, composition.operations], {
        gateway: control.gateway,
        certificate: identity.certificate,
        port,
      })
    })
    stops.add('listeners', () => grpc.stop())
    const ports = { http: http.port, grpc: grpc.port }
    writePorts(dataDir, ports)
    return ports
  } catch (error) {
    if (!(error instanceof PortTaken)) throw error
    throw new LocalCloudError(
      'PORT_TAKEN',
      `Port ${error.port} on 127.0.0.1 cannot be used: another program has it, or it is not allowed`,
      ['choose another port', 'leave the port out to use a free one'],
      error,
    )
  }
}
