import { ImageryError } from '../../contracts/errors.ts'
import { tableAt, tablePath } from '../../contracts/names.ts'
import { pendingText, stateText, type RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable, dryRun, type TableField, type TableName } from '../../google/bigquery/bigquery.ts'
import { queryPages } from '../../google/bigquery/query-pages.ts'
import { tablePages } from '../../google/bigquery/table-pages.ts'
import { rowConverter } from '../../google/bigquery/wire-values.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { resultsQuery } from '../../run-data/sql/ledger.ts'
import type { Row } from '../results/read-rows.ts'
import { findRunId, runNotFound } from '../runs/find.ts'
import { loadRunRecord } from '../runs/record.ts'
import { runReport } from '../runs/report.ts'
import { leftLedgerColumns, openResults } from '../runs/results.ts'
import { completeRun } from '../runs/watch.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'

/** A run that is opened for viewing. */
export interface OpenedRun {
  runId: string
  /** Undefined for a run that was torn down: only its tables are left. */
  spec: RunSpec | undefined
  /** The names of the answer's columns, with imagery's own. Undefined if `spec` has them, or it is not known any more. */
  answers?: ReadonlySet<string> | undefined
  /** Undefined for a run that another machine has torn down. */
  report: RunReport | undefined
  rows: RowSource
}

/** Where a run's rows are read from. */
export interface RowSource {
  /** `project.dataset.table`, for people. */
  table: string
  fields: readonly TableField[]
  /** The number of rows, if it is known. */
  count: number | undefined
  /** Text that changes when the rows can have changed. Undefined for rows that change while the run is in progress. */
  version: string | undefined
  /** What one reading of the rows is billed for, in bytes; 0 for a table, which is listed and not queried. */
  billedBytes: number
  read(): AsyncIterable<Row[]>
}

/**
 * Opens a run's results: the table, which costs nothing to read, or the rows so far of a run in progress or stopped, by a
 * query.
 *
 * @throws ImageryError RUN_NOT_FOUND; RUN_NOT_COMPLETE for a run that has no rows yet
 */
export async function openRun(target: Target, store: StateStore, typed: string | undefined): Promise<OpenedRun> {
  const runId = await findRunId(target, store, typed).catch(async (error: unknown) => {
    if (!(error instanceof ImageryError) || error.code !== 'RUN_NOT_FOUND' || typed === undefined) throw error
    // Another machine can have torn it down: its results have its ID as their label.
    return (await openResults(target, store, typed)).runId
  })
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'recorded') return openRecorded(target, record.spec)
  const { table, fields } = await openResults(target, store, runId)
  const leaving = record?.kind === 'leaving' ? record.leaving : undefined
  const report = leaving?.report ?? store.run(runId)?.tornDown
  const rows = await tableSource(tableAt(table), fields)
  if (!rows) throw runNotFound(target, runId)
  const spec = leaving?.spec ?? undefined
  const answers = spec ? undefined : await leftLedgerColumns(target, store, runId)
  return { runId, spec, answers, report, rows }
}

async function openRecorded(target: Target, spec: RunSpec): Promise<OpenedRun> {
  const report = await completeRun(spec, await runReport(spec, { from: 'heartbeat', isOneLook: true }))
  const rows = report.results_table === null ? await liveSource(spec) : await resultsSource(spec)
  if (rows) return { runId: spec.run_id, spec, report, rows }
  throw new ImageryError(
    'RUN_NOT_COMPLETE',
    `Run ${spec.run_id} is ${stateText(report)} and has no rows yet: ${pendingText(report.units)}`,
    { suggestions: [`imagery status ${spec.run_id} --watch${target.flags}`] },
  )
}

async function resultsSource(spec: RunSpec): Promise<RowSource | undefined> {
  return tableSource(runTable(spec.tables, 'results'))
}

export async function tableSource(name: TableName, known?: readonly TableField[]): Promise<RowSource | undefined> {
  const described = await describeTable(name)
  if (!described) return undefined
  const fields = known ?? described.fields
  return {
    table: tablePath(name, name.table),
    fields,
    count: described.rows,
    version: `${described.modifiedMs}-${described.rows}`,
    billedBytes: 0,
    read: () => tablePages(name, fields),
  }
}

/** Returns undefined while the run has no view of current rows. */
export async function liveSource(spec: RunSpec): Promise<RowSource | undefined> {
  const { tables, profile, place, source } = spec
  if (!(await describeTable(runTable(tables, 'live')))) return undefined
  const sql = resultsQuery(tables, profile, source.keep)
  const query = { projectId: place.projectId, location: source.location }
  const { fields, bytes } = await dryRun(sql, query)
  return {
    table: tablePath(tables, tables.live),
    fields,
    count: undefined,
    version: undefined,
    billedBytes: bytes,
    read: () => queried(sql, query),
  }
}

async function* queried(sql: string, query: { projectId: string; location: string }): AsyncGenerator<Row[]> {
  const { fields, pages } = await queryPages(sql, query)
  const convert = rowConverter(fields)
  for await (const page of pages) yield page.map(convert)
}
