import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBValue,
} from '@duckdb/node-api'
import { decimalText } from './sql/runtime/numeric-text.ts'
import { dateText, datetimeText, timeText } from './sql/runtime/time-text.ts'
import type { SqlType } from './sql/types.ts'

/** A value in the REST API's nesting of `{f: [{v}]}`. */
export type Cell = string | null | { f: { v: Cell }[] } | { v: Cell }[]

export interface EncodingOptions {
  /** TIMESTAMP as microseconds; else as seconds in floating point. */
  useInt64Timestamp: boolean
}

/** Encodes a value as tabledata.list and getQueryResults do. */
export function encodeCell(value: DuckDBValue, type: SqlType, options: EncodingOptions): Cell {
  if (type.kind === 'ARRAY') {
    if (value === null) return []
    return (value as DuckDBListValue).items.map((item) => ({ v: encodeCell(item, type.element, options) }))
  }
  if (value === null) return null
  switch (type.kind) {
    case 'STRUCT': {
      const entries = (value as DuckDBStructValue).entries as Record<string, DuckDBValue>
      return {
        f: type.fields.map((field, index) => ({ v: encodeCell(entries[`f${index}`] ?? null, field.type, options) })),
      }
    }
    case 'FLOAT64':
      return floatCell(value as number)
    case 'NUMERIC':
      return decimalText((value as DuckDBDecimalValue).value, 'NUMERIC')
    case 'BYTES':
      return Buffer.from((value as DuckDBBlobValue).bytes).toString('base64')
    case 'DATE':
      return dateText(BigInt((value as DuckDBDateValue).days) * 86_400_000_000n)
    case 'TIME':
      return timeText((value as DuckDBTimeValue).micros)
    case 'DATETIME':
      return datetimeText((value as DuckDBTimestampValue).micros, 'T')
    case 'TIMESTAMP': {
      const { micros } = value as DuckDBTimestampValue
      return options.useInt64Timestamp ? String(micros) : floatCell(Number(micros) / 1e6)
    }
    default:
      return String(value)
  }
}

/** BigQuery's servers write floating point as Java does: `1.0`, `1.408452095E9`. */
export function floatCell(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-3 && magnitude < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`
}
