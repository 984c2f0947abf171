import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { findRunId, listRunIds, runNotFound } from './find.ts'
import { areAllPaused } from './refused-deliveries.ts'
import { workQueues } from '../../run-data/run-queues.ts'
import { isTornDown } from '../../run-data/torn-down.ts'
import { runReport } from './report.ts'
import { loadingReport, loadRunRecord, type RunRecord } from './record.ts'
import { reviveHeartbeats } from './revive.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { requireRun, tornDownErrorOr } from './torn-down.ts'
import { completeRun, watchRun, type WatchOptions } from './watch.ts'

/** A run with its spec, or the report of a run without one: not recorded yet, or torn down. */
export type FoundRun =
  | { runId: string; spec: RunSpec }
  | { runId: string; spec?: undefined; report: RunReport; isTeardownUnfinished: boolean }

/** Finds a run by the ID or prefix that the user typed, or the newest run. */
export async function findRun(target: Target, store: StateStore, typed: string | undefined): Promise<FoundRun> {
  const runId = await findRunId(target, store, typed)
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'recorded') return { runId, spec: record.spec }
  const report = record ? await unrecordedReport(record) : store.run(runId)?.tornDown
  if (!report) throw runNotFound(target, runId)
  return { runId, report, isTeardownUnfinished: record?.kind === 'leaving' }
}

/** Returns undefined for a teardown's record that names nothing, which only a hand can have written. */
async function unrecordedReport(record: Exclude<RunRecord, { kind: 'recorded' }>): Promise<RunReport | undefined> {
  if (record.kind === 'loading') return loadingReport(record.started)
  const { report, spec, started } = record.leaving
  if (report) return report
  const now = spec ? await runReport(spec) : started && loadingReport(started)
  return now ? { ...now, state: 'torn_down', results_table: null } : undefined
}

/** Returns a run's state. Writes the results table if the run is complete without one. */
export async function runStatus(run: FoundRun, flags: string): Promise<RunReport> {
  const { spec } = run
  if (!spec) return run.report
  try {
    const report = await completeRun(spec, await runReport(spec, { from: 'heartbeat', isOneLook: true }))
    if (report.stopped === undefined) await reviveHeartbeats(spec)
    await requireRun(spec, flags)
    // Paused by a command or service that found that its tasks cannot be answered, or by hand.
    const isPaused = report.state === 'running' && (await areAllPaused(await workQueues(spec)))
    return isPaused ? { ...report, state: 'paused' } : report
  } catch (error) {
    throw await tornDownErrorOr(error, spec, flags)
  }
}

/** The same, after every asset has a row. */
export async function watchedStatus(run: FoundRun, options: WatchOptions): Promise<RunReport> {
  return run.spec ? watchRun(run.spec, options) : run.report
}

/** Returns the error for a watch that ended early. If the local cloud has ended, it says how to continue the run. */
export function errorForEndedWatch(error: unknown, { runId, target }: { runId: string; target: Target }): unknown {
  const known = expectedFailure(error, target.place)
  if (known instanceof ImageryError && known.code === 'CANCELLED') {
    const where = target.kind === 'local' ? 'while the local cloud runs' : 'in the cloud'
    return new ImageryError('CANCELLED', `Interrupted; the watch has ended, and run ${runId} continues ${where}`, {
      suggestions: [`imagery status ${runId} --watch${target.flags}`],
    })
  }
  if (!(known instanceof ImageryError) || known.code !== 'LOCAL_CLOUD_FAILED') return error
  return new ImageryError(known.code, known.message, {
    suggestions: [`imagery resume ${runId}${target.flags}`, `imagery status ${runId} --watch${target.flags}`],
    cause: error,
  })
}

/** Reports this many runs at once. Each takes one or two queries. */
const REPORTS_AT_ONCE = 4

/**
 * Lists the runs of the deployment, and the torn down runs that this machine remembers, newest first.
 *
 * @param options.limit the most runs to list; the others are not counted, because each takes queries
 */
export async function listRuns(
  target: Target,
  store: StateStore,
  options: { limit?: number | undefined } = {},
): Promise<RunReport[]> {
  const { limit = Number.POSITIVE_INFINITY } = options
  const ids = newestDays(await listRunIds(target), limit)
  const found = (await inBatches(ids, (runId) => listedRun(target, runId))).filter((run) => run !== undefined)
  const present = new Set(found.map(({ runId }) => runId))
  for (const { runId, run } of store.runsOf(target.key)) {
    const report = run.tornDown
    if (report && !present.has(runId)) found.push({ runId, startedAt: report.started_at, report: async () => report })
  }
  const newest = found.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt)).slice(0, limit)
  return (await inBatches(newest, ({ report }) => report())).filter((report) => report !== undefined)
}

/** Returns the IDs of the newest days that have at least `limit` runs. IDs sort only by day. */
function newestDays(runIds: readonly string[], limit: number): string[] {
  const day = (runId: string): string => runId.slice(0, 6)
  const sorted = runIds.toSorted((a, b) => day(b).localeCompare(day(a)))
  const last = sorted[limit - 1]
  return last === undefined ? sorted : sorted.filter((runId) => day(runId) >= day(last))
}

interface ListedRun {
  runId: string
  /** RFC 3339. */
  startedAt: string
  /** Counts the run. Undefined for a run that is torn down in the meantime. */
  report: () => Promise<RunReport | undefined>
}

/** Returns undefined for a run that is torn down in the meantime. */
async function listedRun(target: Target, runId: string): Promise<ListedRun | undefined> {
  const record = await loadRunRecord(target, runId)
  if (!record) return undefined
  if (record.kind === 'recorded') {
    return { runId, startedAt: record.spec.created_at, report: () => recordedReport(record.spec) }
  }
  const report = await unrecordedReport(record)
  return report && { runId, startedAt: report.started_at, report: async () => report }
}

async function recordedReport(spec: RunSpec): Promise<RunReport | undefined> {
  const report = await runReport(spec, { from: 'heartbeat', isOneLook: true })
  const hasNoRows = report.units.ok + report.units.failed === 0
  return hasNoRows && (await isTornDown(spec)) ? undefined : report
}

async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let start = 0; start < items.length; start += REPORTS_AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + REPORTS_AT_ONCE).map(work))))
  return results
}
