/**
 * GoogleSQL's types as the translator sees them, and where each is kept in DuckDB.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
 */
export type ScalarName =
  | 'INT64'
  | 'FLOAT64'
  | 'NUMERIC'
  | 'BIGNUMERIC'
  | 'BOOL'
  | 'STRING'
  | 'BYTES'
  | 'DATE'
  | 'DATETIME'
  | 'TIME'
  | 'TIMESTAMP'
  | 'GEOGRAPHY'
  | 'JSON'

export interface ScalarType {
  kind: ScalarName
}

export interface ArrayType {
  kind: 'ARRAY'
  element: SqlType
}

export interface StructField {
  /** Null for an anonymous field, as in `STRUCT(1, 2)`. */
  name: string | null
  type: SqlType
}

export interface StructType {
  kind: 'STRUCT'
  fields: readonly StructField[]
}

export type SqlType = ScalarType | ArrayType | StructType

export const INT64: ScalarType = { kind: 'INT64' }
export const FLOAT64: ScalarType = { kind: 'FLOAT64' }
export const NUMERIC: ScalarType = { kind: 'NUMERIC' }
export const BIGNUMERIC: ScalarType = { kind: 'BIGNUMERIC' }
export const BOOL: ScalarType = { kind: 'BOOL' }
export const STRING: ScalarType = { kind: 'STRING' }
export const BYTES: ScalarType = { kind: 'BYTES' }
export const DATE: ScalarType = { kind: 'DATE' }
export const DATETIME: ScalarType = { kind: 'DATETIME' }
export const TIME: ScalarType = { kind: 'TIME' }
export const TIMESTAMP: ScalarType = { kind: 'TIMESTAMP' }
export const GEOGRAPHY: ScalarType = { kind: 'GEOGRAPHY' }
export const JSON_TYPE: ScalarType = { kind: 'JSON' }

export const arrayOf = (element: SqlType): ArrayType => ({ kind: 'ARRAY', element })

/** Type names as written in SQL, with their documented aliases, to the type. */
const NAMES: Record<string, ScalarType> = {
  INT64,
  INT: INT64,
  SMALLINT: INT64,
  INTEGER: INT64,
  BIGINT: INT64,
  TINYINT: INT64,
  BYTEINT: INT64,
  FLOAT64,
  NUMERIC,
  DECIMAL: NUMERIC,
  BIGNUMERIC,
  BIGDECIMAL: BIGNUMERIC,
  BOOL,
  BOOLEAN: BOOL,
  STRING,
  BYTES,
  DATE,
  DATETIME,
  TIME,
  TIMESTAMP,
  GEOGRAPHY,
  JSON: JSON_TYPE,
}

/** The scalar type a name stands for in SQL text, or undefined. */
export function scalarByName(name: string): ScalarType | undefined {
  const upper = name.toUpperCase()
  return Object.hasOwn(NAMES, upper) ? NAMES[upper] : undefined
}

/** The type in GoogleSQL's spelling, as error messages print it. */
export function typeName(type: SqlType): string {
  if (type.kind === 'ARRAY') return `ARRAY<${typeName(type.element)}>`
  if (type.kind !== 'STRUCT') return type.kind
  const fields = type.fields.map((field) => `${field.name === null ? '' : `${field.name} `}${typeName(field.type)}`)
  return `STRUCT<${fields.join(', ')}>`
}

/** Equal in structure; field names do not matter for assignment, as in GoogleSQL. */
export function sameType(left: SqlType, right: SqlType): boolean {
  if (left.kind === 'ARRAY') return right.kind === 'ARRAY' && sameType(left.element, right.element)
  if (left.kind === 'STRUCT') {
    if (right.kind !== 'STRUCT' || left.fields.length !== right.fields.length) return false
    return left.fields.every((field, index) => sameType(field.type, right.fields[index]!.type))
  }
  return left.kind === right.kind
}

/**
 * DuckDB's type for the value. Struct fields are named by position (`f0`, `f1`), because GoogleSQL
 * allows anonymous and repeated names and DuckDB does not. JSON, GEOGRAPHY and BIGNUMERIC are kept
 * as their canonical text; DATETIME and TIMESTAMP share one representation and differ by type only.
 */
export function duckType(type: SqlType): string {
  if (type.kind === 'ARRAY') return `${duckType(type.element)}[]`
  if (type.kind === 'STRUCT') {
    return `STRUCT(${type.fields.map((field, index) => `f${index} ${duckType(field.type)}`).join(', ')})`
  }
  return DUCK_TYPES[type.kind]
}

const DUCK_TYPES: Record<ScalarName, string> = {
  INT64: 'BIGINT',
  FLOAT64: 'DOUBLE',
  NUMERIC: 'DECIMAL(38,9)',
  BIGNUMERIC: 'VARCHAR',
  BOOL: 'BOOLEAN',
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  DATE: 'DATE',
  DATETIME: 'TIMESTAMP',
  TIME: 'TIME',
  TIMESTAMP: 'TIMESTAMP',
  GEOGRAPHY: 'VARCHAR',
  JSON: 'VARCHAR',
}

/** Implicit conversions of any expression (https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules). */
const COERCIONS: Partial<Record<ScalarName, readonly ScalarName[]>> = {
  INT64: ['NUMERIC', 'BIGNUMERIC', 'FLOAT64'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT64'],
  BIGNUMERIC: ['FLOAT64'],
  DATE: ['DATETIME'],
}

/** Whether GoogleSQL converts an expression of type `from` to `to` without a CAST. */
export function coerces(from: SqlType, to: SqlType): boolean {
  if (sameType(from, to)) return true
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT') {
    return (
      from.fields.length === to.fields.length &&
      from.fields.every((field, index) => coerces(field.type, to.fields[index]!.type))
    )
  }
  if (from.kind === 'STRUCT' || from.kind === 'ARRAY' || to.kind === 'STRUCT' || to.kind === 'ARRAY') return false
  return COERCIONS[from.kind]?.includes(to.kind) ?? false
}

const ORDERABLE: ReadonlySet<string> = new Set<ScalarName>([
  'INT64',
  'FLOAT64',
  'NUMERIC',
  'BOOL',
  'STRING',
  'BYTES',
  'DATE',
  'DATETIME',
  'TIME',
  'TIMESTAMP',
])

/** Types whose values DuckDB compares, groups and sorts as GoogleSQL does. BIGNUMERIC is kept as text and is not among them. */
export function isOrderable(type: SqlType): boolean {
  return ORDERABLE.has(type.kind)
}

export function isNumber(type: SqlType): boolean {
  return type.kind === 'INT64' || type.kind === 'FLOAT64' || type.kind === 'NUMERIC'
}
