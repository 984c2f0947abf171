import { tablePath } from '../../contracts/names.ts'
import type { RunReport, RunState } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { runAnswers } from '../../run-data/answers.ts'
import { summaryOf } from '../../run-data/heartbeat-record.ts'
import { estimatedTasksIn, hasTasksIn, workQueues } from '../../run-data/run-queues.ts'
import { reportFrom, startingReport } from '../../run-data/run-report.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { describeOwnTable, runTable } from '../../run-data/run-tables.ts'
import { readTotals } from '../../run-data/run-totals.ts'

/**
 * Returns the current state of a run: its final report if it has one, else from the ledger and the queues. Does not read
 * the source.
 */
export async function runReport(spec: RunSpec): Promise<RunReport> {
  const ended = await endedReport(spec)
  if (ended) return ended
  const [answers, stop, totals] = await Promise.all([
    runAnswers(spec),
    runStopOf(spec),
    orMissing(readTotals(spec, Date.now())),
  ])
  if (!totals) {
    // A heartbeat has finished the run meanwhile, and deleted its snapshot.
    const endedSince = await endedReport(spec)
    if (endedSince) return endedSince
    const snapshot = await describeTable(runTable(spec.tables, 'assets'))
    return startingReport(spec, snapshot?.rows ?? 0, { answers, stop })
  }
  const tasksState = await runState(spec, totals.units)
  const isHeld = stop !== undefined || (tasksState === 'running' && answers?.available === false)
  const state = tasksState !== 'complete' && isHeld ? 'paused' : tasksState
  return reportFrom(spec, totals, { state, answers, stop })
}

/** Returns the report of a run that its heartbeats have finished. Someone can have deleted its results since. */
export async function endedReport(spec: RunSpec): Promise<RunReport | undefined> {
  const summary = await summaryOf(spec)
  if (!summary) return undefined
  const results = await describeOwnTable(runTable(spec.tables, 'results'), spec.run_id)
  return { ...summary.report, results_table: results ? tablePath(spec.tables, spec.tables.results) : null }
}

/** Counts the ledger's rows of units that are not in the snapshot. Returns undefined if there are none. */
export async function strayRows(spec: RunSpec): Promise<RunReport['stray_rows']> {
  const totals = await orMissing(readTotals(spec, Date.now()))
  return totals?.stray_rows ?? undefined
}

/**
 * With pending units, the run is in progress while its queues hold tasks. Empty queues can also mean
 * that populate is still working, so the caller must confirm `paused` over time.
 */
async function runState(spec: RunSpec, units: RunReport['units']): Promise<RunState> {
  if (units.pending === 0) return 'complete'
  if (await hasQueuedUnits(spec)) return 'running'
  return units.ok + units.failed > 0 ? 'paused' : 'starting'
}

/** Whether the run's queues have tasks. An estimate of none is checked, because it can be wrong. */
async function hasQueuedUnits(spec: RunSpec): Promise<boolean> {
  const names = await workQueues(spec)
  return (await estimatedTasksIn(names)) > 0 || hasTasksIn(names)
}

/** Returns the rows, or undefined while the run's tables do not exist yet. */
async function orMissing<Rows>(rows: Promise<Rows>): Promise<Rows | undefined> {
  try {
    return await rows
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}
