import { GoogleError } from '../../kernel/errors.ts'
import { loadedTimestamp } from './loaded-time.ts'
import type { FieldType } from './table-schema.ts'
import { parseInt64 } from './sql/runtime/float-text.ts'
import { parseDate, parseTime } from './sql/runtime/time-text.ts'

/** How many rows decide: https://cloud.google.com/bigquery/docs/schema-detect */
export const SAMPLE_ROWS = 500

/** A column as detection finds it; `parseFields` checks its name. */
interface DetectedField {
  name: string
  type: FieldType
  mode: 'NULLABLE' | 'REPEATED'
  fields?: DetectedField[]
}

/** The schema that rows suggest, their columns in order of appearance. */
export function detectFields(rows: readonly Record<string, unknown>[]): DetectedField[] {
  const columns = new Map<string, unknown[]>()
  for (const row of rows.slice(0, SAMPLE_ROWS)) {
    for (const [name, value] of Object.entries(row)) {
      const values = columns.get(name) ?? []
      columns.set(name, values)
      if (value !== null) values.push(value)
    }
  }
  return [...columns].map(([name, values]) => detectField(name, values))
}

function detectField(name: string, values: readonly unknown[]): DetectedField {
  const isRepeated = values.some(Array.isArray)
  const items = isRepeated ? values.flat().filter((item) => item !== null) : values
  const mode = isRepeated ? 'REPEATED' : 'NULLABLE'
  // BigQuery has no arrays of arrays: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_type
  if (items.some(Array.isArray))
    throw new GoogleError('INVALID_ARGUMENT', `Nested arrays not allowed. Field: ${name}.`, { reason: 'invalid' })
  const records = items.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
  if (records.length > 0) return { name, type: 'RECORD', mode, fields: detectFields(records) }
  return { name, type: detectedType(items), mode }
}

const FLOAT = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/
/** All that load jobs read as BOOLEAN except 1 and 0: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#data_types */
const BOOLEAN = /^(true|false|t|f|yes|no|y|n)$/i

/** The type of scalars: that of all of them, or STRING. Without any, STRING. */
export function detectedType(values: readonly unknown[]): FieldType {
  if (values.length === 0) return 'STRING'
  const kinds = new Set(values.map(kindOf))
  if (kinds.size === 1) return [...kinds][0]!
  return [...kinds].every((kind) => kind === 'INTEGER' || kind === 'FLOAT') ? 'FLOAT' : 'STRING'
}

function kindOf(value: unknown): FieldType {
  if (typeof value === 'boolean') return 'BOOLEAN'
  if (typeof value === 'number') return Number.isInteger(value) ? 'INTEGER' : 'FLOAT'
  const text = String(value)
  if (/^[-+]?\d+$/.test(text) && parseInt64(text) !== undefined) return 'INTEGER'
  if (FLOAT.test(text)) return 'FLOAT'
  if (BOOLEAN.test(text)) return 'BOOLEAN'
  if (parseDate(text) !== undefined) return 'DATE'
  if (parseTime(text) !== undefined) return 'TIME'
  return loadedTimestamp(text) === undefined ? 'STRING' : 'TIMESTAMP'
}
