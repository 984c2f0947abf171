import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { findRunId, listRunIds, runNotFound } from './find.ts'
import { areAllPaused } from './refused-deliveries.ts'
import { runQueues, runReport } from './report.ts'
import { isTornDown, loadingReport, loadRunRecord, type RunRecord } from './record.ts'
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
    const report = await completeRun(spec, await runReport(spec))
    await requireRun(spec, flags)
    // Paused by a command or service that found that its tasks cannot be answered, or by hand.
    const isPaused = report.state === 'running' && (await areAllPaused(await runQueues(spec)))
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
  if (!(known instanceof ImageryError) || known.code !== 'LOCAL_CLOUD_FAILED') return error
  return new ImageryError(known.code, known.message, {
    suggestions: [`imagery resume ${runId}${target.flags}`, `imagery status ${runId} --watch${target.flags}`],
    cause: error,
  })
}

/** Reports this many runs at once. Each takes one or two queries. */
const REPORTS_AT_ONCE = 4

/** Lists every run of the deployment, and the torn down runs that this machine remembers, newest first. */
export async function listRuns(target: Target, store: StateStore): Promise<RunReport[]> {
  const ids = await listRunIds(target)
  const reports: RunReport[] = []
  for (let start = 0; start < ids.length; start += REPORTS_AT_ONCE) {
    const some = await Promise.all(
      ids.slice(start, start + REPORTS_AT_ONCE).map((runId) => listedReport(target, runId)),
    )
    reports.push(...some.filter((report) => report !== undefined))
  }
  const present = new Set(reports.map((report) => report.run_id))
  for (const { runId, run } of store.runsOf(target.key))
    if (run.tornDown && !present.has(runId)) reports.push(run.tornDown)
  return reports.toSorted((a, b) => b.started_at.localeCompare(a.started_at))
}

/** Returns undefined for a run that is torn down in the meantime. */
async function listedReport(target: Target, runId: string): Promise<RunReport | undefined> {
  const record = await loadRunRecord(target, runId)
  if (!record || record.kind !== 'recorded') return record && unrecordedReport(record)
  const report = await runReport(record.spec)
  return report.state === 'starting' && (await isTornDown(record.spec)) ? undefined : report
}
