import { createHash } from 'node:crypto'
import { GoogleError } from '../../kernel/errors.ts'

/** https://cloud.google.com/bigquery/docs/labels-intro#requirements */
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u
const MAX_LABELS = 64

/** Labels as sent; values of null (removals, in a patch) are left out. */
export function parseLabels(value: unknown): Record<string, string> {
  if (value === null || value === undefined) return {}
  const entries = Object.entries(value as Record<string, unknown>)
  if (entries.length > MAX_LABELS) throw invalid(`At most ${MAX_LABELS} labels are allowed`)
  for (const [key, text] of entries) {
    if (!LABEL_KEY.test(key)) throw invalid(`Label key "${key}" has invalid characters.`)
    if (text !== null && !(typeof text === 'string' && LABEL_VALUE.test(text)))
      throw invalid(`Label value "${String(text)}" has invalid characters.`)
  }
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null))
}

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** Null and the empty string clear a text. */
export function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Sets a property, or marks it as cleared: later spreading then drops it from the JSON. */
export function patched<Kind extends object, Name extends keyof Kind>(
  record: Kind,
  name: Name,
  value: Kind[Name] | undefined,
): void {
  record[name] = value as Kind[Name]
}

/** A resource's version, without HTTP's quotes: BigQuery's etags are bare base64. */
export function etag(record: { createdMs: number; revision: number; project: string }): string {
  return createHash('md5').update(`${record.project} ${record.createdMs} ${record.revision}`).digest('base64')
}
