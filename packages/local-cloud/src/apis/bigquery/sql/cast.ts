import { typed, type Typed } from './analysis.ts'
import { once } from './bounds.ts'
import { coerce } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { constants } from './literals.ts'
import { duckType, sameType, typeName, type ScalarName, type SqlType } from './types.ts'

type Conversion = (sql: string, safe: boolean) => string

/** A conversion by a function of runtime/, which has a form that answers NULL instead of an error. */
const call =
  (name: string, wrap = (sql: string): string => sql): Conversion =>
  (sql, safe) =>
    wrap(`bq_${safe ? 'safe_' : ''}${name}(${sql})`)
const asDecimal = (sql: string): string => `CAST(${sql} AS DECIMAL(38,9))`
const asTimestamp = (sql: string): string => `make_timestamp(${sql})`

/** From a type to a type, DuckDB's text of the conversion. JavaScript's text forms of runtime/ decide where DuckDB's differ. */
const CONVERSIONS: Partial<Record<ScalarName, Partial<Record<ScalarName, Conversion>>>> = {
  INT64: {
    FLOAT64: (sql) => `CAST(${sql} AS DOUBLE)`,
    NUMERIC: (sql) => `CAST(${sql} AS DECIMAL(38,9))`,
    BOOL: (sql) => `(${sql} != 0)`,
    STRING: (sql) => `CAST(${sql} AS VARCHAR)`,
  },
  FLOAT64: {
    INT64: call('float_to_int'),
    NUMERIC: call('float_to_numeric', asDecimal),
    STRING: call('float_to_string'),
  },
  NUMERIC: {
    INT64: (sql, safe) => `bq_${safe ? 'safe_' : ''}numeric_to_int(CAST(${sql} AS VARCHAR))`,
    FLOAT64: (sql) => `CAST(CAST(${sql} AS VARCHAR) AS DOUBLE)`,
    STRING: (sql) => `bq_numeric_to_string(CAST(${sql} AS VARCHAR))`,
  },
  // Its values are texts of digits.
  BIGNUMERIC: {
    FLOAT64: (sql) => `CAST(${sql} AS DOUBLE)`,
    STRING: (sql) => sql,
  },
  BOOL: {
    INT64: (sql) => `CAST(${sql} AS BIGINT)`,
    STRING: (sql) => once([sql], (value) => `CASE WHEN ${value} THEN 'true' WHEN NOT ${value} THEN 'false' END`),
  },
  STRING: {
    INT64: call('string_to_int'),
    FLOAT64: call('string_to_float'),
    NUMERIC: call('string_to_numeric', asDecimal),
    BOOL: call('string_to_bool'),
    BYTES: (sql) => `encode(${sql})`,
    DATE: call('string_to_date', (sql) => `CAST(${sql} AS DATE)`),
    DATETIME: call('string_to_datetime', asTimestamp),
    TIME: call('string_to_time', (sql) => `CAST(${sql} AS TIME)`),
    TIMESTAMP: call('string_to_timestamp', asTimestamp),
  },
  BYTES: { STRING: call('bytes_to_string') },
  DATE: {
    STRING: (sql) => `bq_date_to_string(epoch_us(CAST(${sql} AS TIMESTAMP)))`,
    DATETIME: (sql) => `CAST(${sql} AS TIMESTAMP)`,
    TIMESTAMP: (sql) => `CAST(${sql} AS TIMESTAMP)`,
  },
  DATETIME: {
    STRING: (sql) => `bq_datetime_to_string(epoch_us(${sql}))`,
    DATE: (sql) => `CAST(${sql} AS DATE)`,
    TIME: (sql) => `CAST(${sql} AS TIME)`,
    TIMESTAMP: (sql) => sql,
  },
  TIME: { STRING: (sql) => `bq_time_to_string(epoch_us(CAST(DATE '1970-01-01' AS DATE) + ${sql}))` },
  TIMESTAMP: {
    STRING: (sql) => `bq_timestamp_to_string(epoch_us(${sql}))`,
    DATE: (sql) => `CAST(${sql} AS DATE)`,
    TIME: (sql) => `CAST(${sql} AS TIME)`,
    DATETIME: (sql) => sql,
  },
}

/** CAST and SAFE_CAST: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast */
export function explicitCast(value: Typed, type: SqlType, safe: boolean, at: number): Typed {
  if (sameType(value.type, type) && value.literal?.type !== 'NULL' && !value.untypedArray) return { ...value, type, at }
  if (value.literal?.type === 'NULL') return typed(constants.null(type), type, at)
  if (value.untypedArray && type.kind === 'ARRAY') return typed(`CAST([] AS ${duckType(type)})`, type, at)
  const invalid = (): SqlFailure => new SqlFailure(`Invalid cast from ${typeName(value.type)} to ${typeName(type)}`, at)
  if (type.kind === 'ARRAY' || value.type.kind === 'ARRAY') throw unsupported(`CAST between array types`, at)
  if (type.kind === 'STRUCT' || value.type.kind === 'STRUCT') {
    const converted = coerce(value, type)
    if (converted) return converted
    throw unsupported('CAST between STRUCT types', at)
  }
  if (value.literal?.type === 'FLOAT64' && type.kind === 'NUMERIC')
    return coerce(value, type) ?? typed(constants.null(type), type, at)
  const convert = CONVERSIONS[value.type.kind]?.[type.kind]
  if (!convert && [value.type.kind, type.kind].includes('BIGNUMERIC')) throw unsupported('this CAST of BIGNUMERIC', at)
  if (!convert) throw invalid()
  if (value.volatile && value.type.kind === 'BOOL')
    throw unsupported('CAST of an expression that differs with each evaluation', at)
  return typed(convert(value.sql, safe), type, at, [value])
}
