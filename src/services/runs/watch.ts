import { setTimeout as pause } from 'node:timers/promises'
import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import { usdText } from '../../contracts/prices.ts'
import { throttledText, throttlingOf, type Throttling } from '../../contracts/run-pacing.ts'
import { strayRowsText, type Answers, type RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { ResultsTaken, writeCompleteResults, writePartialResults } from '../../run-data/results.ts'
import { heartbeatOf } from '../../run-data/heartbeat-record.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { stallMs } from '../../run-data/stall.ts'
import { estimatedTasksIn, workQueues } from '../../run-data/run-queues.ts'
import { KEEP_EVERY_MS, keepScratchTables } from '../../run-data/scratch-tables.ts'
import { RefusedDeliveries } from './refused-deliveries.ts'
import { endedReport, runReport, strayRows } from './report.ts'
import { reviveHeartbeats, STALE_MS } from './revive.ts'
import { stoppedError, stoppedErrorOr } from './stopped.ts'
import { requireRun, tornDownErrorOr } from './torn-down.ts'
import { countText, counted } from '../../contracts/count-text.ts'

/** Time between two polls. Each poll is a query over the ledger, for which Google bills at least 10 MB. */
const POLL_MS = { google: 5_000, local: 250 }

/** Time between two counts of the queues' tasks. These calls are small and free. */
const COUNT_MS = { google: 1_000, local: 50 }

/** The first poll of a run whose tasks have just been queued. They begin faster without it. */
const FIRST_POLL_MS = { google: 5_000, local: 1_000 }

/** The same if no task is seen. */
const IDLE_MS = { google: 1_000, local: 250 }

/** A run without tasks counts as idle only after this time, because populate can still be creating them. */
const IDLE_SHOWN_MS = { google: 20_000, local: 2_000 }

/** Above this number, a poll takes what the last heartbeat has counted instead of the whole ledger (docs/scale.md). */
const MANY_UNITS = 1_000_000

/** Polls take at most this share of the time, so that watching never slows the run. */
const MOST_TIME_POLLING = 0.04

/**
 * While no task is queued, the next poll comes within this share of the time watched so far, because a
 * small run can end before any poll sees a task.
 */
const LONGEST_PAUSE = 0.25

/** The longest delay in noticing a run's end, as a share of its duration. */
const MOST_TIME_LATE = 0.02

/** Time between two looks at what heartbeats have seen of the calls: they come as often. */
const LOOK_AT_CALLS_MS = 30_000

/** The watch fails if the cloud does not respond for this long. */
const OUTAGE_MS = { google: 120_000, local: 5_000 }

export interface WatchOptions {
  signal: AbortSignal
  reporter: StepReporter
  /** The flags that a suggested command needs to work on the same cloud. */
  flags: string
  /** Whether its first tasks have just been queued, so that nothing is done yet. */
  isNew?: boolean
  /** Called with the line of progress when anything but the rate has changed. */
  changed?: ((line: string) => void) | undefined
  now?: () => number
}

/**
 * Waits until every asset of a run has a row, then writes the results table.
 *
 * @throws RunStalled if nothing is queued but units are pending; RUN_STOPPED; ACCESS_DENIED, NOT_AVAILABLE or CLOUD_ERROR if no
 *   delivery reaches the services; RUN_TORN_DOWN; the signal's reason when aborted
 */
export async function watchRun(spec: RunSpec, options: WatchOptions): Promise<RunReport> {
  const now = options.now ?? (() => performance.now())
  const pace = localCloud() ? 'local' : 'google'
  const pollMs = POLL_MS[pace]
  const startedMs = now()
  let first: { done: number; ms: number } | undefined
  let done = 0
  let units = 0
  let movedMs = now()
  let reviveAtMs = now() + STALE_MS
  let failingSinceMs: number | undefined
  let shown = ''
  let callsAtMs = now() + LOOK_AT_CALLS_MS
  let throttling: Throttling | undefined
  let keepAtMs = now() + KEEP_EVERY_MS
  const refused = new RefusedDeliveries(spec, { flags: options.flags, pace, now })
  /** Waits for the next poll. Queues that become empty suggest that the run has ended, and a poll confirms it. */
  const watchTasks = async (until: { nextPollMs: number; isQueued: boolean; idleMs?: number }): Promise<void> => {
    const { nextPollMs, idleMs = nextPollMs } = until
    let queues: readonly string[] = []
    let stopAtMs = now() + pollMs
    for (let { isQueued } = until; now() < nextPollMs;) {
      const countMs = Math.max(COUNT_MS[pace], (now() - (first?.ms ?? startedMs)) * MOST_TIME_LATE)
      await rest(Math.min(countMs, nextPollMs - now()), options.signal)
      const wasQueued = isQueued
      // They stay the same once they are there.
      if (queues.length === 0) queues = await workQueues(spec)
      isQueued = (await estimatedTasksIn(queues)) > 0
      if (!isQueued && (wasQueued || now() >= idleMs)) return
      // A stopped run keeps its tasks. The stop is a small object, unlike a poll's query.
      if (now() < stopAtMs) continue
      stopAtMs = now() + pollMs
      if ((await runStopOf(spec)) !== undefined) return
    }
  }
  let isNew = options.isNew ?? false
  for (;;) {
    options.signal.throwIfAborted()
    try {
      if (isNew) {
        isNew = false
        const nowMs = now()
        await watchTasks({ nextPollMs: nowMs + FIRST_POLL_MS[pace], isQueued: false, idleMs: nowMs + IDLE_MS[pace] })
      }
      const polledAtMs = now()
      const counted = await runReport(spec, { from: units > MANY_UNITS ? 'heartbeat' : 'ledger' })
      units = counted.units.total
      if (now() >= callsAtMs) {
        callsAtMs = now() + LOOK_AT_CALLS_MS
        throttling = throttlingOf((await heartbeatOf(spec))?.record.pacing, Date.now())
      }
      const report = counted.state === 'running' && throttling ? { throttling, ...counted } : counted
      // Checked after the count: if the record exists, no teardown has deleted the counted rows.
      await requireRun(spec, options.flags)
      if (now() >= reviveAtMs) {
        reviveAtMs = now() + STALE_MS
        await reviveHeartbeats(spec)
      }
      if (now() >= keepAtMs) {
        keepAtMs = now() + KEEP_EVERY_MS
        await keepSnapshot(spec)
      }
      const finished = report.units.ok + report.units.failed
      const hasMoved = finished > done
      if (hasMoved || report.state === 'running') movedMs = now()
      done = finished
      first ??= { done, ms: now() }
      const isJustIdle = report.state === 'paused' && now() - movedMs < IDLE_SHOWN_MS[pace]
      const seen = isJustIdle ? { ...report, state: 'running' as const } : report
      const line = progressLine(seen, { done: first.done, elapsedMs: now() - first.ms })
      options.reporter.detail(line)
      const facts = progressFacts(seen).join()
      if (facts !== shown) options.changed?.(line)
      shown = facts
      if (report.state === 'complete') return await completeRun(spec, report)
      if (report.stopped) throw stoppedError(report.run_id, report.stopped, options.flags, report.units)
      if (report.answers?.available === false) throw answeredElsewhere(report, report.answers, options.flags)
      await refused.look({ hasMoved, hasTasks: report.state === 'running' }, () => workQueues(spec))
      if (now() - movedMs > stallMs(spec, pace)) throw new RunStalled(report, options.flags, await strayRows(spec))
      const isQueuedNow = report.state === 'running'
      const nextPollMs =
        now() +
        pauseBetweenPolls({ tookMs: now() - polledAtMs, watchedMs: now() - startedMs, isQueuedNow, leastMs: pollMs })
      await watchTasks({ nextPollMs, isQueued: isQueuedNow })
      failingSinceMs = undefined
    } catch (error) {
      // The queues of a run can be seen paused before the stop that paused them.
      if (error instanceof ImageryError) throw await stoppedErrorOr(error, spec, options.flags)
      // The run continues without this command, so a short outage is no reason to stop watching.
      const isTransient = error instanceof CloudError && error.retryable
      failingSinceMs ??= now()
      if (!isTransient || now() - failingSinceMs > OUTAGE_MS[pace])
        throw await tornDownErrorOr(error, spec, options.flags)
      await rest(pollMs, options.signal)
    }
  }
}

/** Moves the snapshot's expiry, as the services do. An account that only watches a run may not be allowed to. */
async function keepSnapshot(spec: RunSpec): Promise<void> {
  await keepScratchTables(spec, Date.now()).catch((error: unknown) => {
    if (!(error instanceof CloudError)) throw error
  })
}

/** Returns the milliseconds until the next poll, after a poll that took `tookMs`. */
export function pauseBetweenPolls(poll: {
  tookMs: number
  watchedMs: number
  isQueuedNow: boolean
  leastMs: number
}): number {
  const fairMs = poll.tookMs * (1 / MOST_TIME_POLLING - 1)
  return Math.max(poll.leastMs, poll.isQueuedNow ? fairMs : Math.min(fairMs, poll.watchedMs * LONGEST_PAUSE))
}

/** @throws the signal's reason when it is aborted */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted())
}

/**
 * Writes the results table of a complete run, unless it exists, and checks that it has exactly one
 * row per asset. A finished run without its live view cannot write them again.
 *
 * @throws ImageryError OUTPUT_EXISTS if another process has created the table since the run started
 */
export async function completeRun(spec: RunSpec, report: RunReport): Promise<RunReport> {
  if (report.state !== 'complete' || report.results_table !== null) return report
  // A heartbeat has finished the run. If there are no results even so, someone has deleted them since.
  if ((await describeTable(runTable(spec.tables, 'live'))) === undefined) return (await endedReport(spec)) ?? report
  const state = { units: report.units.total, lastRowAt: report.finished_at }
  await writeCompleteResults(spec, state).catch((error: unknown) => Promise.reject(resultsFailure(error, spec)))
  return { ...report, results_table: tablePath(spec.tables, spec.tables.results) }
}

/**
 * Writes a run's results so far, including pending assets, before a teardown deletes the ledger's view. A run without a
 * view has none.
 *
 * @throws ImageryError OUTPUT_EXISTS, as `completeRun`
 */
export async function writeResultsSoFar(spec: RunSpec, report: RunReport): Promise<RunReport> {
  const isWritten = await writePartialResults(spec).catch((error: unknown) =>
    Promise.reject(resultsFailure(error, spec)),
  )
  return isWritten ? { ...report, results_table: tablePath(spec.tables, spec.tables.results) } : report
}

function resultsFailure(error: unknown, { run_id: runId, tables }: RunSpec): unknown {
  if (!(error instanceof ResultsTaken)) return error
  return new ImageryError('OUTPUT_EXISTS', error.message, {
    suggestions: [`Rename or drop ${tablePath(tables, tables.results)}, then run: imagery status ${runId}`],
  })
}

/** The run's tasks wait, because the running local cloud has something else to answer them. */
function answeredElsewhere({ run_id: runId, units }: RunReport, { by }: Answers, flags: string): ImageryError {
  return new ImageryError(
    'RUN_STALLED',
    `Run ${runId} is answered by ${by}, which the running local cloud does not have. Its ${units.pending} pending assets wait, and none of them failed`,
    { suggestions: [`imagery resume ${runId}${flags}`] },
  )
}

/** A run with pending units has no tasks and gets no rows. */
export class RunStalled extends ImageryError {
  readonly pending: number

  constructor(report: RunReport, flags: string, stray?: RunReport['stray_rows']) {
    const { ok, failed, pending, total } = report.units
    const why = stray ? `. ${strayRowsText(stray, report.attempts_table)}` : ''
    super(
      'RUN_STALLED',
      `Run ${report.run_id} has ${countText(pending)} of ${counted(total, 'asset')} left (${ok} ok, ${failed} failed), but no tasks are queued${why}`,
      { suggestions: [`imagery resume ${report.run_id}${flags}`, `imagery teardown ${report.run_id}${flags}`] },
    )
    this.pending = pending
  }
}

/**
 * `1,204 of 2,000 assets, 3 failed, $0.84, 512/s, 2 s left`
 *
 * @param since the number of done assets when the watch started, and the time since then, so that assets done before do not count as speed
 */
export function progressLine(report: RunReport, since: { done: number; elapsedMs: number }): string {
  const { ok, failed, pending } = report.units
  const done = ok + failed
  const perSecond = (done - since.done) / Math.max(0.001, since.elapsedMs / 1_000)
  const parts = progressFacts(report)
  if (done > since.done && pending > 0) {
    parts.push(
      `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`,
      `${duration(Math.max(1_000, (pending / perSecond) * 1_000))} left`,
    )
  }
  return parts.join(', ')
}

/** The parts of a line of progress that do not depend on the time. */
function progressFacts({ state, units: { total, ok, failed }, cost_usd: cost, throttling }: RunReport): string[] {
  const throttled = throttling && throttledText(throttling)
  return [
    `${countText(ok + failed)} of ${counted(total, 'asset')}`,
    ...(failed > 0 ? [`${countText(failed)} failed`] : []),
    ...(cost > 0 ? [usdText(cost)] : []),
    ...(throttled === undefined ? [] : [throttled]),
    ...(state === 'paused' ? ['no task is queued'] : []),
  ]
}

/** `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  const seconds = Math.round(milliseconds / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
