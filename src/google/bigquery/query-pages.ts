import type { TableField } from '@google-cloud/bigquery'
import { call, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { bigQuery, type QueryOptions } from './bigquery.ts'
import { interruptionToCome, waitFor } from './jobs-in-flight.ts'

/** A row as BigQuery sends it (https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults). */
export interface WireRow {
  f: { v: unknown }[]
}

export interface QueryPages {
  fields: TableField[]
  /** The number of rows, known before they are read. */
  total: number
  /** The rows in the query's order, page by page. */
  pages: AsyncIterable<WireRow[]>
}

/** Pages in flight. Most of a page's time is spent in BigQuery. */
const PAGES_AT_ONCE = 4

/** The first page tells how large a row is. */
const FIRST_ROWS = 200

/** The target size of a page as JSON text: as objects it takes several times as much memory. */
const PAGE_BYTES = 500_000

/** A page of small rows has no more than this many. */
const MOST_ROWS = 10_000

/**
 * Runs a query and returns its rows as BigQuery sends them, with times in microseconds since 1970. Reads the next pages
 * meanwhile, each small enough that memory stays flat however many rows there are.
 *
 * @throws CloudError INVALID_ARGUMENT if the query is not valid
 */
export async function queryPages(sql: string, options: QueryOptions): Promise<QueryPages> {
  const signal = interruptionToCome()
  const client = await bigQuery(options.projectId)
  const { location, parameters } = options
  const [job] = await call(
    client.createQueryJob({
      query: sql,
      location,
      useLegacySql: false,
      ...(parameters ? { params: parameters } : {}),
    }),
  )
  const read = async (from: number, rows: number): Promise<Answer> => {
    const request = { autoPaginate: false, skipParsing: true, startIndex: String(from), maxResults: rows }
    for (;;) {
      const found = await waitFor(job, signal, () => call(job.getQueryResults(request), LONG_CALL_DEADLINE_MS))
      const answer = found[2] as Answer
      // BigQuery answers after ten seconds, with no rows, also if the query is not done.
      if (answer.jobComplete !== false) return answer
    }
  }
  const first = await read(0, FIRST_ROWS)
  const total = Number(first.totalRows ?? 0)
  return { fields: first.schema?.fields ?? [], total, pages: pagesAfter(first.rows ?? [], total, read) }
}

interface Answer {
  /** https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults#response-body */
  jobComplete?: boolean
  schema?: { fields?: TableField[] }
  rows?: WireRow[]
  totalRows?: string
}

type Read = (from: number, rows: number) => Promise<Answer>

async function* pagesAfter(first: WireRow[], total: number, read: Read): AsyncGenerator<WireRow[]> {
  if (first.length > 0) yield first
  const step = Math.min(MOST_ROWS, Math.max(1, Math.floor((PAGE_BYTES * first.length) / JSON.stringify(first).length)))
  const ahead: Promise<WireRow[]>[] = []
  let asked = first.length
  for (;;) {
    for (; asked < total && ahead.length < PAGES_AT_ONCE; asked += step) {
      const page = rowsBetween(read, asked, Math.min(total, asked + step))
      // The consumer may stop, or an earlier page may fail, before this one is awaited.
      page.catch(() => undefined)
      ahead.push(page)
    }
    const next = ahead.shift()
    if (!next) return
    yield await next
  }
}

/** A page ends early if its rows are larger than BigQuery's limit for a response. */
async function rowsBetween(read: Read, from: number, to: number): Promise<WireRow[]> {
  const rows: WireRow[] = []
  while (from + rows.length < to) {
    const { rows: more = [] } = await read(from + rows.length, to - from - rows.length)
    if (more.length === 0) throw new Error(`BigQuery returned no rows from ${from + rows.length} to ${to}`)
    rows.push(...more)
  }
  return rows
}
