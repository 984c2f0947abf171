import { tablePath } from '../../contracts/names.ts'
import type { RunHeartbeat, RunTotals } from '../../contracts/run-heartbeat.ts'
import type { Answers, RunReport, RunState } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { ifFound } from '../../google/transport/errors.ts'
import { runAnswers } from '../../run-data/answers.ts'
import { heartbeatOf, isPrepared, summaryOf } from '../../run-data/heartbeat-record.ts'
import { estimatedTasksIn, hasTasksIn, workQueues } from '../../run-data/run-queues.ts'
import { reportFrom, startingReport } from '../../run-data/run-report.ts'
import { currentGeneration } from '../../run-data/rounds.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { describeOwnTable, runTable } from '../../run-data/run-tables.ts'
import { MOST_GENERATIONS_MORE, stallMs } from '../../run-data/stall.ts'
import { readTotals } from '../../run-data/run-totals.ts'
import { STALE_MS } from './revive.ts'

/**
 * Returns the current state of a run: its final report if it has one, else from its ledger and queues. Does not read the
 * source.
 *
 * @param options.from `ledger` reads the whole ledger, for a command that waits for the run's end; `heartbeat` takes the
 *   totals that the last heartbeat has read, if it is young, and adds the run's pace
 * @param options.isOneLook for a command that shows the run and ends. Empty queues alone then do not make it `paused`
 */
export async function runReport(
  spec: RunSpec,
  { from = 'ledger', isOneLook = false }: { from?: 'heartbeat' | 'ledger'; isOneLook?: boolean } = {},
): Promise<RunReport> {
  const [ended, heartbeat, answers, stop] = await Promise.all([
    endedReport(spec),
    from === 'heartbeat' || isOneLook ? heartbeatOf(spec) : undefined,
    runAnswers(spec),
    runStopOf(spec),
  ])
  if (ended) return ended
  const told = { answers, stop, heartbeat: heartbeat?.record }
  const known = from === 'heartbeat' ? freshTotals(heartbeat?.record) : undefined
  // Empty queues can mean that the run has just ended, and then its exact figures count, as those of a stopped run do.
  if (known && !stop && (await hasQueuedUnits(spec)))
    return reportFrom(spec, known, { ...told, state: heldState('running', told) })
  const totals = await ifFound(readTotals(spec, Date.now()))
  if (!totals) {
    // A heartbeat has finished the run meanwhile, and deleted its snapshot.
    const endedSince = await endedReport(spec)
    if (endedSince) return endedSince
    const snapshot = await describeTable(runTable(spec.tables, 'assets'))
    return startingReport(spec, snapshot?.rows ?? 0, told)
  }
  const state = await runState(spec, totals, isOneLook ? heartbeat?.record : 'not asked')
  return reportFrom(spec, totals, { ...told, state: heldState(state, told) })
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
 * With pending units, the run is in progress while its queues hold tasks. Empty queues can also mean that populate is still
 * working, or that the last tasks have ended since the totals were read. A command that looks again must confirm `paused`
 * over time; for one look, the record of the last heartbeat says it.
 */
async function runState(
  spec: RunSpec,
  totals: RunTotals,
  heartbeat: RunHeartbeat | 'not asked' | undefined,
): Promise<RunState> {
  const { ok, failed, pending } = totals.units
  if (pending === 0) return 'complete'
  if (await hasQueuedUnits(spec)) return 'running'
  const idle = ok + failed > 0 ? 'paused' : 'starting'
  if (heartbeat === 'not asked') return idle
  const nowMs = Date.now()
  if (await isPrepared(spec, nowMs)) return 'starting'
  if ((await currentGeneration(spec)) === undefined) return idle
  return goesOn(spec, { totals, heartbeat, nowMs }) ? 'running' : 'paused'
}

/** Whether the pending units of a published run get tasks without a command, though it has none now. */
function goesOn(
  spec: RunSpec,
  { totals, heartbeat, nowMs }: { totals: RunTotals; heartbeat: RunHeartbeat | undefined; nowMs: number },
): boolean {
  if (heartbeat && nowMs - Date.parse(heartbeat.written_at) < STALE_MS) return !isGivenUp(spec, heartbeat, nowMs)
  const movedMs = Math.max(Date.parse(spec.created_at), Date.parse(totals.last_row_at ?? spec.created_at))
  return nowMs - movedMs < STALE_MS
}

/** Whether a run has stalled, and its heartbeats publish no more tasks. */
function isGivenUp(spec: RunSpec, { quiet_since: since, generations_started: started }: RunHeartbeat, nowMs: number) {
  if (since === null || nowMs - Date.parse(since) <= stallMs(spec, localCloud() ? 'local' : 'google')) return false
  return spec.gemini?.tier === 'flex' || started >= MOST_GENERATIONS_MORE
}

/** Whether the run's queues have tasks. An estimate of none is checked, because it can be wrong. */
async function hasQueuedUnits(spec: RunSpec): Promise<boolean> {
  const names = await workQueues(spec)
  return (await estimatedTasksIn(names)) > 0 || hasTasksIn(names)
}
