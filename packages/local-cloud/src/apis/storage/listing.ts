import { GoogleError } from '../../kernel/errors.ts'
import { MAX_LIST_RESULTS } from './limits.ts'
import type { MetadataStore, ObjectRow } from './metadata-store.ts'
import { decodePageToken, encodePageToken } from '../../kernel/page-token.ts'

export interface ListOptions {
  prefix: string
  /** Names that contain it after the prefix are folded into prefixes. */
  delimiter: string
  /** Names not before this one; empty for all. */
  startOffset: string
  /** Names before this one; empty for all. */
  endOffset: string
  /** Whether an object whose name ends with the delimiter is listed in addition to its prefix. */
  includesTrailingDelimiter: boolean
  pageToken: string
  limit: number
}

export interface ObjectPage {
  rows: ObjectRow[]
  prefixes: string[]
  nextPageToken: string | undefined
}

/** Sorts after everything that begins with the text before it, in byte order. */
const AFTER_ALL = '\u{10FFFF}'

/**
 * One page of a bucket's objects in byte order of their names
 * (https://cloud.google.com/storage/docs/json_api/v1/objects/list). Objects and prefixes both
 * count toward the limit. The objects under a folded prefix are skipped without reading them.
 */
export function objectPage(store: MetadataStore, bucket: string, options: ListOptions): ObjectPage {
  const rows: ObjectRow[] = []
  const prefixes: string[] = []
  let after = pageStart(options.pageToken)
  const from = isBefore(options.prefix, options.startOffset) ? options.startOffset : options.prefix
  for (;;) {
    const batch = store.objects(bucket, after === undefined ? { from } : { after }, MAX_LIST_RESULTS + 1)
    let didSkip = false
    for (const row of batch) {
      const isPast =
        !row.name.startsWith(options.prefix) || (options.endOffset !== '' && !isBefore(row.name, options.endOffset))
      if (isPast) return { rows, prefixes, nextPageToken: undefined }
      if (rows.length + prefixes.length >= options.limit) {
        return { rows, prefixes, nextPageToken: encodePageToken(after ?? '') }
      }
      const folded = foldedPrefix(row.name, options)
      if (folded === undefined) {
        rows.push(row)
        after = row.name
        continue
      }
      if (prefixes.at(-1) !== folded) prefixes.push(folded)
      if (options.includesTrailingDelimiter && row.name === folded) rows.push(row)
      const skipTo = folded + AFTER_ALL
      // Names that sort after that are read one by one.
      if (after !== undefined && !isBefore(after, skipTo)) {
        after = row.name
        continue
      }
      after = skipTo
      didSkip = true
      break
    }
    if (!didSkip && batch.length <= MAX_LIST_RESULTS) return { rows, prefixes, nextPageToken: undefined }
  }
}

function foldedPrefix(name: string, { prefix, delimiter }: ListOptions): string | undefined {
  if (delimiter === '') return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at === -1 ? undefined : name.slice(0, at + delimiter.length)
}

function isBefore(name: string, limit: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(limit)) < 0
}

/** The name after which the page begins; undefined for the first page. Throws INVALID_ARGUMENT for an invalid token. */
export function pageStart(token: string): string | undefined {
  const after = decodePageToken(token)
  if (after === undefined)
    throw new GoogleError('INVALID_ARGUMENT', `Invalid page token: ${token}`, { reason: 'invalid' })
  return after || undefined
}

/** maxResults, limited as by the server. Throws INVALID_ARGUMENT unless it is a number from 0. */
export function readLimit(value: string | undefined): number {
  if (value === undefined || value === '') return MAX_LIST_RESULTS
  if (!/^\d+$/.test(value))
    throw new GoogleError('INVALID_ARGUMENT', `Invalid value for maxResults: ${value}`, {
      reason: 'invalid',
    })
  const limit = Math.min(Number(value), MAX_LIST_RESULTS)
  return limit === 0 ? MAX_LIST_RESULTS : limit
}
