import type { TableField } from '@google-cloud/bigquery'
import { call, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { tableHandle, type TableName } from './bigquery.ts'
import type { WireRow } from './query-pages.ts'
import { rowConverter } from './wire-values.ts'

/** Pages in flight. Most of a page's time is spent in BigQuery. */
const PAGES_AT_ONCE = 4

/** The first page tells how large a row is. */
const FIRST_ROWS = 200

/** The target size of a page as JSON text. */
const PAGE_BYTES = 1_000_000

/** A page of small rows has no more than this many. */
const MOST_ROWS = 20_000

/** Plain JSON values by column, as `rowConverter` makes them. */
type Row = Record<string, unknown>

interface Page {
  rows: WireRow[]
  /** The number of rows in the table. */
  total: number
}

/**
 * Reads a table in its stored order, page by page. There is no query, so it costs nothing
 * (https://cloud.google.com/bigquery/docs/best-practices-costs#preview-data). Not for a view, which has no stored rows.
 *
 * @param fields the columns of the table, in its order
 */
export async function* tablePages(name: TableName, fields: readonly TableField[]): AsyncGenerator<Row[]> {
  const convert = rowConverter(fields)
  const first = await page(name, 0, FIRST_ROWS)
  const { rows, total } = first
  if (rows.length > 0) yield rows.map(convert)
  const bytes = JSON.stringify(rows).length
  const step = Math.min(MOST_ROWS, Math.max(1, Math.floor((PAGE_BYTES * rows.length) / bytes)))
  const ahead: Promise<WireRow[]>[] = []
  for (let asked = rows.length; ;) {
    for (; asked < total && ahead.length < PAGES_AT_ONCE; asked += step) {
      const next = rowsBetween(name, asked, Math.min(total, asked + step))
      // The consumer may stop, or an earlier page may fail, before this one is awaited.
      next.catch(() => undefined)
      ahead.push(next)
    }
    const next = ahead.shift()
    if (!next) return
    yield (await next).map(convert)
  }
}

/** A page ends early if its rows are larger than BigQuery's limit for a response. */
async function rowsBetween(name: TableName, from: number, to: number): Promise<WireRow[]> {
  const rows: WireRow[] = []
  while (from + rows.length < to) {
    const more = (await page(name, from + rows.length, to - from - rows.length)).rows
    if (more.length === 0)
      throw new Error(`BigQuery returned no rows of ${name.table} from ${from + rows.length} to ${to}`)
    rows.push(...more)
  }
  return rows
}

async function page(name: TableName, startIndex: number, maxResults: number): Promise<Page> {
  const table = await tableHandle(name)
  const query = { autoPaginate: false, skipParsing: true, startIndex: String(startIndex), maxResults }
  const [rows, , answer] = await call(table.getRows(query), LONG_CALL_DEADLINE_MS)
  return { rows: rows as unknown as WireRow[], total: Number((answer as { totalRows?: string }).totalRows ?? 0) }
}
