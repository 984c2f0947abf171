import { durationMs } from '../../kernel/proto-time.ts'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Clock } from '../../kernel/clock.ts'
import { Instance } from './instance.ts'
import type { Program } from './instance.ts'
import { Pool } from './pool.ts'
import { startupProbe, withDefaults } from './probe.ts'
import { programEnvironment } from './program-environment.ts'
import { pinnedImage, prepareProgramFiles, type Images, type ProgramFiles } from './program-files.ts'
import { parseServiceName, shortName } from './resources.ts'
import type { Revision, Service } from './resources.ts'
import { poolSettings } from './revisions.ts'
import { serviceUri } from './services.ts'
import { ServiceLog } from './service-log.ts'

export interface FleetOptions {
  directory: string
  clock: Clock
  projectNumber: string
  /** Starts a metadata server that speaks for the account. */
  serveMetadata: (email: string) => Promise<{ host: string; stop(): Promise<void> }>
  readObject: (gsUri: string) => Promise<Buffer>
  images: Images
  /** The addresses of the local cloud's other APIs, added to every program's own variables. */
  environment: () => Record<string, string>
  log: (line: string) => void
  /** Maximum processes of one revision, regardless of its maximum instances. */
  maxProcesses: number
}

/** A revision with its instances, which gets requests. */
export interface Backend {
  revision: string
  pool: Pool
  timeoutMs: number
}

/** All processes of all services, their directories, logs and metadata servers. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #serving = new Map<string, Backend>()
  /** Every pool that can still have processes, by service: the serving one and draining ones. */
  readonly #pools = new Map<string, Set<Pool>>()
  readonly #logs = new Map<string, ServiceLog>()
  #isStopped = false
  readonly #metadata = new Map<string, ReturnType<FleetOptions['serveMetadata']>>()

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Returns the backend that serves the service now. */
  serving(service: string): Backend | undefined {
    return this.#serving.get(service)
  }

  /**
   * Returns a backend of the revision. With `isWarm`, builds the program and starts one healthy instance,
   * or rejects with BuildError or StartFailure. Without it, the first request does that.
   */
  async launch(service: Service, revision: Revision, isWarm: boolean): Promise<Backend> {
    if (this.#isStopped) throw new Error('Cloud Run is stopping')
    const pool = this.#createPool(service, revision)
    try {
      if (isWarm) {
        await this.#prepare(revision)
        if (!service.template.healthCheckDisabled) await pool.warm()
      }
    } catch (error) {
      await pool.stop()
      throw error
    }
    return { revision: revision.name, pool, timeoutMs: durationMs(revision.timeout) }
  }

  /** Returns the image's name with its digest. Throws BuildError when there is no such image for the service. */
  pinned(image: string, service: string): string {
    const { images, projectNumber } = this.#options
    return pinnedImage(image, images, { projectId: service.split('/')[1] ?? '', projectNumber })
  }

  /** Sends the service's requests to `backend` from now on; the previous backend ends after its last request. */
  activate(service: string, backend: Backend): void {
    const before = this.#serving.get(service)
    this.#serving.set(service, backend)
    if (before && before.pool !== backend.pool) before.pool.retire()
    backend.pool.ensureMinimum()
    const pools = this.#pools.get(service)
    for (const pool of pools ?? []) if (pool.size === 0 && pool !== backend.pool) pools?.delete(pool)
  }

  /** Applies the limits of a changed service to its backend. */
  configure(service: Service, revision: Revision): void {
    this.#serving.get(service.name)?.pool.configure(poolSettings(service, revision, this.#options.maxProcesses))
  }

  /** Stops the service's processes and removes the directories of its revisions. Its log stays. */
  async remove(service: string, revisions: readonly string[]): Promise<void> {
    this.#serving.delete(service)
    await Promise.all([...(this.#pools.get(service) ?? [])].map((pool) => pool.stop()))
    this.#pools.delete(service)
    for (const revision of revisions) rmSync(this.#revisionDirectory(revision), { recursive: true, force: true })
  }

  /** Stops everything when the local cloud stops. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#serving.clear()
    await Promise.all([...this.#pools.values()].flatMap((pools) => [...pools].map((pool) => pool.stop())))
    const servers = await Promise.allSettled(this.#metadata.values())
    const running = servers.flatMap((server) => (server.status === 'fulfilled' ? [server.value] : []))
    await Promise.all(running.map((server) => server.stop()))
    for (const log of this.#logs.values()) log.close()
  }

  instanceCount(): number {
    let count = 0
    for (const pools of this.#pools.values()) for (const pool of pools) count += pool.size
    return count
  }

  /** The location of the service's log, for people. */
  logUri(service: string): string {
    return pathToFileURL(path.join(this.#logDirectory(), `${parseServiceName(service).service}.log`)).href
  }

  #createPool(service: Service, revision: Revision): Pool {
    const log = this.#log(service.name)
    const program = this.#program(service, revision)
    const { clock, maxProcesses } = this.#options
    const pool = new Pool(() => new Instance(program, clock, log), poolSettings(service, revision, maxProcesses), clock)
    this.#pools.set(service.name, (this.#pools.get(service.name) ?? new Set()).add(pool))
    return pool
  }

  #program(service: Service, revision: Revision): Program {
    const container = revision.containers[0]
    if (!container) throw new Error(`${revision.name} has no container`)
    return {
      revision: shortName(revision.name),
      containerPort: container.ports[0]?.containerPort ?? 0,
      startupProbe: startupProbe(container.startupProbe),
      isStartupProbeDefault: container.startupProbe === null,
      livenessProbe: container.livenessProbe && withDefaults(container.livenessProbe),
      prepare: async ({ port, secret }) => {
        // A deployed revision's directory exists; if it was deleted, it is created again.
        const { nodeArguments, directory, environment } = await this.#prepare(revision)
        const metadata = await this.#metadataServer(revision.serviceAccount)
        return {
          nodeArguments,
          directory,
          environment: programEnvironment({
            directory,
            image: environment,
            container: container.env,
            localCloud: { ...this.#options.environment(), GCE_METADATA_HOST: metadata.host },
            uri: serviceUri(service.name, this.#options.projectNumber),
            port,
            secret,
            service: parseServiceName(service.name).service,
            revision: shortName(revision.name),
          }),
        }
      },
    }
  }

  #prepare(revision: Revision): Promise<ProgramFiles> {
    const [container] = revision.containers
    if (!container) throw new Error(`${revision.name} has no container`)
    return prepareProgramFiles(this.#revisionDirectory(revision.name), container, this.#options)
  }

  #metadataServer(email: string): ReturnType<FleetOptions['serveMetadata']> {
    let server = this.#metadata.get(email)
    if (!server) {
      server = this.#options.serveMetadata(email)
      // If a server cannot start, the next instance retries it.
      server.catch(() => this.#metadata.delete(email))
      this.#metadata.set(email, server)
    }
    return server
  }

  #log(service: string): ServiceLog {
    const { service: id } = parseServiceName(service)
    const log = this.#logs.get(id) ?? new ServiceLog(this.#logDirectory(), id, this.#options.clock, this.#options.log)
    this.#logs.set(id, log)
    return log
  }

  #logDirectory(): string {
    return path.join(this.#options.directory, 'logs')
  }

  /** By region, because services of two regions may have revisions of the same name. */
  #revisionDirectory(revision: string): string {
    const [, , , location = ''] = revision.split('/')
    return path.join(this.#options.directory, 'revisions', location, shortName(revision))
  }
}
