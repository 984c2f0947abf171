import { tablePath } from '../../contracts/names.ts'
import type { RunHeartbeat, RunTotals } from '../../contracts/run-heartbeat.ts'
import type { Answers, RunReport, RunState } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { ifFound } from '../../google/transport/errors.ts'
import { runAnswers } from '../../run-data/answers.ts'
import { heartbeatOf, summaryOf } from '../../run-data/heartbeat-record.ts'
import { estimatedTasksIn, hasTasksIn, workQueues } from '../../run-data/run-queues.ts'
import { reportFrom, startingReport } from '../../run-data/run-report.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { describeOwnTable, runTable } from '../../run-data/run-tables.ts'
import { readTotals } from '../../run-data/run-totals.ts'

/**
 * Returns the current state of a run: its final report if it has one, else from its ledger and queues. Does not read the
 * source.
 *
 * @param options.from `ledger` reads the whole ledger, for a command that waits for the run's end; `heartbeat` takes the
 *   totals that the last heartbeat has read, if it is young, and adds the run's pace
 */
export async function runReport(
  spec: RunSpec,
  { from = 'ledger' }: { from?: 'heartbeat' | 'ledger' } = {},
): Promise<RunReport> {
  const isWatched = from === 'ledger'
  const [ended, heartbeat, answers, stop] = await Promise.all([
    endedReport(spec),
    isWatched ? undefined : heartbeatOf(spec),
    runAnswers(spec),
    runStopOf(spec),
  ])
  if (ended) return ended
  const told = { answers, stop, heartbeat: heartbeat?.record }
  const known = freshTotals(heartbeat?.record)
  // Empty queues can mean that the run has just ended, and then its exact figures count.
  if (known && (await hasQueuedUnits(spec)))
    return reportFrom(spec, known, { ...told, state: heldState('running', told) })
  const totals = await ifFound(readTotals(spec, Date.now()))
  if (!totals) {
    // A heartbeat has finished the run meanwhile, and deleted its snapshot.
    const endedSince = await endedReport(spec)
    if (endedSince) return endedSince
    const snapshot = await describeTable(runTable(spec.tables, 'assets'))
    return startingReport(spec, snapshot?.rows ?? 0, told)
  }
  return reportFrom(spec, totals, { ...told, state: heldState(await runState(spec, totals.units), told) })
}

/** The state of a run that may be stopped, or wait for what answers it. */
function heldState(
  state: RunState,
  { answers, stop }: { answers: Answers | undefined; stop: object | undefined },
): RunState {
  const isHeld = stop !== undefined || (state === 'running' && answers?.available === false)
  return state !== 'complete' && isHeld ? 'paused' : state
}

/** A heartbeat comes every 30 s, and can be delivered again a few times. */
const FRESH_MS = 90_000

/** The totals of the last heartbeat, if heartbeats still come and these totals still hold. */
function freshTotals(record: RunHeartbeat | undefined): RunTotals | undefined {
  if (!record?.totals || record.next_read_at === null || record.totals.units.pending === 0) return undefined
  const nowMs = Date.now()
  const isFresh = nowMs - Date.parse(record.written_at) < FRESH_MS && nowMs < Date.parse(record.next_read_at) + FRESH_MS
  return isFresh ? record.totals : undefined
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
  const totals = await ifFound(readTotals(spec, Date.now()))
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
