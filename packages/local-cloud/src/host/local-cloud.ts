import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { closeDataFolder, DataFolderRefused } from '../contract/data-folder.ts'
import { FolderLocked, lockFolder, type FolderLock } from '../contract/folder-lock.ts'
import { LAST_GEMINI_FILE } from '../contract/last-gemini.ts'
import { LOCATOR_FILE, type LocalCloudLocator } from '../contract/locator.ts'
import { openAccessLog, type AccessLog } from './access-log.ts'
import { adminFace, explain } from './admin.ts'
import { openApis, openIamOfProject, type Composition } from './composition.ts'
import { Drain, type Unfinished } from './drain.ts'
import type { JobLimits } from '../apis/bigquery/limits.ts'
import { Identity } from '../apis/identity/index.ts'
import { writeFileAtomically } from '../kernel/atomic-file.ts'
import type { Clock } from '../kernel/clock.ts'
import { diskProblem } from '../kernel/disk-problem.ts'
import { createFaults, type FaultRule, type Faults } from '../kernel/faults.ts'
import { createGateway, type GatewayControl } from '../kernel/gateway.ts'
import { serveGrpc } from '../kernel/grpc-server.ts'
import { serveHttp } from '../kernel/http-server.ts'
import { ProjectConditions, type ProjectConditionOptions } from '../kernel/project-conditions.ts'
import { projectNumberOf } from '../kernel/project-number.ts'
import { NEW_PROJECT, type ProjectQuotas } from '../kernel/project-quotas.ts'
import { listenOn, PortTaken, probePort } from '../kernel/listen.ts'
import { createLeases } from './leases.ts'
import { LocalCloudError } from '../kernel/local-cloud-error.ts'
import { createFolder } from '../kernel/create-folder.ts'
import { steadyClock } from '../kernel/steady-clock.ts'
import { readPorts, writePorts } from './ports-file.ts'
import { lastWriteMs, lostStore } from './stores-on-disk.ts'
import { commandOn, identityFailed, startFailed, storeFailed } from './store-failure.ts'
import { createStopOrder, WAITS_FOR, type StopOrder } from './stop-order.ts'

export interface LocalCloudOptions {
  /** The folder of the cloud's entire state. Created when missing; used by one process at a time. */
  dataDir: string
  clock?: Clock
  /** @default 'imagery-local' */
  projectId?: string
  /** @default 'us-central1' */
  region?: string
  /** Required ports. Default: the ports of the last start, or free ones. */
  ports?: { http?: number; grpc?: number }
  /** Delay before each API call, as if the caller were in another region. */
  addedLatencyMs?: number
  /** Limits of a BigQuery job; omitted ones have their defaults. */
  jobLimits?: Partial<JobLimits>
  /** How old the estimates in the statistics of a Cloud Tasks queue can be. @default 0 */
  queueStatsAgeMs?: number
  /** How long streaming does not know a new BigQuery table, as on Google: some minutes. @default 0 */
  streamingWarmUpMs?: number
  /** Scripted faults from the start; can be replaced through the admin endpoint. */
  faults?: readonly FaultRule[]
  /** A JSON file with more rules. */
  faultsFile?: string
  /**
   * The replacement for Gemini: `replay:FILE` (recorded answers), `script:FILE` (a scripted model), `forward` (the real
   * Vertex AI, with the user's credentials). Without one, calls to Gemini are refused.
   */
  gemini?: string
  /** Whether the project has a billing account. @default true */
  hasBilling?: boolean
  /** What Google allows the project. Default: what a new project has. */
  quotas?: Partial<ProjectQuotas>
  /** Delays, organization policies and others' buckets; can be replaced through the admin endpoint. */
  conditions?: ProjectConditionOptions
  /**
   * Starts with every service of the project enabled, unlike a Google project. For tests of other
   * features.
   */
  allServicesEnabled?: boolean
  /** Stops the cloud a second after the last lease ends, or when none is taken within 15 s. */
  stopWhenIdle?: boolean
  /** Log lines for people: starts and crashes of programs, and errors while stopping. */
  log?: (line: string) => void
  /** A file to which one line of JSON per API call and delivery is appended. */
  accessLogFile?: string
  /** Version of imagery, for commands that find the cloud: other versions do not use it. */
  version?: string
}

export interface LocalCloud {
  /** As written to `<dataDir>/local-cloud.json`. */
  locator: LocalCloudLocator
  /**
   * Stops everything in order after the work in progress ends. `now` cuts that work off, even after a
   * call without it. Safe to call twice.
   */
  stop(options?: { now?: boolean }): Promise<void>
  /** What a stop waits for. */
  unfinished(): Unfinished
  /** Settles when the cloud has stopped, for any reason. */
  stopped: Promise<void>
}

const DEFAULT_PROJECT = 'imagery-local'
const DEFAULT_REGION = 'us-central1'

/**
 * Starts the local cloud: every emulated API on two listeners of 127.0.0.1, HTTP for REST and TLS for
 * gRPC, with its state in `dataDir`.
 *
 * Rejects with LocalCloudError on failure, and then leaves nothing running.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const stops = createStopOrder()
  try {
    return await start(options, stops)
  } catch (error) {
    await stops
      .run()
      .catch((stopError: unknown) => options.log?.(`stopping after a failed start: ${String(stopError)}`))
    throw startFailed(options.dataDir, error) ?? error
  }
}

async function start(options: LocalCloudOptions, stops: StopOrder): Promise<LocalCloud> {
  // SQLite, DuckDB and others create files with the default mode. The umask stays after the stop, because the process
  // only runs a local cloud.
  process.umask(0o077)
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
    options.accessLogFile === undefined ? undefined : startAccessLog(options.accessLogFile, clock, stops, log)

  const lock = takeFolder(dataDir, locatorFile, stops)
  const lost = lostStore(dataDir)
  if (lost) throw storeFailed(dataDir, lost.name, new Error(`${lost.file} is missing or empty`))

  const identity = await Identity.open({
    directory: path.join(dataDir, 'identity'),
    clock,
    projectId,
    projectNumber,
    region,
    log,
  }).catch((error: unknown) => Promise.reject(identityFailed(dataDir, error)))
  stops.add('identity', () => identity.metadata.stop())

  const conditions = new ProjectConditions(options.conditions)
  const iam = openIamOfProject({ dataDir, clock, conditions, projectId, projectNumber, tokens: identity })
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
    conditions,
    quotas: { ...NEW_PROJECT, ...options.quotas },
    jobLimits: options.jobLimits ?? {},
    queueStatsAgeMs: options.queueStatsAgeMs ?? 0,
    streamingWarmUpMs: options.streamingWarmUpMs ?? 0,
    allServicesEnabled: options.allServicesEnabled ?? false,
  })

  let isReady = false
  let stopping: Promise<void> | undefined
  const { promise: stopped, resolve: settle, reject: fail } = Promise.withResolvers<void>()
  // A caller that does not wait for `stopped` gets the failure from `stop()`.
  stopped.catch(() => undefined)
  const drain = new Drain({
    dispatchers: composition.dispatchers,
    deliveries: composition.deliveries,
    modelCalls: () => composition.gemini.underWay(),
    clock,
  })
  stops.add('deliveries', () => drain.wait())
  const stop = ({ now = false } = {}): Promise<void> => {
    isReady = false
    drain.insist()
    if (now) drain.abandon()
    leases.refuse()
    stopping ??= stops
      .run((phase) => lock.say('stopping', WAITS_FOR[phase]))
      .then(settle, (error: unknown) => {
        fail(error)
        throw error
      })
    return stopping
  }
  const stopLater = (how?: { now?: boolean }): void => {
    stop(how).catch((error: unknown) => log(`stopping: ${String(error)}`))
  }

  /** A user who comes back before the last delivery ends finds the cloud running normally. */
  const stopWhenDone = async (): Promise<void> => {
    if ((await drain.wait()) && leases.count() === 0) stopLater()
  }
  const leases = createLeases(clock, {
    onTaken: () => drain.resume(),
    onIdle: options.stopWhenIdle ? () => void stopWhenDone() : undefined,
  })
  stops.add('listeners', () => leases.close())
  const about = { pid: process.pid, projectId, region, startedAt: new Date(clock.now()).toISOString() }
  const adminToken = randomBytes(24).toString('base64url')
  const admin = adminFace({
    token: adminToken,
    about,
    apis: composition.apis,
    calls: control,
    faults,
    conditions,
    gemini: composition.gemini,
    leases,
    refreshToken: (email) => identity.refreshToken(email),
    addProject: (id) => iam.addProject(id),
    putIdentityProvider: (pool, provider, resource) => iam.providers.put(pool, provider, resource),
    storeLocalFile: composition.storeLocalFile,
    metadataServerOf: async (email, guest) => identity.metadata.shared(iam.accounts.get(email).email, guest),
    state: () => (stopping ? 'stopping' : isReady ? 'ready' : 'busy'),
    unfinished: () => drain.unfinished(),
    shutDown: stopLater,
  })

  for (const api of composition.stores) {
    await api.start().catch((error: unknown) => Promise.reject(storeFailed(dataDir, api.name, error, dataDir)))
  }
  const ports = await listen(options, dataDir, { composition, admin, identity, control, stops })

  // Cloud Run's programs read it at their start, so it is written before. Until everything has started,
  // the health endpoint tells other clients to wait.
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
    ...(options.version === undefined ? {} : { imageryVersion: options.version }),
  }
  writeFileAtomically(locatorFile, `${JSON.stringify(locator, null, 2)}\n`)
  stops.add('locator', () => rmSync(locatorFile, { force: true }))
  if (options.gemini !== undefined)
    writeFileAtomically(path.join(dataDir, LAST_GEMINI_FILE), JSON.stringify({ gemini: options.gemini }))

  for (const api of composition.services) await api.start()
  for (const api of composition.dispatchers) await api.start()
  lock.say('running')
  isReady = true
  return { locator, stop, unfinished: () => drain.unfinished(), stopped }
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

function startAccessLog(file: string, clock: Clock, stops: StopOrder, say: (line: string) => void): AccessLog {
  try {
    const log = openAccessLog(file, clock, say)
    stops.add('folder', () => log.close())
    return log
  } catch (error) {
    const message = `The access log ${file} cannot be written: ${(error as Error).message}`
    throw new LocalCloudError('ACCESS_LOG_UNUSABLE', message, ['choose another file with --access-log'], error)
  }
}

function takeFolder(dataDir: string, locatorFile: string, stops: StopOrder): FolderLock {
  try {
    createFolder(dataDir)
    closeDataFolder(dataDir)
    const lock = lockFolder(dataDir)
    stops.add('folder', () => lock.release())
    // The file of a killed cloud would send clients to ports that the cloud no longer has.
    if (existsSync(locatorFile)) rmSync(locatorFile)
    return lock
  } catch (error) {
    if (error instanceof FolderLocked) {
      const { pid } = error.owner
      const who = pid === undefined ? '' : ` (process ${pid})`
      throw new LocalCloudError(
        'ALREADY_RUNNING',
        `A local cloud is already running in ${dataDir}${who}`,
        [commandOn(dataDir, 'local status'), commandOn(dataDir, 'local stop'), 'choose another folder with --data-dir'],
        error,
      )
    }
    if (error instanceof DataFolderRefused) {
      throw new LocalCloudError('DATA_FOLDER_UNUSABLE', error.message, error.suggestions, error)
    }
    const problem = diskProblem(error)
    throw new LocalCloudError(
      'DATA_FOLDER_UNUSABLE',
      `The data folder ${dataDir} cannot be used: ${problem ? `${problem.what}: ` : ''}${(error as Error).message}`,
      [...(problem ? [problem.remedy] : []), 'choose another folder with --data-dir'],
      error,
    )
  }
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
