import { call, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { tableHandle, type TableName } from './bigquery.ts'

type Row = Record<string, unknown>

interface Page {
  rows: Row[]
  /** The number of rows in the table. */
  total: number
}

/** Pages in flight. A page takes a second or two, most of it in BigQuery, and at most 10 MB of memory as text. */
const PAGES_AT_ONCE = 4

/**
 * Yields a table's rows in their stored order. There is no query, so it costs nothing. Each page is as large as BigQuery
 * allows, 10 MB (https://cloud.google.com/bigquery/docs/paging-results), and the next ones are fetched meanwhile.
 */
export async function* tableRows(name: TableName): AsyncGenerator<Row> {
  const first = await page(name, 0)
  yield* first.rows
  const { total } = first
  const step = Math.max(1, first.rows.length)
  const ahead: Promise<Row[]>[] = []
  let asked = first.rows.length
  const fetchAhead = (): void => {
    for (; asked < total && ahead.length < PAGES_AT_ONCE; asked += step) {
      const range = rowsBetween(name, asked, Math.min(total, asked + step))
      // The consumer may stop, or an earlier page may fail, before this one is awaited.
      range.catch(() => undefined)
      ahead.push(range)
    }
  }
  for (;;) {
    fetchAhead()
    const next = ahead.shift()
    if (!next) return
    yield* await next
  }
}

/** Returns a table's first rows, with one small request. */
export async function firstRows(name: TableName, count: number): Promise<Row[]> {
  return (await page(name, 0, count)).rows
}

/** A page of larger rows than those before can end early. */
async function rowsBetween(name: TableName, from: number, to: number): Promise<Row[]> {
  const rows: Row[] = []
  while (from + rows.length < to) {
    const more = (await page(name, from + rows.length, to - from - rows.length)).rows
    if (more.length === 0) break
    rows.push(...more)
  }
  return rows
}

async function page(name: TableName, startIndex: number, maxResults?: number): Promise<Page> {
  const table = await tableHandle(name)
  const query = {
    autoPaginate: false,
    startIndex: String(startIndex),
    ...(maxResults === undefined ? {} : { maxResults }),
  }
  const [rows, , answer] = await call(table.getRows(query), LONG_CALL_DEADLINE_MS)
  return { rows: rows as Row[], total: Number((answer as { totalRows?: string }).totalRows ?? 0) }
}
