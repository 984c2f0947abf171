import { ImageryError } from '../../contracts/errors.ts'
import { LEDGER_ENDING, tableAt, tablePath } from '../../contracts/names.ts'
import { isRunId } from '../../contracts/run-id.ts'
import { describeTable, dryRun, type TableField, type TableName } from '../../google/bigquery/bigquery.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { findRunTables, runTable } from '../../run-data/run-tables.ts'
import { rawAnswersQuery, resultsQuery } from '../../run-data/sql/ledger.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { findRunId, runNotFound } from './find.ts'
import { pendingText, stateText } from '../../contracts/run-report.ts'
import { runReport } from './report.ts'
import { loadRunRecord } from './record.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { completeRun } from './watch.ts'
import { countText, counted } from '../../contracts/count-text.ts'

/** The rows of a run, which a query can read. */
export interface RunRows {
  runId: string
  /** The table's path, for people. */
  table: string
  /** What a query reads: the table's path, or a query in parentheses. */
  from: string
  fields: readonly TableField[]
  /** The number of rows, if it is known without a query. */
  count: number | undefined
  /** Columns that together identify a row. */
  key: readonly string[]
  projectId: string
  location: string
  /** What the reader must know about the rows: those of a stopped run are not all there. */
  warning?: string
}

/**
 * Opens a run's results table. Writes it first if the run has just become complete. A stopped run has no such table: its
 * rows so far are read from its view of current rows.
 *
 * @throws ImageryError RUN_NOT_COMPLETE while assets are pending and the run is not stopped
 */
export async function openResults(target: Target, store: StateStore, typed: string | undefined): Promise<RunRows> {
  const runId = await findRunId(target, store, typed).catch((error: unknown) => {
    // The run was torn down on another machine. Its results are labeled with its ID.
    const isUnknown = error instanceof ImageryError && error.code === 'RUN_NOT_FOUND'
    if (isUnknown && typed !== undefined && isRunId(typed)) return typed
    throw error
  })
  const record = await loadRunRecord(target, runId)
  const stopped = record?.kind === 'recorded' ? await stoppedRows(record.spec) : undefined
  if (stopped) return stopped
  const table = await resultsTable(target, store, runId)
  const described = await describeTable(table)
  if (!described)
    throw new ImageryError(
      'RUN_NOT_FOUND',
      `The results of run ${runId} no longer exist: there is no table ${tablePath(table, table.table)}`,
    )
  const path = tablePath(table, table.table)
  const { fields, location, rows: count } = described
  const { projectId } = target.place
  return { runId, table: path, from: path, fields, count, key: keyOf(fields), projectId, location }
}

/** Opens the rows so far of a stopped run. Returns undefined for any other run, or one without rows. */
async function stoppedRows(spec: RunSpec): Promise<RunRows | undefined> {
  if (!(await runStopOf(spec)) || !(await describeTable(runTable(spec.tables, 'live')))) return undefined
  const report = await runReport(spec)
  if (!report.stopped) return undefined
  const from = `(${resultsQuery(spec.tables, spec.profile, spec.source.keep)})`
  const query = { projectId: spec.place.projectId, location: spec.source.location }
  const { fields } = await dryRun(from, query)
  const { pending, total } = report.units
  return {
    runId: spec.run_id,
    table: tablePath(spec.tables, spec.tables.live),
    from,
    fields,
    count: total,
    key: keyOf(fields),
    ...query,
    warning: `run ${spec.run_id} was stopped: ${report.stopped.message}. ${countText(pending)} of its ${counted(total, 'row')} ${pending === 1 ? 'is' : 'are'} pending`,
  }
}

/** A run's rows are in the order of their units' IDs. */
function keyOf(fields: readonly TableField[]): string[] {
  return [fields.some(({ name }) => name === 'unit_id') ? 'unit_id' : 'asset_id']
}

/** A run's ledger. */
export interface Ledger {
  runId: string
  projectId: string
  dataset: string
  attempts: string
  /** The names of its columns. */
  columns: readonly string[]
  location: string
}

/**
 * Finds the ledger of a run, also while the run is in progress and after its teardown.
 *
 * @throws ImageryError RUN_NOT_FOUND
 */
export async function openLedger(target: Target, store: StateStore, typed: string | undefined): Promise<Ledger> {
  const runId = await findRunId(target, store, typed)
  const record = await loadRunRecord(target, runId)
  const left = record?.kind === 'leaving' ? record.leaving.report : store.run(runId)?.tornDown
  const path = record?.kind === 'recorded' ? attemptsPath(record.spec) : left?.attempts_table
  const { table: attempts, ...dataset } = tableAt(path ?? '')
  const ledger = { ...dataset, attempts }
  const described = path === undefined ? undefined : await describeTable({ ...dataset, table: attempts })
  if (path === undefined || !described) throw runNotFound(target, runId)
  const columns = described.fields.map(({ name }) => name ?? '')
  return { ...ledger, runId, columns, location: described.location }
}

/**
 * Returns the names of the columns of a torn-down run's ledger, which has the answer and nothing of `--keep`; undefined if the
 * ledger is gone.
 */
export async function leftLedgerColumns(
  target: Target,
  store: StateStore,
  runId: string,
): Promise<ReadonlySet<string> | undefined> {
  const path = store.run(runId)?.tornDown?.attempts_table
  const found = path
    ? tableAt(path)
    : (await findRunTables(target.place.projectId, runId)).find(({ table }) => table.endsWith(LEDGER_ENDING))
  const described = found && (await describeTable(found))
  return described && new Set(described.fields.map(({ name }) => name ?? ''))
}

/** Opens the exact answers of a run's model that the ledger keeps. @throws ImageryError RUN_NOT_FOUND */
export async function openRawAnswers(target: Target, store: StateStore, typed: string | undefined): Promise<RunRows> {
  const { runId, location, columns: _, ...ledger } = await openLedger(target, store, typed)
  const from = `(${rawAnswersQuery(ledger)})`
  const { projectId } = target.place
  const { fields } = await dryRun(from, { projectId, location })
  const key = ['unit_id', 'attempt_id']
  return {
    runId,
    table: tablePath(ledger, ledger.attempts),
    from,
    fields,
    count: undefined,
    key,
    projectId,
    location,
  }
}

/**
 * Opens a run's current rows: its results or, while it is in progress, its view of current rows.
 *
 * @throws ImageryError as `openResults`, but a run in progress is no error
 */
export async function openCurrentRows(target: Target, store: StateStore, typed: string | undefined): Promise<RunRows> {
  try {
    return await openResults(target, store, typed)
  } catch (error) {
    if (!(error instanceof ImageryError) || error.code !== 'RUN_NOT_COMPLETE') throw error
    const runId = await findRunId(target, store, typed)
    const record = await loadRunRecord(target, runId)
    if (record?.kind !== 'recorded') throw error
    return (await liveRows(record.spec)) ?? Promise.reject(error)
  }
}

/** A run's view of current rows, if it exists. */
async function liveRows({ tables, run_id: runId, place, source }: RunSpec): Promise<RunRows | undefined> {
  const described = await describeTable(runTable(tables, 'live'))
  if (!described) return undefined
  const path = tablePath(tables, tables.live)
  const { fields } = described
  const { projectId } = place
  return {
    runId,
    table: path,
    from: path,
    fields,
    count: undefined,
    key: ['unit_id'],
    projectId,
    location: source.location,
  }
}

function attemptsPath({ tables }: RunSpec): string {
  return tablePath(tables, tables.attempts)
}

async function resultsTable(target: Target, store: StateStore, runId: string): Promise<TableName> {
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'recorded') {
    const { spec } = record
    const report = await completeRun(spec, await runReport(spec, { isOneLook: true }))
    if (report.state !== 'complete') {
      throw new ImageryError('RUN_NOT_COMPLETE', `Run ${runId} is ${stateText(report)}: ${pendingText(report.units)}`, {
        suggestions: [`imagery status ${runId} --watch${target.flags}`],
      })
    }
    return { projectId: spec.tables.projectId, dataset: spec.tables.dataset, table: spec.tables.results }
  }
  const left = record?.kind === 'leaving' ? record.leaving.report : store.run(runId)?.tornDown
  const kept = left?.results_table
  if (record && !kept) {
    const isLoading = record.kind === 'loading'
    throw new ImageryError(
      'RUN_NOT_COMPLETE',
      isLoading ? `Run ${runId} is still loading its source; it has no results yet` : `Run ${runId} is being torn down`,
      {
        suggestions: [
          `imagery teardown ${runId}${target.flags}   (${isLoading ? 'if the command that started it has ended' : 'finishes an interrupted teardown'})`,
        ],
      },
    )
  }
  if (!kept) return left ? Promise.reject(runNotFound(target, runId)) : findLabeledResults(target, runId)
  return tableAt(kept)
}

/** Finds the results of a run that another machine has torn down. */
async function findLabeledResults(target: Target, runId: string): Promise<TableName> {
  const found = await findRunTables(target.place.projectId, runId)
  const results = found.find(({ table, isScratch }) => !isScratch && !table.endsWith(LEDGER_ENDING))
  if (!results) throw runNotFound(target, runId)
  return results
}
