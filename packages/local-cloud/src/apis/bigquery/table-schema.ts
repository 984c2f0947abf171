import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { SqlType } from './sql/types.ts'

/** One column, in the REST API's form: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema */
export interface Field {
  name: string
  type: FieldType
  mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED'
  description?: string
  fields?: Field[]
}

const FIELD_TYPES = {
  STRING: 'STRING',
  BYTES: 'BYTES',
  INTEGER: 'INTEGER',
  INT64: 'INTEGER',
  FLOAT: 'FLOAT',
  FLOAT64: 'FLOAT',
  BOOLEAN: 'BOOLEAN',
  BOOL: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMP',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'DATETIME',
  GEOGRAPHY: 'GEOGRAPHY',
  NUMERIC: 'NUMERIC',
  DECIMAL: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
  JSON: 'JSON',
  RECORD: 'RECORD',
  STRUCT: 'RECORD',
} as const

export type FieldType = (typeof FIELD_TYPES)[keyof typeof FIELD_TYPES]

/** https://cloud.google.com/bigquery/docs/schemas#column_names */
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/
const RESERVED_PREFIXES = [
  '_TABLE_',
  '_FILE_',
  '_PARTITION',
  '_ROW_TIMESTAMP',
  '__ROOT__',
  '_COLIDENTIFIER',
  '_CHANGE_TYPE',
  '_CHANGE_SEQUENCE_NUMBER',
  '_CHANGE_TIMESTAMP',
]
/** https://cloud.google.com/bigquery/quotas#all_tables */
const MAX_COLUMNS = 10_000
const MAX_DEPTH = 15
const MAX_DESCRIPTION = 1024

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** Checks a schema as sent by a client and gives it its canonical form. */
export function parseFields(value: unknown, depth = 1, path = ''): Field[] {
  if (!Array.isArray(value)) throw invalid('Schema fields must be a list')
  if (depth > MAX_DEPTH) throw invalid(`Schema is nested too deeply: ${path}`)
  if (value.length > MAX_COLUMNS) throw tooManyColumns(value.length)
  const fields = value.map((item) => parseField(item as Record<string, unknown>, depth, path))
  const seen = new Set<string>()
  for (const { name } of fields) {
    const lower = name.toLowerCase()
    if (seen.has(lower)) throw invalid(`Duplicate field name in schema: ${name}`)
    seen.add(lower)
  }
  return fields
}

/** Refuses a number of columns that no table has, before they are looked at. */
export function checkColumnCount(columns: number): void {
  if (columns > MAX_COLUMNS) throw tooManyColumns(columns)
}

/** Refuses a schema, detected or derived, that is too large for a table: fields within fields count too. */
export function checkFields(fields: readonly Field[]): void {
  let columns = 0
  const count = (level: readonly Field[], depth: number): void => {
    columns += level.length
    if (columns > MAX_COLUMNS) throw tooManyColumns(columns)
    for (const field of level) {
      if (field.fields && depth === MAX_DEPTH) throw invalid(`Schema is nested too deeply: ${field.name}`)
      if (field.fields) count(field.fields, depth + 1)
    }
  }
  count(fields, 1)
}

/** Refuses the names of pseudocolumns, which no column can have: neither of a table nor of a query's result. */
export function refuseReserved(name: string): void {
  if (!RESERVED_PREFIXES.some((prefix) => name.toUpperCase().startsWith(prefix))) return
  throw invalid(
    `Invalid field name "${name}". Field names are not allowed to start with the (case-insensitive) prefixes ${RESERVED_PREFIXES.join(', ')}`,
  )
}

function tooManyColumns(columns: number): GoogleError {
  return invalid(`Too many columns: ${columns}, at most ${MAX_COLUMNS}`)
}

const IGNORED = new Set(['name', 'type', 'mode', 'description', 'fields'])

function parseField(value: Record<string, unknown>, depth: number, path: string): Field {
  const { name, type, mode, description, fields } = value
  if (typeof name !== 'string' || !FIELD_NAME.test(name)) {
    throw invalid(
      `Invalid field name "${String(name)}". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most 300 characters long.`,
    )
  }
  refuseReserved(name)
  const full = path === '' ? name : `${path}.${name}`
  for (const [option, given] of Object.entries(value)) {
    if (!IGNORED.has(option) && given !== undefined && given !== null)
      throw notEmulated(`the schema option ${option} (field ${full})`)
  }
  const upper = String(type).toUpperCase()
  if (upper === 'INTERVAL' || upper === 'RANGE' || upper === 'FOREIGN')
    throw notEmulated(`the column type ${upper} (field ${full})`)
  if (!Object.hasOwn(FIELD_TYPES, upper)) throw invalid(`Invalid value for type: ${String(type)} is not a valid value`)
  const known = FIELD_TYPES[upper as keyof typeof FIELD_TYPES]
  const knownMode = mode === undefined || mode === null || mode === '' ? 'NULLABLE' : String(mode).toUpperCase()
  if (knownMode !== 'NULLABLE' && knownMode !== 'REQUIRED' && knownMode !== 'REPEATED')
    throw invalid(`Invalid value for mode: ${String(mode)}`)
  const text = typeof description === 'string' ? description : undefined
  if (text !== undefined && text.length > MAX_DESCRIPTION) {
    throw invalid(`The description for field ${full} is too long. The maximum length is ${MAX_DESCRIPTION} characters.`)
  }
  const field: Field = { name, type: known, mode: knownMode, ...(text ? { description: text } : {}) }
  if (known !== 'RECORD') return field
  const inner = parseFields(fields ?? [], depth + 1, full)
  if (inner.length === 0) throw invalid(`Field ${full} is type RECORD but has no schema`)
  return { ...field, fields: inner }
}

/** The SQL type of a field; REPEATED makes an ARRAY. */
export function fieldType(field: Field): SqlType {
  const type = scalarOf(field)
  return field.mode === 'REPEATED' ? { kind: 'ARRAY', element: type } : type
}

const SQL_NAMES = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' } as const
const FIELD_NAMES = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN' } as const

function scalarOf(field: Field): SqlType {
  const { type } = field
  if (type === 'RECORD')
    return { kind: 'STRUCT', fields: field.fields!.map((inner) => ({ name: inner.name, type: fieldType(inner) })) }
  return {
    kind: Object.hasOwn(SQL_NAMES, type)
      ? SQL_NAMES[type as keyof typeof SQL_NAMES]
      : (type as Exclude<FieldType, 'RECORD' | keyof typeof SQL_NAMES>),
  }
}

/** The field of a result column. */
export function fieldOf(name: string, type: SqlType): Field {
  if (type.kind === 'ARRAY') return { ...fieldOf(name, type.element), mode: 'REPEATED' }
  if (type.kind === 'STRUCT') {
    let anonymous = 0
    const fields = type.fields.map((inner) => fieldOf(inner.name ?? `_field_${++anonymous}`, inner.type))
    return { name, type: 'RECORD', mode: 'NULLABLE', fields }
  }
  const known = Object.hasOwn(FIELD_NAMES, type.kind)
    ? FIELD_NAMES[type.kind as keyof typeof FIELD_NAMES]
    : (type.kind as FieldType)
  return { name, type: known, mode: 'NULLABLE' }
}

/**
 * A schema after an update: columns may be added at the end as NULLABLE or REPEATED, REQUIRED may
 * be relaxed, descriptions may change; anything else is refused.
 * https://cloud.google.com/bigquery/docs/managing-table-schemas
 */
export function updatedFields(before: readonly Field[], after: readonly Field[], table: string, path = ''): Field[] {
  const byName = new Map(after.map((field) => [field.name.toLowerCase(), field]))
  const refuse = (message: string): GoogleError => invalid(`Provided Schema does not match Table ${table}. ${message}`)
  const kept = before.map((field) => {
    const full = path === '' ? field.name : `${path}.${field.name}`
    const next = byName.get(field.name.toLowerCase())
    if (!next) throw refuse(`Field ${full} is missing in new schema`)
    if (next.type !== field.type) throw refuse(`Field ${full} has changed type from ${field.type} to ${next.type}`)
    const relaxes = field.mode === 'REQUIRED' && next.mode === 'NULLABLE'
    if (next.mode !== field.mode && !relaxes)
      throw refuse(`Field ${full} has changed mode from ${field.mode} to ${next.mode}`)
    if (!field.fields) return { ...next, name: field.name }
    return { ...next, name: field.name, fields: updatedFields(field.fields, next.fields!, table, full) }
  })
  const names = new Set(before.map((field) => field.name.toLowerCase()))
  const added = after.filter((field) => !names.has(field.name.toLowerCase()))
  const required = added.find((field) => field.mode === 'REQUIRED')
  if (required) throw refuse(`Cannot add required fields to an existing schema. (field: ${required.name})`)
  return [...kept, ...added]
}
