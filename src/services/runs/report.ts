import type { Cause } from '../../contracts/causes.ts'
import { queueName, tablePath } from '../../contracts/names.ts'
import { exactUsd } from '../../contracts/prices.ts'
import type { RunStop } from '../../contracts/run-controls.ts'
import type { RunReport, RunState } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable, queryRows, timestampText, type TableDescription } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { describeOwnTable, runTable } from '../../run-data/run-tables.ts'
import {
  costQuery,
  failureKindsQuery,
  failuresQuery,
  progressQuery,
  strayRowsQuery,
} from '../../run-data/sql/ledger.ts'
import { runAnswers } from './answers.ts'
import { failureGroup, type FailureKindRow } from './failure-groups.ts'
import { estimatedTasks, hasTasks, listQueues } from '../../google/tasks.ts'

/** A report lists this many failed assets. The results have them all. */
const NAMED_FAILURES = 20

/** Returns the current state of a run from the ledger and the queues. Does not read the source. */
export async function runReport(spec: RunSpec): Promise<RunReport> {
  const query = { projectId: spec.place.projectId, location: spec.source.location }
  const [answers, stop, progress, cost] = await Promise.all([
    runAnswers(spec),
    runStopOf(spec),
    orMissing(queryRows<ProgressRow>(progressQuery(spec.tables), query)),
    orMissing(queryRows<{ cost_usd: number; without_usage: number }>(costQuery(spec.tables), query)),
  ])
  const base = {
    run_id: spec.run_id,
    profile: spec.profile.name,
    source: spec.source.given,
    ...(answers ? { answers } : {}),
    attempts_table: tablePath(spec.tables, spec.tables.attempts),
    started_at: spec.created_at,
  }
  const stopped = stop ? { stopped: stoppedMember(stop) } : {}
  if (!progress) {
    const snapshot = await describeTable(runTable(spec.tables, 'assets'))
    const total = snapshot?.rows ?? 0
    const units = { total, ok: 0, failed: 0, pending: total }
    return {
      ...base,
      state: stop ? 'paused' : 'starting',
      ...stopped,
      units,
      causes: {},
      failures: [],
      cost_usd: 0,
      results_table: null,
      finished_at: null,
    }
  }
  const units = { total: 0, ok: 0, failed: 0, pending: 0 }
  const causes: Partial<Record<Cause, number>> = {}
  let last: string | null = null
  for (const row of progress) {
    const count = Number(row.units)
    units.total += count
    if (row.status === 'ok') units.ok += count
    else if (row.status === 'pending') units.pending += count
    else units.failed += count
    if (row.cause && row.status !== 'pending') causes[row.cause] = (causes[row.cause] ?? 0) + count
    const finished = timestampText(row.last_finished_at)
    if (finished !== null && (last === null || finished > last)) last = finished
  }
  const failures = units.failed > 0 ? await queryRows<Failure>(failuresQuery(spec.tables, NAMED_FAILURES), query) : []
  const kinds =
    units.failed > 0 ? await queryRows<FailureKindRow>(failureKindsQuery(spec.tables, NAMED_FAILURES), query) : []
  const tasksState = await runState(spec, units)
  const isHeld = stop !== undefined || (tasksState === 'running' && answers?.available === false)
  const state = tasksState !== 'complete' && isHeld ? 'paused' : tasksState
  const stray = state === 'complete' ? await strayRows(spec) : undefined
  const results =
    state === 'complete' ? await describeOwnTable(runTable(spec.tables, 'results'), spec.run_id) : undefined
  return {
    ...base,
    state,
    ...(state === 'complete' ? {} : stopped),
    units,
    causes,
    failures,
    failure_groups: kinds.map((row) => failureGroup(spec, row)),
    cost_usd: exactUsd(Number(cost?.[0]?.cost_usd ?? 0)),
    answers_without_usage: Number(cost?.[0]?.without_usage ?? 0),
    ...(stray ? { stray_rows: stray } : {}),
    // A table with fewer rows was claimed by a command that was stopped before it wrote the rows. After
    // a retry adds rows, the results are rewritten.
    results_table: isCurrent(results, units.total, last) ? tablePath(spec.tables, spec.tables.results) : null,
    finished_at: units.pending === 0 ? last : null,
  }
}

function stoppedMember({ reason, message, failure, stopped_at }: RunStop): NonNullable<RunReport['stopped']> {
  return { reason, message, failure, stopped_at }
}

/** Counts the ledger's rows of units that are not in the snapshot. Returns undefined if there are none. */
export async function strayRows(spec: RunSpec): Promise<RunReport['stray_rows']> {
  const query = { projectId: spec.place.projectId, location: spec.source.location }
  const found = await orMissing(
    queryRows<{ attempts: number; unit_id: string | null }>(strayRowsQuery(spec.tables), query),
  )
  const { attempts = 0, unit_id: unit = null } = found?.[0] ?? {}
  return unit === null ? undefined : { rows: Number(attempts), unit_id: unit }
}

/** Whether the results table is complete and not older than the last row. */
function isCurrent(
  results: TableDescription | undefined,
  units: number,
  lastRow: string | null,
): results is TableDescription {
  return results?.rows === units && (lastRow === null || results.modifiedMs >= Date.parse(lastRow))
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
export async function hasQueuedUnits(spec: RunSpec): Promise<boolean> {
  const names = await runQueues(spec)
  if ((await estimatedTasksIn(names)) > 0) return true
  return (await Promise.all(names.map((name) => hasTasks(name)))).includes(true)
}

/** About how many tasks the run's queues have. */
export async function estimatedUnits(spec: RunSpec): Promise<number> {
  return estimatedTasksIn(await runQueues(spec))
}

async function estimatedTasksIn(names: readonly string[]): Promise<number> {
  const counts = await Promise.all(names.map((name) => estimatedTasks(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Returns the existing queues of a run. */
export async function runQueues(spec: Pick<RunSpec, 'place' | 'run_id'>): Promise<string[]> {
  const first = queueName(spec.place, spec.run_id)
  const all = await listQueues(spec.place.projectId, spec.place.region)
  return all.filter((name) => name === first || name.startsWith(`${first}-`))
}

interface ProgressRow {
  status: 'ok' | 'failed' | 'throttled' | 'pending'
  cause: Cause | null
  units: number
  last_finished_at: unknown
}

type Failure = RunReport['failures'][number]

/** Returns the rows, or undefined while the run's tables do not exist yet. */
async function orMissing<Rows>(rows: Promise<Rows>): Promise<Rows | undefined> {
  try {
    return await rows
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}
