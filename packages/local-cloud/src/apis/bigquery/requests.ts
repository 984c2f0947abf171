import type { Context } from 'hono'
import { GoogleError } from '../../kernel/errors.ts'
import { MAX_REQUEST_BYTES } from './streaming.ts'
import { parseExactly } from './load-json.ts'

export const PROJECT = '/bigquery/v2/projects/:project'
export const DATASETS = `${PROJECT}/datasets`
export const DATASET = `${DATASETS}/:dataset`
export const TABLES = `${DATASET}/tables`
export const TABLE = `${TABLES}/:table`

/** A path parameter that the route has. */
export function segment(context: Context, name: 'project' | 'dataset' | 'table' | 'job'): string {
  return context.req.param(name)!
}

export function tableSegments(context: Context): [string, string, string] {
  return [segment(context, 'project'), segment(context, 'dataset'), segment(context, 'table')]
}

/** A request's JSON object. Integers beyond 2^53 come as text. */
export async function jsonBody(context: Context): Promise<Record<string, unknown>> {
  const text = await context.req.text()
  if (text.length > MAX_REQUEST_BYTES) {
    throw new GoogleError('INVALID_ARGUMENT', `Request payload size exceeds the limit: ${MAX_REQUEST_BYTES} bytes.`, {
      http: 413,
      reason: 'uploadTooLarge',
    })
  }
  try {
    const value = text.trim() === '' ? {} : parseExactly(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new GoogleError('INVALID_ARGUMENT', 'Invalid JSON payload received.', { reason: 'parseError' })
}

/** One page of a list that is held in memory. */
export function listPage<Item>(
  items: readonly Item[],
  start: number,
  maxResults: number | undefined,
): { items: Item[]; next: number | undefined } {
  const end = start + Math.max(1, maxResults ?? 1000)
  return { items: items.slice(start, end), next: end < items.length ? end : undefined }
}

/** Whether a query parameter is `true`. */
export function flag(context: Context, name: string): boolean {
  return context.req.query(name) === 'true'
}

/** `formatOptions.useInt64Timestamp`: https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions */
export function usesInt64Timestamp(context: Context): boolean {
  const format = context.req.query('formatOptions.timestampOutputFormat')
  if (format === 'ISO8601_STRING')
    throw new GoogleError(
      'UNIMPLEMENTED',
      'formatOptions.timestampOutputFormat ISO8601_STRING is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md',
    )
  return flag(context, 'formatOptions.useInt64Timestamp') || format === 'INT64'
}
