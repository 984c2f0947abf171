import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { findRunId, listRunIds, runNotFound } from './find.ts'
import { runReport } from './report.ts'
import { isTornDown, loadingReport, loadRunRecord, type RunRecord } from './record.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { needRun, unlessTornDown } from './torn-down.ts'
import { completeRun, watchRun, type WatchOptions } from './watch.ts'

/** A run with its spec, or what can be said of one that has none: not recorded yet, or torn down. */
export type FoundRun =
  | { runId: string; spec: RunSpec }
  | { runId: string; spec?: undefined; report: RunReport; isTeardownUnfinished: boolean }

/** Finds a run by what the user typed, or the newest. */
export async function findRun(target: Target, store: StateStore, typed: string | undefined): Promise<FoundRun> {
  const runId = await findRunId(target, store, typed)
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'recorded') return { runId, spec: record.spec }
  const report = record ? await unrecordedReport(record) : store.run(runId)?.tornDown
  if (!report) throw runNotFound(target, runId)
  return { runId, report, isTeardownUnfinished: record?.kind === 'leaving' }
}

async function unrecordedReport(record: Exclude<RunRecord, { kind: 'recorded' }>): Promise<RunReport> {
  if (record.kind === 'loading') return loadingReport(record.started)
  const { report, spec, started } = record.leaving
  if (report) return report
  const now = spec ? await runReport(spec) : loadingReport(started!)
  return { ...now, state: 'torn_down', results_table: null }
}

/** Where a run stands. Writes the results table when it finds the run complete without one. */
export async function runStatus(run: FoundRun, flags: string): Promise<RunReport> {
  const { spec } = run
  if (!spec) return run.report
  try {
    const report = await completeRun(spec, await runReport(spec))
    await needRun(spec, flags)
    return report
  } catch (error) {
    throw await unlessTornDown(error, spec, flags)
  }
}

/** The same, once every asset has its row. */
export async function watchedStatus(run: FoundRun, options: WatchOptions): Promise<RunReport> {
  return run.spec ? watchRun(run.spec, options) : run.report
}

/** What to tell of a watch that ended early: when the local cloud is gone, how the run goes on. */
export function watchEnded(error: unknown, { runId, target }: { runId: string; target: Target }): unknown {
  const known = expectedFailure(error, target.place)
  if (!(known instanceof ImageryError) || known.code !== 'LOCAL_CLOUD_FAILED') return error
  return new ImageryError(known.code, known.message, {
    suggestions: [`imagery resume ${runId}${target.flags}`, `imagery status ${runId} --watch${target.flags}`],
    cause: error,
  })
}

/** Looks at this many runs at once: each is a query or two. */
const LOOKS_AT_ONCE = 4

/** Every run of the deployment, newest first, and those that this machine remembers having torn down. */
export async function listRuns(target: Target, store: StateStore): Promise<RunReport[]> {
  const ids = await listRunIds(target)
  const reports: RunReport[] = []
  for (let start = 0; start < ids.length; start += LOOKS_AT_ONCE) {
    const some = await Promise.all(ids.slice(start, start + LOOKS_AT_ONCE).map((runId) => listedReport(target, runId)))
    reports.push(...some.filter((report) => report !== undefined))
  }
  const present = new Set(reports.map((report) => report.run_id))
  for (const { runId, run } of store.runsOf(target.key))
    if (run.tornDown && !present.has(runId)) reports.push(run.tornDown)
  return reports.toSorted((a, b) => b.started_at.localeCompare(a.started_at))
}

/** Undefined for a run that is torn down while it is looked at. */
async function listedReport(target: Target, runId: string): Promise<RunReport | undefined> {
  const record = await loadRunRecord(target, runId)
  if (!record || record.kind !== 'recorded') return record && unrecordedReport(record)
  const report = await runReport(record.spec)
  return report.state === 'starting' && (await isTornDown(record.spec)) ? undefined : report
}
