import { GoogleError } from '../../kernel/errors.ts'
import { fieldType, type Field } from './table-schema.ts'
import { rowCount } from './sizes.ts'
import type { Store } from './store.ts'
import { encodeCell, type Cell, type EncodingOptions } from './values-out.ts'
import { decodePageToken, encodePageToken } from '../../kernel/page-token.ts'

/** Pages hold about this many bytes: https://cloud.google.com/bigquery/docs/paging-results ("20 MB, may vary"; ours are half of it). */
const PAGE_BYTES = 10 * 1024 * 1024
/** Rows fetched at most for one page. */
const PAGE_ROWS = 50_000

export interface PageRequest {
  startIndex: number
  maxResults: number | undefined
  options: EncodingOptions
  /** Of a table that no longer changes; counted when undefined. */
  totalRows?: number | undefined
  /** Indexes of the columns wanted; all when undefined. */
  columns?: readonly number[]
}

export interface Page {
  rows: { f: { v: Cell }[] }[]
  totalRows: number
  pageToken?: string
}

/** Reads one page of a table of rows, in their stored order. */
export async function readPage(
  store: Store,
  physical: string,
  fields: readonly Field[],
  request: PageRequest,
): Promise<Page> {
  const wanted = request.columns ?? fields.map((_, index) => index)
  const types = wanted.map((index) => fieldType(fields[index]!))
  const totalRows = request.totalRows ?? (await rowCount(store, physical))
  // Rows that are added after the count come last, and are not in this page.
  const limit = Math.min(request.maxResults ?? PAGE_ROWS, PAGE_ROWS, totalRows - request.startIndex)
  if (limit <= 0) return { rows: [], totalRows }
  return store.read(async (connection) => {
    const list = wanted.length > 0 ? wanted.map((index) => `c${index}`).join(', ') : '1'
    // A limit costs more than a small table.
    const part = limit === totalRows ? '' : ` LIMIT ${limit} OFFSET ${request.startIndex}`
    const found = await connection.stream(`SELECT ${list} FROM data.${physical}${part}`)
    const rows: Page['rows'] = []
    let bytes = 0
    while (bytes < PAGE_BYTES) {
      const chunk = await found.fetchChunk()
      if (!chunk || chunk.rowCount === 0) break
      for (const [index, values] of chunk.getRows().entries()) {
        if (bytes >= PAGE_BYTES || rows.length === limit) break
        const row = { f: types.map((type, column) => ({ v: encodeCell(values[column]!, type, request.options) })) }
        // Every sixteenth row is measured and represents its neighbors.
        if (index % 16 === 0) bytes += JSON.stringify(row).length * 16
        rows.push(row)
      }
    }
    const next = request.startIndex + rows.length
    const hasMore = next < totalRows && rows.length > 0
    return { rows, totalRows, ...(hasMore ? { pageToken: pageToken(next) } : {}) }
  })
}

/** A page token is the next row's number, opaque to clients. */
export function pageToken(offset: number): string {
  return encodePageToken(`o:${offset}`)
}

export function tokenOffset(token: string): number {
  const match = /^o:(\d+)$/.exec(decodePageToken(token) ?? '')
  if (!match) throw new GoogleError('INVALID_ARGUMENT', `Invalid page token: ${token}`, { reason: 'invalid' })
  return Number(match[1])
}

/** `startIndex` or `pageToken` of a request. */
export function startOf(query: { startIndex?: string | undefined; pageToken?: string | undefined }): number {
  if (query.pageToken) return tokenOffset(query.pageToken)
  const start = Number(query.startIndex ?? 0)
  if (!Number.isSafeInteger(start) || start < 0)
    throw new GoogleError('INVALID_ARGUMENT', `Invalid value for startIndex: ${query.startIndex}`, {
      reason: 'invalid',
    })
  return start
}

/** `maxResults` of a request: a positive number, or undefined. */
export function maxResultsOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new GoogleError('INVALID_ARGUMENT', `Invalid value for maxResults: ${text}`, { reason: 'invalid' })
  return value
}
