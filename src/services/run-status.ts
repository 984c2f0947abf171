import type { RunReport } from '../contracts/run-report.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { findRunId, listRunIds, loadRunSpec, runNotFound } from './find-run.ts'
import { runReport } from './run-progress.ts'
import type { StateStore } from './state-store.ts'
import type { Target } from './target.ts'
import { completeRun, watchRun, type WatchOptions } from './watch-run.ts'

/** A run's spec; `tornDown` instead when only this machine's memory of it is left. */
export type FoundRun = { runId: string; spec: RunSpec } | { runId: string; spec?: undefined; tornDown: RunReport }

/** Finds a run by what the user typed, or the newest. */
export async function findRun(target: Target, store: StateStore, typed: string | undefined): Promise<FoundRun> {
  const runId = await findRunId(target, store, typed)
  const spec = await loadRunSpec(target, runId)
  if (spec) return { runId, spec }
  const tornDown = store.run(runId)?.tornDown
  if (!tornDown) throw runNotFound(target, runId)
  return { runId, tornDown }
}

/** Where a run stands. Writes the results table when it finds the run complete without one. */
export async function runStatus(run: FoundRun): Promise<RunReport> {
  return run.spec ? completeRun(run.spec, await runReport(run.spec)) : run.tornDown
}

/** The same, once every asset has its row. */
export async function watchedStatus(run: FoundRun, options: WatchOptions): Promise<RunReport> {
  return run.spec ? watchRun(run.spec, options) : run.tornDown
}

/** Looks at this many runs at once: each is a query or two. */
const LOOKS_AT_ONCE = 4

/** Every run of the deployment, newest first, and those that this machine remembers having torn down. */
export async function listRuns(target: Target, store: StateStore): Promise<RunReport[]> {
  const ids = await listRunIds(target)
  const reports: RunReport[] = []
  for (let start = 0; start < ids.length; start += LOOKS_AT_ONCE) {
    const specs = await Promise.all(ids.slice(start, start + LOOKS_AT_ONCE).map((runId) => loadRunSpec(target, runId)))
    reports.push(...(await Promise.all(specs.filter((spec) => spec !== undefined).map(runReport))))
  }
  const present = new Set(reports.map((report) => report.run_id))
  for (const { runId, run } of store.runsOf(target.key))
    if (run.tornDown && !present.has(runId)) reports.push(run.tornDown)
  return reports.toSorted((a, b) => b.started_at.localeCompare(a.started_at))
}
