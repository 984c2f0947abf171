import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ImageryError } from '../../contracts/errors.ts'
import { tablePath, runIdInNames } from '../../contracts/names.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { claimResults, describeOwnTable, runTable, writeResults } from '../../run-data/run-tables.ts'
import { deleteTable, describeTable } from '../../google/bigquery/bigquery.ts'
import { isTornDown } from './record.ts'
import { queuedUnits, runReport } from './report.ts'
import { needRun, unlessTornDown } from './torn-down.ts'

/** Time between two looks: each is a query over the ledger, billed by Google at 10 MB at the least. */
const POLL_MS = { google: 5_000, local: 250 }

/** Time between two counts of the queues' tasks in the meantime: small calls, and free. */
const COUNT_MS = { google: 1_000, local: 50 }

/** A look may take at most this share of the time, so that watching never slows the run itself. */
const MOST_TIME_LOOKING = 0.04

/**
 * While no task is queued, though, the next look is never further away than this share of the time
 * watched so far: a small run is over before anybody has seen a task of it.
 */
const LONGEST_PAUSE = 0.25

/** A run's end may be noticed so much later than it comes, as a share of the time that it took. */
const MOST_TIME_LATE = 0.02

/**
 * Without a new row, and without a queued task, for this long, a run is not going on by itself.
 * Longer than Pub/Sub waits between deliveries of a shard (60 s at the most).
 */
const STALL_MS = { google: 90_000, local: 10_000 }

/** A cloud that has not answered for this long is given up. */
const OUTAGE_MS = { google: 120_000, local: 5_000 }

export interface WatchOptions {
  signal: AbortSignal
  reporter: StepReporter
  /** What a suggested command must carry to work on the same cloud. */
  flags: string
  now?: () => number
}

/**
 * Waits until every asset of a run has its row, then writes the results table.
 *
 * @throws ImageryError RUN_STALLED when nothing is queued any more and units are left; RUN_TORN_DOWN; the signal's reason when aborted
 */
export async function watchRun(spec: RunSpec, options: WatchOptions): Promise<RunReport> {
  const now = options.now ?? (() => performance.now())
  const pace = localCloud() ? 'local' : 'google'
  const pollMs = POLL_MS[pace]
  const stallMs = STALL_MS[pace]
  const startedMs = now()
  let first: { done: number; ms: number } | undefined
  let done = 0
  let movedMs = now()
  let failingSinceMs: number | undefined
  for (;;) {
    options.signal.throwIfAborted()
    try {
      const lookMs = now()
      const report = await runReport(spec)
      // After the count: while the run has its record, no teardown has deleted what was counted.
      await needRun(spec, options.flags)
      const finished = report.units.ok + report.units.failed
      if (finished > done || report.state === 'running') movedMs = now()
      done = finished
      first ??= { done, ms: now() }
      options.reporter.detail(progressLine(report, { done: first.done, elapsedMs: now() - first.ms }))
      if (report.state === 'complete') return await completeRun(spec, report)
      if (now() - movedMs > stallMs) throw stalled(report, options.flags)
      const isQueuedNow = report.state === 'running'
      const lookAgainMs =
        now() + pauseAfterLook({ lookMs: now() - lookMs, watchedMs: now() - startedMs, isQueuedNow, leastMs: pollMs })
      // Queues that run empty are the sign of a run's end; the ledger then says whether it is.
      for (let isQueued = isQueuedNow; now() < lookAgainMs;) {
        const countMs = Math.max(COUNT_MS[pace], (now() - first.ms) * MOST_TIME_LATE)
        await rest(Math.min(countMs, lookAgainMs - now()), options.signal)
        const wasQueued = isQueued
        isQueued = (await queuedUnits(spec)) > 0
        if (wasQueued && !isQueued) break
      }
      failingSinceMs = undefined
    } catch (error) {
      if (error instanceof ImageryError) throw error
      // The run goes on without us: a cloud that cannot answer for a moment is no reason to stop looking.
      const isTransient = error instanceof CloudError && error.retryable
      failingSinceMs ??= now()
      if (!isTransient || now() - failingSinceMs > OUTAGE_MS[pace])
        throw await unlessTornDown(error, spec, options.flags)
      await rest(pollMs, options.signal)
    }
  }
}

/** Milliseconds from the end of one look to the next, for a look that took `lookMs`. */
export function pauseAfterLook(look: {
  lookMs: number
  watchedMs: number
  isQueuedNow: boolean
  leastMs: number
}): number {
  const fairMs = look.lookMs * (1 / MOST_TIME_LOOKING - 1)
  return Math.max(look.leastMs, look.isQueuedNow ? fairMs : Math.min(fairMs, look.watchedMs * LONGEST_PAUSE))
}

/** @throws the signal's reason when it is aborted meanwhile */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted())
}

/**
 * Writes the results table of a run whose assets all have their row, unless it is there, and
 * checks that it has exactly one row per asset.
 */
export async function completeRun(spec: RunSpec, report: RunReport): Promise<RunReport> {
  if (report.state !== 'complete' || report.results_table !== null) return report
  await writeOwnResults(spec)
  const written = await describeTable(runTable(spec.tables, 'results'))
  if (written?.rows !== report.units.total) {
    throw new Error(`the results of run ${spec.run_id} have ${written?.rows} rows for ${report.units.total} assets`)
  }
  return { ...report, results_table: tablePath(spec.tables, spec.tables.results) }
}

/** Writes what a run has so far, pending assets included, before its ledger's view goes. A run without a view has nothing. */
export async function writeResultsSoFar(spec: RunSpec, report: RunReport): Promise<RunReport> {
  if ((await describeTable(runTable(spec.tables, 'live'))) === undefined) return report
  await writeOwnResults(spec)
  return { ...report, results_table: tablePath(spec.tables, spec.tables.results) }
}

/** @throws ImageryError OUTPUT_EXISTS when somebody else has taken the name since the run began */
async function writeOwnResults(spec: RunSpec): Promise<void> {
  if (!(await claimResults(spec))) {
    const { results, live } = spec.tables
    throw new ImageryError(
      'OUTPUT_EXISTS',
      `${tablePath(spec.tables, results)} has been made by somebody else meanwhile; the rows of run ${spec.run_id} are in ${tablePath(spec.tables, live)}`,
      { suggestions: [`Rename or drop ${tablePath(spec.tables, results)}, then: imagery status ${spec.run_id}`] },
    )
  }
  try {
    await writeResults(spec, resultsJobId(spec))
  } catch (error) {
    await unclaim(spec)
    throw error
  }
}

/** A teardown that goes on meanwhile has dropped the view, and perhaps the results before they were claimed here. */
async function unclaim(spec: RunSpec): Promise<void> {
  if (!(await isTornDown(spec))) return
  const results = runTable(spec.tables, 'results')
  if ((await describeOwnTable(results, spec.run_id))?.rows === 0) await deleteTable(results)
}

/** The job may run again after a retry has changed the rows, so its id is not fixed; writing twice does no harm. */
function resultsJobId(spec: RunSpec): string {
  return `imagery_${runIdInNames(spec.run_id)}_results_${randomUUID().slice(0, 8)}`
}

function stalled(report: RunReport, flags: string): ImageryError {
  const { ok, failed, pending, total } = report.units
  return new ImageryError(
    'RUN_STALLED',
    `Run ${report.run_id} has ${pending} of ${total} assets left (${ok} ok, ${failed} failed), and nothing of it is queued any more`,
    { suggestions: [`imagery resume ${report.run_id}${flags}`, `imagery teardown ${report.run_id}${flags}`] },
  )
}

/**
 * `1,204 of 2,000 assets, 3 failed, 512/s, 2 s left`
 *
 * @param since what was done when the watch began, and how long ago that is: who comes late must not take it for speed
 */
export function progressLine(report: RunReport, since: { done: number; elapsedMs: number }): string {
  const { total, ok, failed, pending } = report.units
  const done = ok + failed
  const perSecond = (done - since.done) / Math.max(0.001, since.elapsedMs / 1_000)
  const parts = [`${done.toLocaleString('en')} of ${total.toLocaleString('en')} assets`]
  if (failed > 0) parts.push(`${failed.toLocaleString('en')} failed`)
  if (done > since.done && pending > 0) {
    parts.push(
      `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`,
      `${duration((pending / perSecond) * 1_000)} left`,
    )
  }
  return parts.join(', ')
}

/** `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  const seconds = Math.round(milliseconds / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
