import type { Cause } from '../../contracts/causes.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { queryRows, type QueryOptions, type TableField } from '../../google/bigquery/bigquery.ts'
import { queryPages, type WireRow } from '../../google/bigquery/query-pages.ts'
import { rowConverter } from '../../google/bigquery/wire-values.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { failureKindsOf } from '../../run-data/sql/ledger.ts'
import { rowsQuery } from '../../run-data/sql/results.ts'
import type { RunRows } from '../runs/results.ts'
import { castAdvice } from '../source/filter-advice.ts'
import { checkFilter } from '../source/filter.ts'
import { chosenColumns, columnNamed, sortColumns } from './columns.ts'

/** Which rows and columns to read, as the user typed it. */
export interface RowChoice {
  where?: string | undefined
  columns?: string | undefined
  sort?: string | undefined
  limit?: number | undefined
  failed?: boolean | undefined
}

export type Row = Record<string, unknown>

export interface ChosenRows {
  /** The columns to show, in order. */
  fields: readonly TableField[]
  /** The number of rows, known before they are read. */
  total: number
  /** Plain JSON values by column, page by page. They can be read once. */
  pages: AsyncIterable<Row[]>
}

/** Checks what can be checked without a call. @throws ImageryError INVALID_FILTER */
export function checkChoice({ where }: RowChoice): void {
  checkFilter(where)
}

/**
 * Reads the chosen rows of a run in a stable order: as sorted, then by ID.
 *
 * @param also columns that are read but not shown
 * @throws ImageryError INVALID_FLAG for a wrong column, INVALID_FILTER for a wrong condition
 */
export async function readRows(source: RunRows, choice: RowChoice, also: readonly string[] = []): Promise<ChosenRows> {
  const { from, key, projectId, location } = source
  const fields = chosenColumns(choice.columns, source.fields)
  if (choice.failed) columnNamed('--failed', 'status', source.fields)
  const sort = sortColumns(choice.sort, source.fields)
  const names = fields.map(({ name }) => name ?? '')
  const columns = [...names, ...also.filter((name) => !names.includes(name))]
  const { where = null, failed: onlyFailed = false, limit = null } = choice
  const sql = rowsQuery({ from, columns, where, onlyFailed, sort, key, limit })
  const {
    fields: read,
    total,
    pages,
  } = await queryPages(sql, { projectId, location }).catch((error: unknown) => {
    throw filterError(error, choice, source.fields)
  })
  return { fields, total, pages: plainPages(read, pages) }
}

/** Reads the rows of a query, page by page, with the same values as `readRows`. */
export async function* rowPages(sql: string, options: QueryOptions): AsyncGenerator<Row[]> {
  const { fields, pages } = await queryPages(sql, options)
  yield* plainPages(fields, pages)
}

/** Returns all rows of a query that has few, with the same values as `readRows`. */
export async function allRows(sql: string, options: QueryOptions): Promise<Row[]> {
  return (await Array.fromAsync(rowPages(sql, options))).flat()
}

async function* plainPages(fields: readonly TableField[], pages: AsyncIterable<WireRow[]>): AsyncGenerator<Row[]> {
  const convert = rowConverter(fields)
  for await (const page of pages) yield page.map(convert)
}

/** A failure that only the condition can cause, because imagery wrote the rest. NOT_FOUND is a table in a subquery. */
function filterError(error: unknown, { where }: RowChoice, fields: readonly TableField[]): unknown {
  if (where === undefined || !(error instanceof CloudError)) return error
  if (error.status !== 'INVALID_ARGUMENT' && error.status !== 'NOT_FOUND') return error
  // BigQuery's position refers to imagery's query, which the user did not write.
  const reason = error.message.replaceAll(/ at \[\d+:\d+\]/g, '')
  return new ImageryError('INVALID_FILTER', `--where ${where}: ${reason}`, {
    suggestions: [
      ...castAdvice(where, reason, fields),
      `Use a condition on ${fields.map(({ name }) => name).join(', ')}`,
    ],
    cause: error,
  })
}

/** Failures with the same cause and the same reason. */
export interface SameFailures {
  cause: Cause
  units: number
  /** The unit with the lowest ID, and its message. */
  unit_id: string
  error_message: string | null
}

/** Returns the kinds of failures among the chosen rows, most common first. */
export async function sameFailures(source: RunRows, { where }: RowChoice, limit: number): Promise<SameFailures[]> {
  const { from, projectId, location } = source
  const rows = await queryRows<SameFailures>(failureKindsOf(from, where ?? null, limit), { projectId, location })
  return rows.map((row) => ({ ...row, units: Number(row.units) }))
}
