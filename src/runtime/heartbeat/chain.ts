import { invokerAccount, type DeploymentRef } from '../../contracts/names.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { QueueLimits } from '../../google/rest/queues.ts'
import type { NewTask } from '../../google/tasks.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import { controlQueueNames } from './control-queue.ts'

/** A heartbeat is named after its slot, so that two who create it create one. */
export const SLOT_MS = 30_000

/** Slots between two heartbeats of a run on which nothing can be done. */
export const SLOW_SLOTS = 20

/**
 * How many heartbeats are waiting ahead, each in its own slot. If one is lost, the next one creates those after it.
 * A deleted task's name cannot be used again for an hour
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#createtaskrequest), so it is not repaired.
 */
const SLOTS_AHEAD = 2

/** A heartbeat can write the results of a large run. */
const DEADLINE_SECONDS = 1_800

/** One heartbeat at a time. */
const LIMITS: QueueLimits = { maxConcurrent: 1, maxPerSecond: 1 }

/** Runs that an instance remembers. A forgotten one gets a call more than needed. */
const MOST_RUNS = 64

export interface ChainDeps {
  /** The deployment, with its name. */
  place: DeploymentRef
  createTask: (queue: string, task: NewTask) => Promise<'created' | 'existed'>
  ensureQueue: (name: string, limits: QueueLimits) => Promise<'created' | 'existed'>
  resumeQueue: (name: string) => Promise<void>
  clock: Clock
  log: Logger
}

/** Keeps a run's heartbeats going: each one creates the next ones, and every instance that works on the run replaces lost ones. */
export class HeartbeatChain {
  readonly #deps: ChainDeps
  /** The last slot in which this instance looked after a run, and the run's control queue. */
  readonly #runs = new Map<string, { slot: number; queue: string | undefined }>()

  constructor(deps: ChainDeps) {
    this.#deps = deps
  }

  /**
   * Makes sure that a run has a control queue and heartbeats, with at most one small call per slot. Returns at once and
   * never throws: no task waits for it, or fails because of it.
   *
   * @param url this service's own URL; undefined if the caller's token does not say it
   */
  touch(runId: string, url: string | undefined): void {
    if (url === undefined) return
    const slot = Math.floor(this.#deps.clock.now() / SLOT_MS)
    const known = this.#runs.get(runId)
    if (known?.slot === slot) return
    this.#remember(runId, slot, known?.queue)
    this.begin(runId, url).catch((error: unknown) => {
      this.#deps.log.warning(`could not create a heartbeat: ${String(error)}`, { run_id: runId })
    })
  }

  /**
   * Creates a run's control queue, unless it exists, and its next heartbeat. Later than the next one of a running chain,
   * which so stays the only one.
   */
  async begin(runId: string, url: string): Promise<void> {
    const { clock } = this.#deps
    const slot = Math.floor(clock.now() / SLOT_MS)
    const known = this.#runs.get(runId)?.queue
    const isThere = known !== undefined && (await this.#create(runId, known, url, slot + SLOTS_AHEAD))
    if (isThere) return
    const queue = await this.#ensureQueue(runId)
    this.#remember(runId, slot, queue)
    await this.#create(runId, queue, url, slot + SLOTS_AHEAD)
  }

  /**
   * Creates the next heartbeats of a run in the queue that has sent this one.
   *
   * @param slot of this heartbeat
   * @param everySlots 1, or more for a run on which nothing can be done
   */
  async continue(
    runId: string,
    {
      queue,
      url,
      slot: own = 0,
      everySlots,
    }: { queue: string; url: string; slot?: number | undefined; everySlots: number },
  ): Promise<void> {
    // A heartbeat that someone has sent early has used up its own name, so the next ones come after it.
    const now = Math.floor(this.#deps.clock.now() / SLOT_MS)
    const slot = Math.max(now, Math.min(own, now + SLOTS_AHEAD * SLOW_SLOTS))
    // At multiples, so that two heartbeats of nearly the same time create the same ones.
    const first = Math.floor(slot / everySlots) + 1
    const slots = Array.from({ length: SLOTS_AHEAD }, (_, index) => (first + index) * everySlots)
    const created = await Promise.all(slots.map((next) => this.#create(runId, queue, url, next)))
    // Someone has deleted the queue, so this heartbeat was its last one.
    if (created.includes(false)) await this.begin(runId, url)
  }

  /** Returns false if the queue does not exist. */
  async #create(runId: string, queue: string, url: string, slot: number): Promise<boolean> {
    const { createTask, place } = this.#deps
    try {
      await createTask(queue, {
        id: `heartbeat-${slot}`,
        url: `${url}/heartbeat`,
        body: Buffer.from(JSON.stringify({ v: 1, run_id: runId })),
        audience: url,
        serviceAccountEmail: invokerAccount(place),
        dispatchDeadlineSeconds: DEADLINE_SECONDS,
        scheduleMs: slot * SLOT_MS,
      })
      return true
    } catch (error) {
      // Cloud Tasks says either of a queue that was deleted.
      const isGone = error instanceof CloudError && ['NOT_FOUND', 'FAILED_PRECONDITION'].includes(error.status)
      if (!isGone) throw error
      return false
    }
  }

  /** Creates the control queue with the first name that can be used, or finds it. */
  async #ensureQueue(runId: string): Promise<string> {
    const { ensureQueue, resumeQueue, place } = this.#deps
    let refusal: unknown
    for (const name of controlQueueNames(place, runId)) {
      try {
        // Someone who paused all queues by hand has paused this one too.
        if ((await ensureQueue(name, LIMITS)) === 'existed') await resumeQueue(name)
        return name
      } catch (error) {
        if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
        refusal = error
      }
    }
    throw refusal
  }

  #remember(runId: string, slot: number, queue: string | undefined): void {
    this.#runs.delete(runId)
    this.#runs.set(runId, { slot, queue })
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= MOST_RUNS) break
      this.#runs.delete(oldest)
    }
  }
}
