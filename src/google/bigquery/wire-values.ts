import type { TableField } from '@google-cloud/bigquery'
import type { WireRow } from './query-pages.ts'

type Convert = (value: unknown) => unknown

/**
 * Returns a function that converts rows of a schema to plain JSON values by column: integers that JavaScript cannot hold,
 * NUMERIC and numbers that are not finite become text; times RFC 3339 text in UTC; bytes base64; JSON its own value.
 */
export function rowConverter(fields: readonly TableField[]): (row: WireRow) => Record<string, unknown> {
  const converters = fields.map((field): [string, Convert] => [field.name ?? '', converter(field)])
  return ({ f: cells }) => {
    const row: Record<string, unknown> = {}
    for (const [index, [name, convert]] of converters.entries()) row[name] = convert(cells[index]?.v)
    return row
  }
}

function converter(field: TableField): Convert {
  const scalar = valueConverter(field)
  const one: Convert = (value) => (value === null || value === undefined ? null : scalar(value))
  if (field.mode !== 'REPEATED') return one
  return (value) => (Array.isArray(value) ? (value as { v: unknown }[]).map(({ v }) => one(v)) : [])
}

function valueConverter(field: TableField): Convert {
  switch (field.type) {
    case 'INTEGER':
    case 'INT64':
      return integer
    case 'FLOAT':
    case 'FLOAT64':
      return float
    case 'BOOLEAN':
    case 'BOOL':
      return (value) => value === true || value === 'true'
    case 'TIMESTAMP':
      return timestamp
    case 'JSON':
      return (value) => JSON.parse(String(value)) as unknown
    case 'RECORD':
    case 'STRUCT': {
      const convert = rowConverter(field.fields ?? [])
      return (value) => convert(value as WireRow)
    }
    default:
      return String
  }
}

function integer(value: unknown): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

function float(value: unknown): number | string {
  const number = Number(value)
  return Number.isFinite(number) ? number : String(value).replace(/^([+-]?)Inf(?:inity)?$/i, '$1Infinity')
}

/** Microseconds since 1970 as RFC 3339 text, with as many digits as the value needs: three or six. */
function timestamp(value: unknown): string {
  const micros = BigInt(String(value))
  const rest = ((micros % 1_000n) + 1_000n) % 1_000n
  const text = new Date(Number((micros - rest) / 1_000n)).toISOString()
  return rest === 0n ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
