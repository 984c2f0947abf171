import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import { delay } from '../../kernel/delay.ts'
import { freePort } from './free-port.ts'
import { GUARD_DESCRIPTOR, guardOptions } from './guard.ts'
import { SHUTDOWN_GRACE_MS } from './limits.ts'
import { checkOnce, isListening, probeKind } from './probe.ts'
import type { Probe } from './resources.ts'
import type { ServiceLog } from './service-log.ts'

/** What an instance runs: one revision's program. */
export interface Program {
  revision: string
  /** The port the container is configured for, which log lines and errors name; the process gets a free one. */
  containerPort: number
  /** Returns what to start when its files are ready. Rejects with BuildError. */
  prepare(place: { port: number; secret: string }): Promise<PreparedProgram>
  startupProbe: Probe
  isStartupProbeDefault: boolean
  livenessProbe: Probe | null
}

/** A process to start. */
export interface PreparedProgram {
  nodeArguments: readonly string[]
  directory: string
  environment: Record<string, string>
}

/** The process ended, or did not listen in time, before its startup probe succeeded. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
}

export type InstanceState = 'starting' | 'ready' | 'stopping' | 'ended'

/** One container instance: a process of the revision's program, from spawn to exit. */
export class Instance {
  readonly id = randomBytes(8).toString('hex')
  /** Identifies requests from the front door. */
  readonly secret = randomBytes(32).toString('base64url')
  /** Resolves when the startup probe succeeded; rejects with StartFailure otherwise. */
  readonly ready: Promise<void>
  /** Resolves when the process has ended for any reason. */
  readonly ended: Promise<void>
  /** Requests in progress. Kept by the pool. */
  activeRequests = 0
  /** A connection to it broke: it gets no requests until it is checked. Kept by the pool. */
  isSuspect = false
  /** When the last request ended, in the clock's milliseconds. Kept by the pool. */
  idleSinceMs: number
  port = 0
  #state: InstanceState = 'starting'
  #wasStopped = false
  #child: ChildProcess | undefined
  #spawnError: Error | undefined
  #settleEnded: () => void = () => undefined
  readonly #end = new AbortController()
  readonly #program: Program
  readonly #clock: Clock
  readonly #log: ServiceLog

  constructor(program: Program, clock: Clock, log: ServiceLog) {
    this.#program = program
    this.#clock = clock
    this.#log = log
    this.idleSinceMs = clock.now()
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve))
    this.ready = this.#start()
  }

  get state(): InstanceState {
    return this.#state
  }

  /** Whether it was told to stop, as opposed to a crash. */
  get wasStopped(): boolean {
    return this.#wasStopped
  }

  /** Whether its process still listens. */
  async isListening(): Promise<boolean> {
    return this.#state === 'ready' && (await isListening(this.port))
  }

  /** SIGTERM, and SIGKILL 10 s later. Resolves when the process has ended; can be called again. */
  async stop(): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'stopping'
    this.#wasStopped = true
    this.#child?.kill('SIGTERM')
    const cancelKill = this.#clock.after(SHUTDOWN_GRACE_MS, () => this.#child?.kill('SIGKILL'))
    // Not spawned yet: the start sees the state and gives up.
    await this.ended
    cancelKill()
  }

  async #start(): Promise<void> {
    try {
      this.port = await freePort()
      const { port, secret } = this
      const prepared = await this.#program.prepare({ port, secret })
      if (this.#state !== 'starting') throw new StartFailure('the instance was stopped while it started')
      this.#spawn(prepared)
      await this.#probeStartup()
    } catch (error) {
      if (!this.#child) this.#finish()
      else if (this.#state === 'starting') {
        this.#state = 'stopping'
        this.#child.kill('SIGKILL')
      }
      throw error
    }
    if (this.#state !== 'starting') throw new StartFailure('the instance was stopped while it started')
    this.#state = 'ready'
    this.idleSinceMs = this.#clock.now()
    if (this.#program.livenessProbe) void this.#watchLiveness(this.#program.livenessProbe)
  }

  #spawn({ nodeArguments, directory, environment }: PreparedProgram): void {
    const child = spawn(process.execPath, [...guardOptions(), ...nodeArguments], {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C in the terminal is for the local cloud, which then sends SIGTERM.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    this.#child = child
    // First of all: without a free file descriptor or process, there is an error event and no pipes.
    child.on('error', (error) => {
      this.#log.system('ERROR', String(error), this.#program.revision)
      if (child.pid === undefined) this.#fail(error)
    })
    if (child.stdout) this.#log.follow(child.stdout)
    if (child.stderr) this.#log.follow(child.stderr)
    // The guard's pipe breaks when the process ends first; its exit event is enough.
    const guardPipe = (child.stdio as ChildProcess['stdio'] | undefined)?.[GUARD_DESCRIPTOR] as
      | Readable
      | null
      | undefined
    guardPipe?.on('error', () => undefined)
    child.once('exit', () => this.#finish())
    // `close` comes after the last line that the process printed.
    child.once('close', (code, signal) => {
      if (this.#wasStopped) return
      const how = signal === null ? `Container called exit(${code}).` : `Container terminated on signal ${signal}.`
      this.#log.system('WARNING', how, this.#program.revision)
    })
  }

  /** The process could not be started at all. */
  #fail(error: Error): void {
    this.#spawnError = error
    this.#finish()
  }

  #finish(): void {
    this.#state = 'ended'
    this.#end.abort()
    this.#settleEnded()
  }

  async #probeStartup(): Promise<void> {
    const { startupProbe: probe, revision, containerPort, isStartupProbeDefault } = this.#program
    const { signal } = this.#end
    const name = `${isStartupProbeDefault ? 'Default ' : ''}STARTUP ${probeKind(probe)} probe`
    await delay(this.#clock, probe.initialDelaySeconds * 1_000, signal)
    for (let attempt = 1; attempt <= probe.failureThreshold && !signal.aborted; attempt++) {
      const startedMs = this.#clock.now()
      if (await checkOnce(probe, this, this.#clock, signal)) {
        const attempts = attempt === 1 ? '1 attempt' : `${attempt} attempts`
        this.#log.system('INFO', `${name} succeeded after ${attempts} for port ${containerPort}.`, revision)
        return
      }
      const elapsedMs = this.#clock.now() - startedMs
      if (attempt < probe.failureThreshold) await delay(this.#clock, probe.periodSeconds * 1_000 - elapsedMs, signal)
    }
    if (this.#wasStopped) throw new StartFailure('the instance was stopped while it started')
    if (this.#spawnError) throw this.#spawnError
    this.#log.system('ERROR', `${name} failed for port ${containerPort}. The instance was not started.`, revision)
    throw new StartFailure(
      'The user-provided container failed to start and listen on the port defined provided by the ' +
        `PORT=${containerPort} environment variable within the allocated timeout. This can happen when the ` +
        'container port is misconfigured or if the timeout is too short. The health check timeout can be extended. ' +
        'Logs for this revision might contain more information.',
    )
  }

  async #watchLiveness(probe: Probe): Promise<void> {
    const { signal } = this.#end
    await delay(this.#clock, probe.initialDelaySeconds * 1_000, signal)
    for (let failures = 0; this.#state === 'ready';) {
      failures = (await checkOnce(probe, this, this.#clock, signal)) ? 0 : failures + 1
      if (this.#state !== 'ready') return
      if (failures >= probe.failureThreshold) {
        const message = `LIVENESS ${probeKind(probe)} probe failed ${failures} times consecutively. The instance has been shut down.`
        this.#log.system('ERROR', message, this.#program.revision)
        // It gets no more requests, although its process takes a moment to end.
        this.#state = 'stopping'
        this.#child?.kill('SIGKILL')
        return
      }
      await delay(this.#clock, probe.periodSeconds * 1_000, signal)
    }
  }
}
