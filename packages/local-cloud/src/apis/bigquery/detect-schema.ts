import type { Field, FieldType } from './table-schema.ts'
import { parseDate, parseTimestamp } from './sql/runtime/time-text.ts'

/** How many rows decide: https://cloud.google.com/bigquery/docs/schema-detect */
export const SAMPLE_ROWS = 500

/** The schema that rows suggest, their columns in order of appearance. */
export function detectFields(rows: readonly Record<string, unknown>[]): Field[] {
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

function detectField(name: string, values: readonly unknown[]): Field {
  const isRepeated = values.some(Array.isArray)
  const items = isRepeated ? values.flat().filter((item) => item !== null) : values
  const mode = isRepeated ? 'REPEATED' : 'NULLABLE'
  const records = items.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
  if (records.length > 0) return { name, type: 'RECORD', mode, fields: detectFields(records) }
  return { name, type: detectType(items), mode }
}

const INTEGER = /^[-+]?\d{1,18}$/
const FLOAT = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/

function detectType(values: readonly unknown[]): FieldType {
  if (values.length === 0) return 'STRING'
  const kinds = new Set(values.map(kindOf))
  if (kinds.size === 1) return [...kinds][0]!
  if ([...kinds].every((kind) => kind === 'INTEGER' || kind === 'FLOAT')) return 'FLOAT'
  if ([...kinds].every((kind) => kind === 'DATE' || kind === 'TIMESTAMP')) return 'TIMESTAMP'
  return 'STRING'
}

function kindOf(value: unknown): FieldType {
  if (typeof value === 'boolean') return 'BOOLEAN'
  if (typeof value === 'number') return Number.isInteger(value) ? 'INTEGER' : 'FLOAT'
  const text = String(value)
  if (INTEGER.test(text)) return 'INTEGER'
  if (FLOAT.test(text)) return 'FLOAT'
  if (/^(true|false)$/i.test(text)) return 'BOOLEAN'
  if (parseDate(text) !== undefined) return 'DATE'
  return parseTimestamp(text) === undefined ? 'STRING' : 'TIMESTAMP'
}
