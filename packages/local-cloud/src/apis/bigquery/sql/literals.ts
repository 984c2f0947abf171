import { quote, typed, type Typed } from './analysis.ts'
import { SqlFailure } from './failure.ts'
import { canonicalJson } from './runtime/json-document.ts'
import { parseNumeric } from './runtime/numeric-text.ts'
import { parseDate, parseDatetime, parseTime, parseTimestamp } from './runtime/time-text.ts'
import type { Expression, LiteralValue } from './syntax.ts'
import {
  BIGNUMERIC,
  BOOL,
  BYTES,
  DATE,
  DATETIME,
  duckType,
  FLOAT64,
  INT64,
  JSON_TYPE,
  NUMERIC,
  STRING,
  TIME,
  TIMESTAMP,
  typeName,
  type SqlType,
} from './types.ts'

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** DuckDB's text for constants, each with an explicit type. */
export const constants = {
  null: (type: SqlType): string => `CAST(NULL AS ${duckType(type)})`,
  int64: (value: bigint): string => `CAST(${value} AS BIGINT)`,
  float64: (value: number): string => `CAST('${Number.isNaN(value) ? 'nan' : String(value)}' AS DOUBLE)`,
  bool: (value: boolean): string => (value ? 'true' : 'false'),
  bytes: (value: Uint8Array): string => `unhex('${Buffer.from(value).toString('hex')}')`,
  /** `text` in the canonical form of the type. */
  numeric: (text: string): string => `CAST('${text}' AS DECIMAL(38,9))`,
  date: (text: string): string => `CAST('${text}' AS DATE)`,
  time: (text: string): string => `CAST('${text}' AS TIME)`,
  micros: (micros: bigint): string => `make_timestamp(CAST(${micros} AS BIGINT))`,
}

/** A literal or a parameter's value. An untyped NULL is an INT64 until its surroundings say otherwise. */
export function literal(value: LiteralValue, at: number): Typed {
  switch (value.type) {
    case 'NULL':
      return { ...typed(constants.null(INT64), INT64, at), literal: value }
    case 'BOOL':
      return { ...typed(constants.bool(value.value), BOOL, at), literal: value }
    case 'INT64':
      if (value.value > MAX_INT64 || value.value < MIN_INT64) {
        throw new SqlFailure(`Invalid integer literal: ${value.value}`, at)
      }
      return { ...typed(constants.int64(value.value), INT64, at), literal: value }
    case 'FLOAT64':
      if (!Number.isFinite(value.value)) throw new SqlFailure('Invalid floating point literal', at)
      return { ...typed(constants.float64(value.value), FLOAT64, at), literal: value }
    case 'STRING':
      return { ...typed(quote(value.value), STRING, at), literal: value }
    case 'BYTES':
      return { ...typed(constants.bytes(value.value), BYTES, at), literal: value }
  }
}

/** `DATE '2026-01-01'` and its like. */
export function typedLiteral(node: Expression & { kind: 'typed' }): Typed {
  const types = { DATE, DATETIME, TIME, TIMESTAMP, NUMERIC, BIGNUMERIC, JSON: JSON_TYPE } as const
  const sql = fromText(node.text, types[node.type])
  if (sql === undefined) throw new SqlFailure(`Invalid ${node.type} literal`, node.at)
  return typed(sql, types[node.type], node.at)
}

/** A constant of `type` written as text, or undefined when the text is not one. */
export function fromText(text: string, type: SqlType): string | undefined {
  switch (type.kind) {
    case 'STRING':
    case 'GEOGRAPHY':
      return quote(text)
    case 'DATE': {
      const date = parseDate(text)
      return date === undefined ? undefined : constants.date(date)
    }
    case 'DATETIME': {
      const micros = parseDatetime(text)
      return micros === undefined ? undefined : constants.micros(micros)
    }
    case 'TIME': {
      const time = parseTime(text)
      return time === undefined ? undefined : constants.time(time)
    }
    case 'TIMESTAMP': {
      const micros = parseTimestamp(text)
      return micros === undefined ? undefined : constants.micros(micros)
    }
    case 'NUMERIC': {
      const numeric = parseNumeric(text, 'NUMERIC')
      return numeric === undefined ? undefined : constants.numeric(numeric)
    }
    case 'BIGNUMERIC': {
      const numeric = parseNumeric(text, 'BIGNUMERIC')
      return numeric === undefined ? undefined : quote(numeric)
    }
    case 'JSON': {
      const json = canonicalJson(text)
      return json === undefined ? undefined : quote(json)
    }
    default:
      return undefined
  }
}

const FROM_STRING: ReadonlySet<string> = new Set(['DATE', 'DATETIME', 'TIME', 'TIMESTAMP'])

/**
 * A literal (or parameter) converted to `type`, or undefined when GoogleSQL does not convert it.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#literal_coercion
 */
export function convertLiteral(value: Typed, type: SqlType): Typed | undefined {
  const { literal: constant, at } = value
  if (!constant) return undefined
  if (constant.type === 'NULL') return { ...typed(constants.null(type), type, at), literal: constant }
  if (constant.type === 'INT64') {
    if (type.kind === 'FLOAT64') return typed(constants.float64(Number(constant.value)), type, at)
    if (type.kind === 'NUMERIC') return typed(constants.numeric(String(constant.value)), type, at)
  }
  if (constant.type === 'FLOAT64' && type.kind === 'NUMERIC') {
    const text = parseNumeric(constant.text, 'NUMERIC')
    return text === undefined ? undefined : typed(constants.numeric(text), type, at)
  }
  if (constant.type === 'STRING' && FROM_STRING.has(type.kind)) {
    const sql = fromText(constant.value, type)
    if (sql === undefined) {
      throw new SqlFailure(`Could not cast literal ${JSON.stringify(constant.value)} to type ${typeName(type)}`, at)
    }
    return typed(sql, type, at)
  }
  if (constant.type === 'STRING' && type.kind === 'BYTES') {
    return typed(constants.bytes(Buffer.from(constant.value)), type, at)
  }
  return undefined
}
