import type { DeploymentRef } from '../../contracts/names.ts'
import type { RunHeartbeat, RunTotals } from '../../contracts/run-heartbeat.ts'
import { longestTryMs, type RunSpec } from '../../contracts/run-spec.ts'
import { CloudError, ifFound } from '../../google/transport/errors.ts'
import type { QueueLimits } from '../../google/rest/queues.ts'
import type { Generation } from '../../run-data/rounds.ts'
import { isControlQueue } from '../../run-data/run-queues.ts'
import type { Clock } from '../clock.ts'
import type { PacingFigures } from '../limits/pacing.ts'
import type { Logger } from '../log.ts'
import { RunNotFound, type RunSpecs } from '../run-specs.ts'
import { SLOW_SLOTS, type HeartbeatChain } from './chain.ts'
import { concludeRun, removeControlQueue, removeMessaging, removeResources } from './finish-run.ts'
import { FailedRuns } from './failed-runs.ts'
import { isOver, isReadDue, isSlow, LONGEST_IDLE_MS, newHeartbeat, observed } from './observation.ts'
import { PACE_MS, paced } from './queue-pace.ts'
import type { RunCloud } from './run-cloud.ts'
import { isStalled, startNextGeneration } from './stalled-run.ts'

export { runCloud } from './run-cloud.ts'

export interface HeartbeatDeps {
  /** The deployment, with its name. */
  place: DeploymentRef
  specs: Pick<RunSpecs, 'refresh'>
  chain: HeartbeatChain
  cloud: RunCloud
  /** How long the run's services can be without work until it is stalled. */
  pace: 'google' | 'local'
  /** How the model has accepted a run's calls from this instance (`RunModels.paceOf`). Absent without a model. */
  paceOf?: ((runId: string, lastMs: number) => Promise<PacingFigures | undefined>) | undefined
  clock: Clock
  log: Logger
}

/** What became of a heartbeat. */
export type BeatOutcome =
  /** The run goes on. */
  | 'seen'
  /** Another heartbeat has looked at the run in the meantime. */
  | 'doubled'
  /** Something failed that does not pass by itself; a later heartbeat tries again. */
  | 'failed'
  /** Nothing can be done on the run; the next task or command starts its heartbeats again. */
  | 'over'
  /** The run has its results, and its resources are gone. */
  | 'finished'
  | 'run_gone'

/** Rows of the last seconds may not be visible yet, so the totals of an end that is younger are not final. */
const SETTLED_MS = 10_000

/** Where a heartbeat comes from: its queue, and this service's own URL. */
export interface BeatSource {
  /** The short name of the queue (`X-CloudTasks-QueueName`). Undefined if a command asked for the heartbeat. */
  queue: string | undefined
  /** The slot of its task. */
  slot?: number | undefined
  url: string | undefined
}

/**
 * One heartbeat of a run: keeps its snapshot, records its progress, starts a new generation of tasks if it has stalled, and
 * finishes it when every unit has its final row. Each step can be repeated, so a heartbeat that died is delivered again,
 * and one that is doubled does no harm.
 */
export class Heartbeats {
  readonly #deps: HeartbeatDeps
  readonly #failures: FailedRuns

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps
    this.#failures = new FailedRuns(deps.clock)
  }

  /** @throws CloudError when the heartbeat should be delivered again */
  async beat(runId: string, source: BeatSource): Promise<BeatOutcome> {
    const { specs, log } = this.#deps
    try {
      const outcome = await this.#beatOf(await specs.refresh(runId), source)
      this.#failures.forget(runId)
      return outcome
    } catch (error) {
      if (error instanceof RunNotFound) return this.#clear(runId)
      if (error instanceof CloudError && error.retryable) throw error
      // It does not pass by itself, so the same heartbeat would only fail again. A later one tries.
      this.#failures.add(runId)
      log.error(`a heartbeat failed: ${(error as Error).message}`, { run_id: runId, error })
      return 'failed'
    }
  }

  /**
   * Lets a command prepare more tasks of a run: no heartbeat finishes the run until it has published them, and a run that
   * had ended goes on. What a finished run was about to lose is gone when this resolves, so that nothing new is deleted
   * with it.
   *
   * @throws CloudError FAILED_PRECONDITION for a run that has ended without a failed unit: its snapshot is gone
   */
  async prepare(spec: RunSpec): Promise<void> {
    const { cloud, clock } = this.#deps
    this.#failures.forget(spec.run_id)
    await cloud.beginPreparation(spec, clock.now())
    const summary = await cloud.summaryOf(spec)
    if (summary?.report.units.failed === 0) {
      await cloud.endPreparation(spec)
      throw new CloudError(
        'FAILED_PRECONDITION',
        `run ${spec.run_id} has ended, and none of its units is left to process`,
      )
    }
    if (summary) await removeMessaging(cloud, spec)
    else await this.#restoreLimits(spec)
    await Promise.all([cloud.deleteSummary(spec), cloud.forgetHeartbeat(spec)])
  }

  /**
   * Gives the queues the limits that they had before heartbeats lowered them. Rejects with CloudError if it cannot, because
   * the record of them is deleted next.
   */
  async #restoreLimits(spec: RunSpec): Promise<void> {
    const { cloud } = this.#deps
    const usual = (await cloud.heartbeatOf(spec))?.record.pacing?.usual_limits
    if (!usual) return
    const queues = (await cloud.allQueues(spec)).filter((name) => !isControlQueue(spec, name))
    const limits = { maxConcurrent: usual.max_concurrent, maxPerSecond: usual.max_per_second }
    await Promise.all(queues.map((name) => cloud.setQueueLimits(name, limits)))
  }

  async #beatOf(spec: RunSpec, source: BeatSource): Promise<BeatOutcome> {
    const failing = this.#failures.look(spec.run_id)
    if (failing === 'given up') return 'over'
    if (failing === 'waits') {
      await this.#continue(spec, source, true)
      return 'failed'
    }
    const { cloud, clock } = this.#deps
    const [stored, stop, all, summary, isPrepared] = await Promise.all([
      cloud.heartbeatOf(spec),
      cloud.runStopOf(spec),
      cloud.allQueues(spec),
      cloud.summaryOf(spec),
      cloud.isPrepared(spec, clock.now()),
    ]).catch(async (error: unknown) => {
      await this.#continue(spec, source, true)
      throw error
    })
    const nowMs = clock.now()
    const before = stored?.record ?? newHeartbeat(spec.run_id)
    const queues = await this.#queues(all.filter((name) => !isControlQueue(spec, name)))
    const isHeld = stop !== undefined || queues.areAllPaused
    const isSummaryOld = summary !== undefined && nowMs - Date.parse(summary.written_at) > LONGEST_IDLE_MS
    if (isOver(before, nowMs) || isSummaryOld) return 'over'
    // A finished run gets no new control queue.
    const isLate = summary !== undefined && !all.some((name) => name.endsWith(`/${source.queue}`))
    // Before anything that can fail, so that the next heartbeat comes whatever becomes of this one.
    if (!isLate) await this.#continue(spec, source, isSlow(before, isHeld, nowMs))
    if (summary) return this.#remove(spec, summary.report)
    if (!isHeld) await cloud.keepScratchTables(spec, nowMs)
    const isDue = isReadDue(before, { nowMs, hasTasks: queues.hasTasks })
    // Looked at first: a retry begins its generation before it changes what the totals say.
    const begun = isDue ? await cloud.currentGeneration(spec) : undefined
    const totals = isDue ? await this.#totals(spec) : undefined
    // A run whose command is about to publish more tasks does not stand still.
    const after = observed(before, { nowMs, hasTasks: queues.hasTasks || isPrepared, isHeld, totals })
    const stalls = !isHeld && isStalled(spec, after, { pace: this.#deps.pace, nowMs })
    const started = after.generations_started + 1
    const pace = await this.#pace(spec.run_id, before, { queues, isHeld })
    const seen = { ...after, pacing: pace.pacing }
    const record = stalls ? { ...seen, quiet_since: null, generations_started: started } : seen
    if (!(await cloud.saveHeartbeat(spec, record, stored?.generation))) return 'doubled'
    await this.#deps.specs.refresh(spec.run_id)
    if (pace.limits) await this.#setLimits(spec, queues.names, pace.limits)
    await this.#notify(spec)
    if (totals && isFinal(totals, queues.hasTasks, spec)) return this.#finish(spec, totals, begun)
    if (stalls && !(await cloud.isPrepared(spec, nowMs)))
      await startNextGeneration(spec, record, queues.names, { cloud, log: this.#deps.log })
    return 'seen'
  }

  async #queues(names: readonly string[]) {
    const { cloud } = this.#deps
    const states = (await Promise.all(names.map((name) => cloud.queueState(name)))).filter(
      (state) => state !== undefined,
    )
    // An estimate of no tasks can be wrong.
    const hasTasks =
      states.some(({ tasks }) => tasks > 0) ||
      (await Promise.all(names.map((name) => cloud.hasTasks(name)))).includes(true)
    const areAllPaused = states.length > 0 && states.every(({ isPaused }) => isPaused)
    return { names, hasTasks, areAllPaused, limits: states[0]?.limits }
  }

  /** Deletes what heartbeats have left of a run that was torn down. */
  async #clear(runId: string): Promise<BeatOutcome> {
    const { cloud, place } = this.#deps
    const run = { run_id: runId, place }
    // A heartbeat can have written them after the teardown deleted the run's objects.
    await Promise.all([cloud.forgetHeartbeat(run), cloud.deleteSummary(run), cloud.endPreparation(run)])
    await removeControlQueue(cloud, run)
    return 'run_gone'
  }

  async #continue(spec: RunSpec, { queue, slot, url }: BeatSource, isSlow: boolean): Promise<void> {
    const { chain } = this.#deps
    if (url === undefined) return
    if (queue === undefined) return chain.begin(spec.run_id, url)
    const { projectId, region } = spec.place
    const name = `projects/${projectId}/locations/${region}/queues/${queue}`
    await chain.continue(spec.run_id, { queue: name, slot, url, everySlots: isSlow ? SLOW_SLOTS : 1 })
  }

  /** Undefined before the run has its tables. */
  async #totals(spec: RunSpec): Promise<RunTotals | undefined> {
    const { cloud, clock } = this.#deps
    return ifFound(cloud.readTotals(spec, clock.now()))
  }

  async #pace(
    runId: string,
    { pacing }: RunHeartbeat,
    { queues, isHeld }: { queues: { names: readonly string[]; limits: QueueLimits | undefined }; isHeld: boolean },
  ) {
    const { paceOf, clock } = this.#deps
    const figures = await paceOf?.(runId, PACE_MS)
    const limits = isHeld ? undefined : queues.limits
    return paced(pacing, { figures, limits, queues: Math.max(1, queues.names.length), nowMs: clock.now() })
  }

  /** The rest of the heartbeat does not depend on it, and each instance limits its own calls. */
  async #setLimits({ run_id }: RunSpec, queues: readonly string[], limits: QueueLimits): Promise<void> {
    const { cloud, log } = this.#deps
    await Promise.all(queues.map((name) => cloud.setQueueLimits(name, limits))).catch((error: unknown) => {
      log.error(`could not change the limits of the queues of run ${run_id}`, { run_id, error })
    })
  }

  /** A topic that refuses the messages does not keep a run from its end. Another failure is tried again with the heartbeat. */
  async #notify(spec: RunSpec): Promise<void> {
    const { cloud, clock, log } = this.#deps
    await cloud.notifyRun(spec, { nowMs: clock.now(), looks: false }).catch((error: unknown) => {
      if (error instanceof CloudError && error.retryable) throw error
      log.error(`could not notify of run ${spec.run_id}`, { run_id: spec.run_id, error })
    })
  }

  async #finish(spec: RunSpec, totals: RunTotals, begun: Generation | undefined): Promise<BeatOutcome> {
    const { cloud, clock, log } = this.#deps
    if (await cloud.isPrepared(spec, clock.now())) return 'seen'
    const summary = await concludeRun(cloud, spec, { totals, begun, nowMs: clock.now() })
    if (!summary) return 'seen'
    const { ok, failed } = totals.units
    log.info(`run ${spec.run_id} has ended: ${ok} ok, ${failed} failed`, { run_id: spec.run_id })
    return this.#remove(spec, summary.report)
  }

  async #remove(spec: RunSpec, report: Parameters<typeof removeResources>[2]): Promise<BeatOutcome> {
    const { cloud, specs } = this.#deps
    await this.#notify(spec)
    await removeResources(cloud, spec, report)
    // A teardown that has started meanwhile has deleted the run's objects before this wrote its own.
    await specs.refresh(spec.run_id)
    await removeControlQueue(cloud, spec)
    return 'finished'
  }
}

/**
 * Whether the totals are those of the end. Tasks that remain can belong to calls in progress, whose rows and costs count
 * too; they end after the longest attempt.
 */
function isFinal({ units, last_row_at: last, at }: RunTotals, hasTasks: boolean, spec: RunSpec): boolean {
  if (units.total === 0 || units.pending > 0) return false
  const ageMs = last === null ? Number.POSITIVE_INFINITY : Date.parse(at) - Date.parse(last)
  return ageMs > SETTLED_MS + (hasTasks ? longestTryMs(spec.limits) : 0)
}
