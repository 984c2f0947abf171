import { tableAt } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { rowsQuery } from '../../run-data/sql/results.ts'
import { rowPages, type Row } from '../results/read-rows.ts'
import { loadRunRecord } from '../runs/record.ts'
import { leftLedgerColumns, openCurrentRows, type RunRows } from '../runs/results.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { answerColumnsIn, answerColumnsOf, type AnswerColumn } from './columns.ts'

/** A run whose answers are judged. */
export interface JudgedRun {
  rows: RunRows
  /** Undefined if the run's record is gone. */
  spec: RunSpec | undefined
  columns: readonly AnswerColumn[]
}

/** Opens a run's current rows. @throws ImageryError RUN_NOT_FOUND, RUN_NOT_COMPLETE before a run has rows */
export async function openJudgedRun(target: Target, store: StateStore, typed: string | undefined): Promise<JudgedRun> {
  const rows = await openCurrentRows(target, store, typed)
  const record = await loadRunRecord(target, rows.runId)
  const spec =
    record?.kind === 'recorded'
      ? record.spec
      : record?.kind === 'leaving'
        ? (record.leaving.spec ?? undefined)
        : undefined
  return judgedRun(rows, spec, spec ? undefined : await leftLedgerColumns(target, store, rows.runId))
}

/** @param ledger the columns of the ledger of a run without a record, so that no kept column counts as an answer */
export function judgedRun(rows: RunRows, spec: RunSpec | undefined, ledger?: ReadonlySet<string>): JudgedRun {
  const fields = rows.fields.filter(({ name = '' }) => ledger === undefined || ledger.has(name))
  const all = spec ? answerColumnsOf(spec.profile) : answerColumnsIn(fields)
  const names = new Set(rows.fields.map(({ name }) => name))
  return { rows, spec, columns: all.filter(({ path }) => names.has(path[0])) }
}

/** Returns the table with the results of a run, which a run in progress does not have yet. */
export function resultsTableOf({ rows, spec }: Pick<JudgedRun, 'rows' | 'spec'>): TableName {
  if (spec) return runTable(spec.tables, 'results')
  return tableAt(rows.table)
}

/** The row of a unit, as far as it is judged. */
export interface UnitRow {
  unitId: string
  assetId: string | null
  /** The ID of the image, if the unit has one image. */
  observationId: string | null
  /** `ok`, `failed`, `throttled` or `pending`. */
  status: string
  cause: string | null
  /** The model that was asked, or `pixels`. */
  model: string | null
  costUsd: number | null
  latencyMs: number | null
  /** Whether an earlier run got the answer. */
  isCarried: boolean
  row: Row
}

/** imagery's own columns that are read. Tables of older versions lack some. */
const OWN = [
  'unit_id',
  'asset_id',
  'observation_ids',
  'status',
  'cause',
  'model',
  'cost_usd',
  'latency_ms',
  'carried_from',
] as const

/** Yields the rows of a run in the order of their units' IDs. */
export async function* unitRows({ rows: source, columns }: JudgedRun): AsyncGenerator<UnitRow> {
  const { from, key, projectId, location } = source
  const names = new Set(source.fields.map(({ name }) => name))
  const answers = columns.map(({ path }) => path[0]!)
  const read = [...OWN.filter((name) => names.has(name)), ...new Set(answers)]
  const sql = rowsQuery({ from, columns: read, where: null, onlyFailed: false, sort: [], key, limit: null })
  for await (const page of rowPages(sql, { projectId, location })) for (const row of page) yield unitRow(row, key[0]!)
}

function unitRow(row: Row, key: string): UnitRow {
  const observations = (row['observation_ids'] as (string | null)[] | null | undefined) ?? []
  return {
    unitId: String(row[key]),
    assetId: (row['asset_id'] as string | null | undefined) ?? null,
    observationId: observations.length === 1 ? observations[0]! : null,
    status: String(row['status'] ?? 'ok'),
    cause: (row['cause'] as string | null | undefined) ?? null,
    model: (row['model'] as string | null | undefined) ?? null,
    costUsd: (row['cost_usd'] as number | null | undefined) ?? null,
    latencyMs: (row['latency_ms'] as number | null | undefined) ?? null,
    isCarried: (row['carried_from'] ?? null) !== null,
    row,
  }
}

export const isFailed = ({ status }: UnitRow): boolean => status === 'failed' || status === 'throttled'
