import type { Carried } from '../contracts/carry.ts'
import { continueCommand } from '../contracts/continue-run.ts'
import { tablePath } from '../contracts/names.ts'
import { exactUsd } from '../contracts/prices.ts'
import type { RunStop } from '../contracts/run-controls.ts'
import type { RunHeartbeat, RunTotals } from '../contracts/run-heartbeat.ts'
import { throttlingOf } from '../contracts/run-pacing.ts'
import { runPace } from '../contracts/run-progress.ts'
import type { Answers, RunReport, RunState } from '../contracts/run-report.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { queryRows, type TableDescription } from '../google/bigquery/bigquery.ts'
import { carriedOf } from './carried.ts'
import { failureGroup, stopNext, type FailureKindRow } from './failure-groups.ts'
import { runControlsOf } from './run-stop.ts'
import { describeOwnTable, runTable } from './run-tables.ts'
import { failureKindsQuery, failuresQuery } from './sql/ledger.ts'

/** A report lists this many failed assets. The results have them all. */
const NAMED_FAILURES = 20

/** A report from a heartbeat's totals names failures only if that reads little: about 100 MB. */
const MOST_ROWS_TO_NAME = 200_000

/** What a report says besides the ledger. */
export interface ReportState {
  state: RunState
  answers: Answers | undefined
  stop: RunStop | undefined
  /** What its heartbeats have found. */
  heartbeat?: RunHeartbeat | undefined
}

/** Returns the report of a run whose ledger has no rows yet. */
export async function startingReport(
  spec: RunSpec,
  total: number,
  { answers, stop }: Omit<ReportState, 'state'>,
): Promise<RunReport> {
  return {
    ...baseReport(spec, answers),
    state: stop ? 'paused' : 'starting',
    ...(stop ? { stopped: stoppedMember(spec, stop) } : {}),
    units: { total, ok: 0, failed: 0, pending: total },
    causes: {},
    failures: [],
    cost_usd: 0,
    ...(await costLimit(spec)),
    results_table: null,
    finished_at: null,
  }
}

/** Returns the report of a run from its ledger's totals. Reads the failures, if there are any, from the live view. */
export async function reportFrom(
  spec: RunSpec,
  totals: RunTotals,
  { state, answers, stop, heartbeat }: ReportState,
): Promise<RunReport> {
  const { units, causes, stray_rows: stray, last_row_at: last } = totals
  // They read the whole ledger, which the totals of a heartbeat are there to avoid.
  const isNamed = units.failed > 0 && (totals !== heartbeat?.totals || totals.attempts <= MOST_ROWS_TO_NAME)
  const [carried, limit, failures, kinds, results] = await Promise.all([
    carriedOf(spec),
    costLimit(spec),
    isNamed ? rows<Failure>(spec, failuresQuery(spec.tables, NAMED_FAILURES)) : [],
    isNamed ? rows<FailureKindRow>(spec, failureKindsQuery(spec.tables, NAMED_FAILURES)) : [],
    state === 'complete' ? describeOwnTable(runTable(spec.tables, 'results'), spec.run_id) : undefined,
  ])
  return {
    ...baseReport(spec, answers),
    state,
    ...(stop && state !== 'complete' ? { stopped: stoppedMember(spec, stop, totals) } : {}),
    units,
    ...(carried ? { carried: carriedMember(carried) } : {}),
    causes,
    failures,
    ...(isNamed || units.failed === 0 ? { failure_groups: kinds.map((row) => failureGroup(spec, row)) } : {}),
    cost_usd: totals.cost_usd,
    ...outlook(totals, { state, heartbeat, carried }),
    ...limit,
    answers_without_usage: totals.answers_without_usage,
    ...(stray && state === 'complete' ? { stray_rows: stray } : {}),
    // A table with fewer rows was claimed by a command that was stopped before it wrote the rows. After
    // a retry adds rows, the results are rewritten.
    results_table: isCurrent(results, units.total, last) ? tablePath(spec.tables, spec.tables.results) : null,
    finished_at: units.pending === 0 ? later(last, carried?.carried_at) : null,
  }
}

/** The limit on the run's cost, which every report of the run has. */
async function costLimit(spec: RunSpec): Promise<Pick<RunReport, 'max_cost_usd'>> {
  const { max_cost_usd: limit } = await runControlsOf(spec)
  return limit === null ? {} : { max_cost_usd: limit }
}

/** What the run's progress so far says of the rest. */
function outlook(
  totals: RunTotals,
  { state, heartbeat, carried }: Pick<ReportState, 'state' | 'heartbeat'> & { carried: Carried | undefined },
): Pick<RunReport, 'cost_expected_usd' | 'pace' | 'throttling' | 'as_of'> {
  const { units, cost_usd: cost } = totals
  // Carried answers cost nothing, and so do not count in the average.
  const asked = units.ok + units.failed - (carried?.units.unchanged ?? 0)
  const expected = cost > 0 && asked > 0 && units.pending > 0 ? cost + (units.pending * cost) / asked : undefined
  const throttling = state === 'running' ? throttlingOf(heartbeat?.pacing, Date.now()) : undefined
  const pace =
    state === 'running' && heartbeat ? runPace(heartbeat.history, heartbeat.totals?.units.pending ?? 0) : undefined
  return {
    ...(expected === undefined ? {} : { cost_expected_usd: exactUsd(expected) }),
    ...(pace ? { pace } : {}),
    ...(throttling ? { throttling } : {}),
    ...(totals === heartbeat?.totals ? { as_of: totals.at } : {}),
  }
}

type Failure = RunReport['failures'][number]

function rows<Row>({ place, source }: RunSpec, sql: string): Promise<Row[]> {
  return queryRows<Row>(sql, { projectId: place.projectId, location: source.location })
}

function baseReport(spec: RunSpec, answers: Answers | undefined) {
  return {
    run_id: spec.run_id,
    profile: spec.profile.name,
    source: spec.source.given,
    ...(answers ? { answers } : {}),
    attempts_table: tablePath(spec.tables, spec.tables.attempts),
    started_at: spec.created_at,
  }
}

function carriedMember({ v: _, ...carried }: Carried): NonNullable<RunReport['carried']> {
  return carried
}

/** Carried answers are older than their run, which ends when it has carried them over if nothing else is to do. */
function later(last: string | null, carriedAt: string | undefined): string | null {
  return carriedAt !== undefined && (last === null || last < carriedAt) ? carriedAt : last
}

export function stoppedMember(
  spec: RunSpec,
  { run_id: runId, reason, message, failure, stopped_at }: RunStop,
  sofar: Partial<Pick<RunReport, 'units' | 'cost_usd'>> = {},
): NonNullable<RunReport['stopped']> {
  const next = continueCommand(runId, reason, sofar)
  return {
    reason,
    message,
    failure,
    stopped_at,
    next,
    ...(failure ? { failure_next: stopNext(spec, failure) } : {}),
  }
}

/** Whether the results table is complete and not older than the last row. */
function isCurrent(
  results: TableDescription | undefined,
  units: number,
  lastRow: string | null,
): results is TableDescription {
  return results?.rows === units && (lastRow === null || results.modifiedMs >= Date.parse(lastRow))
}
