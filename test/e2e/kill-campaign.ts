import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { ImageryUser } from '../cli/imagery-process.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { callService } from '../../src/google/cloud-run/invoke.ts'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'
import { findDeployment } from '../../src/services/session/target.ts'
import { readAccessLog, type AccessLog } from './access-log.ts'
import { inCampaign } from './campaign-length.ts'
import { officialClients } from './official-clients.ts'
import { paceQueues, type QueuePace } from './paced-queues.ts'
import { isPortHeld, programsOf, type Role } from './programs.ts'
import { randomFrom, shuffled } from './random.ts'

/** The seed for the moments of a campaign; try others if you like. */
export const SEED = Number(process.env['IMAGERY_TEST_SEED'] ?? 20_261_123)

export const KILLS_OF_EACH = inCampaign({ short: 4, full: 20 })

/** Deliveries that the kills must have cut off, or a campaign proves nothing. */
export const FEWEST_CUT_OFF = KILLS_OF_EACH / 2

/** A full campaign starts more than a hundred processes, one after another: a minute and a half on an idle machine. */
export const CAMPAIGN_TIMEOUT_MS = 400_000

/**
 * How a round counts its moments: in every other round from the start of the command, so that each
 * of its steps is hit, and otherwise from the first task sent, so that work is hit even on a slow machine.
 */
const WINDOWS_MS = { fromStart: 2_600, fromWork: 1_200 }

/** Cloud Tasks' highest rate. */
const UNBRIDLED = { perSecond: 500 }

export interface CampaignOptions {
  user: ImageryUser
  /** Of every command; IMAGERY_ACCESS_LOG is among it. */
  environment: Record<string, string>
  /** The command line of a new run, without --local and --json. */
  run: readonly string[]
  /** How fast the run's queues send while processes are killed: a run must outlive several rounds. */
  pace: QueuePace
  /** What the access log says of a call by which main works on a unit. */
  work: string
}

/** One moment for each kind of process. The local cloud's is last, because no other process outlives it. */
function moments(random: () => number, windowMs: number): { victim: Role; atMs: number }[] {
  const times = Array.from({ length: 4 }, () => Math.round(random() * windowMs)).toSorted((a, b) => a - b)
  const victims: Role[] = [...shuffled<Role>(['main', 'populate', 'command'], random), 'cloud']
  return victims.map((victim, index) => ({ victim, atMs: times[index]! }))
}

/** A user who types `run`, and `resume` again and again, while processes are being killed. */
export class KillCampaign {
  /** Runs that were started and not rolled back. */
  readonly runs = new Set<string>()
  readonly #options: CampaignOptions
  readonly #user: ImageryUser
  readonly #environment: Record<string, string>
  #command: ReturnType<ImageryUser['start']>['process'] | undefined
  #ended: Promise<void> = Promise.resolve()
  #hasEnded = true
  #startedMs = 0
  #current: string | undefined
  #pacing = new AbortController()

  constructor(options: CampaignOptions) {
    this.#options = options
    this.#user = options.user
    this.#environment = options.environment
  }

  /** Kills each kind of process KILLS_OF_EACH times, then lets every run complete. Returns how often each was killed. */
  async wage(): Promise<Record<Role, number>> {
    const random = randomFrom(SEED)
    const killed: Record<Role, number> = { main: 0, populate: 0, command: 0, cloud: 0 }
    await this.#user.run(['deploy', '--local'], this.#environment)
    for (let round = 0; round < KILLS_OF_EACH; round++) {
      const isAtWork = round % 2 === 1
      await this.#begin({ isAtWork })
      for (const { victim, atMs } of moments(random, WINDOWS_MS[isAtWork ? 'fromWork' : 'fromStart'])) {
        await this.#wait(atMs)
        if (isAtWork && (victim === 'main' || victim === 'cloud')) await this.#untilUnitInProgress()
        await this.#kill(victim)
        killed[victim] += 1
      }
    }
    await this.#finish()
    return killed
  }

  /** The calls to the local cloud, in all its processes. */
  log(): AccessLog {
    return readAccessLog(this.#environment['IMAGERY_ACCESS_LOG']!)
  }

  /** Starts `resume`, or `run` when there is nothing to resume; moments count from now. */
  async #begin({ isAtWork }: { isAtWork: boolean }): Promise<void> {
    this.#startedMs = Date.now()
    const { sends } = this.log()
    await this.#ensureCommand()
    await this.#hold()
    if (!isAtWork) return
    for (const deadlineMs = Date.now() + 20_000; Date.now() < deadlineMs; await pause(50)) {
      if (this.#hasEnded || this.log().sends > sends) break
    }
    this.#startedMs = Date.now()
  }

  async #wait(atMs: number): Promise<void> {
    await pause(Math.max(0, this.#startedMs + atMs - Date.now()))
  }

  /**
   * Waits until main has just made a call for a unit whose row is not written yet, however long the machine takes to get
   * there. Gives up when the command has ended.
   */
  async #untilUnitInProgress(): Promise<void> {
    const file = this.#environment['IMAGERY_ACCESS_LOG']!
    let position = statSync(file).size
    for (const deadlineMs = Date.now() + 20_000; Date.now() < deadlineMs && !this.#hasEnded; await pause(2)) {
      const text = textFrom(file, position)
      if (text.includes(this.#options.work)) return
      // A line can be read in two parts.
      position += Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1))
    }
  }

  async #kill(victim: Role): Promise<void> {
    const pid = await this.#find(victim)
    process.kill(pid, 'SIGKILL')
    if (victim === 'command') await this.#ended
    while (isAlive(pid)) await pause(5)
  }

  /** Without further kills, until no run is unfinished. */
  async #finish(): Promise<void> {
    this.#pacing.abort()
    // A run whose first command failed before it published anything was rolled back.
    const { runs } = rememberedRuns(this.#user.stateFile)
    for (const runId of this.runs) if (!runs.includes(runId)) this.runs.delete(runId)
    for (const runId of this.runs) {
      const pacing = new AbortController()
      const start = this.#user.start(['resume', runId, '--local', '--json'], this.#environment)
      await this.#hold()
      const unbridled = this.#pace(runId, UNBRIDLED, pacing.signal)
      const { exitCode, stdout, stderr } = await start.outcome
      pacing.abort()
      await unbridled
      expect({ runId, exitCode, stdout, stderr }).toMatchObject({ exitCode: 0 })
    }
  }

  /** The process to kill, started first if necessary. */
  async #find(victim: Role): Promise<number> {
    for (const deadlineMs = Date.now() + 20_000; Date.now() < deadlineMs; await pause(10)) {
      if (victim === 'command') {
        await this.#ensureCommand()
        if (this.#command?.pid !== undefined && !this.#hasEnded) return this.#command.pid
      } else if (victim === 'cloud') {
        const locator = await findLocalCloud(this.#user.dataDirectory)
        if (locator) return locator.pid
        await this.#ensureCommand()
      } else {
        const found = programsOf(this.#user.dataDirectory).find(({ role }) => role === victim)
        if (found) return found.pid
        this.#wake(victim)
      }
    }
    throw new Error(`there is no ${victim} to kill`)
  }

  /** Cloud Run starts a program when it is called. */
  #wake(service: 'main' | 'populate'): void {
    const call = async (): Promise<void> => {
      const locator = await this.#attach()
      const deployment = locator && (await findDeployment(locator))
      const url = service === 'main' ? deployment?.mainUrl : deployment?.populateUrl
      if (url) await callService(url, '/healthz', { method: 'GET', timeoutMs: 1_000 })
    }
    call().catch(() => undefined)
  }

  async #ensureCommand(): Promise<void> {
    if (!this.#hasEnded) return
    const { runs } = rememberedRuns(this.#user.stateFile)
    const before = new Set(runs)
    const resumable = this.#current !== undefined && before.has(this.#current) ? this.#current : undefined
    const line = resumable === undefined ? ['run', ...this.#options.run] : ['resume', resumable]
    const { process: child, outcome } = this.#user.start([...line, '--local', '--json'], this.#environment)
    this.#command = child
    this.#hasEnded = false
    this.#ended = outcome.then(
      ({ exitCode, stdout }) => {
        this.#hasEnded = true
        // Complete, or killed during a rollback: the next command starts another run.
        if (exitCode === 0 || stdout.includes('SOURCE_NOT_FOUND')) this.#current = undefined
      },
      () => {
        this.#hasEnded = true
      },
    )
    if (resumable !== undefined) return
    this.#current = undefined
    while (!this.#hasEnded && this.#current === undefined) {
      this.#current = rememberedRuns(this.#user.stateFile).runs.find((runId) => !before.has(runId))
      await pause(20)
    }
    if (this.#current === undefined) return
    this.runs.add(this.#current)
    this.#startedMs = Date.now()
    this.#pacing.abort()
    this.#pacing = new AbortController()
    this.#pace(this.#current, this.#options.pace, this.#pacing.signal).catch(() => undefined)
  }

  async #pace(runId: string, pace: Partial<QueuePace>, signal: AbortSignal): Promise<void> {
    const locator = await this.#attach()
    if (locator) await paceQueues(locator, runId, { ...this.#options.pace, ...pace, signal })
  }

  /** A local cloud that a command started ends with its last lease. The test holds one too, so that the cloud is there to be killed. */
  async #hold(): Promise<void> {
    for (const deadlineMs = Date.now() + 20_000; Date.now() < deadlineMs; await pause(20)) {
      const locator = await this.#attach()
      if (!locator) continue
      const lease = await fetch(new URL('/_imagery/lease', locator.http), {
        headers: { authorization: `Bearer ${locator.adminToken}` },
      })
      lease.body?.pipeTo(new WritableStream()).catch(() => undefined)
      return
    }
    throw new Error('no local cloud was started')
  }

  /** Points this process's clients at the local cloud as it is now. */
  async #attach() {
    const locator = await findLocalCloud(this.#user.dataDirectory)
    if (!locator) return undefined
    useLocalCloud(locator)
    process.env['GCE_METADATA_HOST'] = locator.metadataHost
    return locator
  }
}

function textFrom(file: string, position: number): string {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(Math.max(0, statSync(file).size - position))
    return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, position))
  } finally {
    closeSync(descriptor)
  }
}

/** Tears the runs down and stops the cloud; then nothing may be left of them: no table, object, queue, message, process or port. */
export async function expectNothingLeft(
  user: ImageryUser,
  runs: Iterable<string>,
  environment: Record<string, string>,
): Promise<void> {
  for (const runId of runs) {
    const { exitCode, stderr } = await user.run(
      ['teardown', runId, '--local', '--delete-results', '--yes'],
      environment,
    )
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  }
  const { inventory, locator } = await officialClients(user.dataDirectory)
  expect((await inventory()).filter((name) => !/^gs:\/\/[^/]+\/deploy\/[a-z]+-[0-9a-f]+\.tar\.gz$/.test(name))).toEqual(
    [],
  )
  await user.run(['local', 'stop'], environment)
  expect(programsOf(path.dirname(user.folder))).toEqual([])
  const ports = [Number(new URL(locator.http).port), locator.grpc.port]
  expect(await Promise.all(ports.map(isPortHeld))).toEqual([false, false])
}

function rememberedRuns(stateFile: string): { runs: string[] } {
  try {
    const { runs } = JSON.parse(readFileSync(stateFile, 'utf8')) as { runs: Record<string, { tornDown?: object }> }
    return { runs: Object.entries(runs).flatMap(([runId, { tornDown }]) => (tornDown ? [] : [runId])) }
  } catch {
    return { runs: [] }
  }
}
