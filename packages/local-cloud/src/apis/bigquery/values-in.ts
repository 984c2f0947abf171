import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import type { Field } from './table-schema.ts'
import { parseInt64 } from './sql/runtime/float-text.ts'
import { canonicalJson } from './sql/runtime/json-document.ts'
import { parseNumeric, scaledDecimal } from './sql/runtime/numeric-text.ts'
import { canonicalPoint } from './sql/runtime/points.ts'
import { microsecondText, parseDate, parseDatetime, parseTime, parseTimestamp } from './sql/runtime/time-text.ts'

/** Why a JSON value does not fit its column; `location` is the column's path. */
export class BadValue extends Error {
  override readonly name = 'BadValue'
  readonly location: string

  constructor(location: string, message: string) {
    super(message)
    this.location = location
  }
}

/** How values become those of a column, where load jobs differ from tabledata.insertAll. */
export interface ValueRules {
  /** The value in the form that tables keep, or undefined if the column does not take it. */
  decode(type: ScalarType, value: JsonScalar): DuckDBValue | undefined
  /** Why a column does not take a value. */
  mismatch(field: Field, path: string, value: unknown): string
  unknownField(path: string): string
}

export type ScalarType = Exclude<Field['type'], 'RECORD'>
export type JsonScalar = string | number | boolean

export interface DecodingOptions {
  ignoreUnknownValues: boolean
  /** Those of tabledata.insertAll by default. */
  rules?: ValueRules
}

/** One row of JSON as values in the order of the columns. Throws BadValue. Names match without regard to case. */
export function decodeRow(
  row: Record<string, unknown>,
  fields: readonly Field[],
  options: DecodingOptions,
  path = '',
): DuckDBValue[] {
  const names = Object.keys(row)
  const own = fields.map(({ name }) => Object.hasOwn(row, name))
  let used = own.filter(Boolean).length
  // Most rows write every name as the schema does.
  const others =
    used === names.length ? undefined : new Map(names.toReversed().map((name) => [name.toLowerCase(), name]))
  const values = fields.map((field, index) => {
    const name = own[index] ? field.name : others?.get(field.name.toLowerCase())
    if (name !== undefined && !own[index]) used += 1
    const value = name === undefined ? undefined : row[name]
    return decodeValue(value, field, path === '' ? field.name : `${path}.${field.name}`, options)
  })
  if (!options.ignoreUnknownValues && used !== names.length) {
    const known = new Set(fields.map((field) => field.name.toLowerCase()))
    const unknown = names.find((name) => !known.has(name.toLowerCase()))
    const full = path === '' ? unknown : `${path}.${unknown}`
    if (unknown !== undefined) throw new BadValue(full!, (options.rules ?? STREAMED).unknownField(full!))
  }
  return values
}

function decodeValue(value: unknown, field: Field, path: string, options: DecodingOptions): DuckDBValue {
  if (field.mode === 'REPEATED') {
    if (value === null || value === undefined) return new DuckDBListValue([])
    if (!Array.isArray(value))
      throw new BadValue(path, `Repeated field must be imported as a JSON array. Field: ${path}.`)
    return new DuckDBListValue(
      value.map((item: unknown, index) => {
        if (item === null)
          throw new BadValue(
            `${path}[${index}]`,
            'Only optional fields can be set to NULL. Field: ' + path + '; Value: NULL',
          )
        return decodeOne(item, field, path, options)
      }),
    )
  }
  if (value === null || value === undefined) {
    if (field.mode === 'REQUIRED') throw new BadValue(path, `Missing required field: ${path}.`)
    return null
  }
  return decodeOne(value, field, path, options)
}

function decodeOne(value: unknown, field: Field, path: string, options: DecodingOptions): DuckDBValue {
  if (Array.isArray(value) && field.type !== 'JSON')
    throw new BadValue(path, `Array specified for non-repeated field: ${path}.`)
  if (field.type === 'RECORD') {
    if (typeof value !== 'object') throw new BadValue(path, `This field: ${path} is not a record.`)
    const values = decodeRow(value as Record<string, unknown>, field.fields!, options, path)
    return new DuckDBStructValue(Object.fromEntries(values.map((inner, index) => [`f${index}`, inner])))
  }
  if (typeof value === 'object' && field.type !== 'JSON')
    throw new BadValue(path, `This field: ${path} is not a record.`)
  const { decode, mismatch } = options.rules ?? STREAMED
  const decoded = decode(field.type, value as JsonScalar)
  if (decoded === undefined) throw new BadValue(path, mismatch(field, path, value))
  return decoded
}

/** The rules of tabledata.insertAll. */
export const STREAMED: ValueRules = {
  decode: (type, value) => DECODERS[type](value),
  mismatch: (field, _path, value) => mismatch(field, value),
  unknownField: (path) => `no such field: ${path}.`,
}

function mismatch(field: Field, value: unknown): string {
  const text = String(value)
  switch (field.type) {
    case 'INTEGER':
      return `Cannot convert value to integer (bad value): ${text}`
    case 'FLOAT':
      return `Cannot convert value to floating point (bad value): ${text}`
    case 'BOOLEAN':
      return `Cannot convert value to boolean (bad value): ${text}`
    case 'TIMESTAMP':
      return `Could not parse '${text}' as a timestamp. Required format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or YYYY/MM/DD HH:MM[:SS[.SSSSSS]]`
    case 'GEOGRAPHY':
      return `Invalid geography value: ${text} (the local cloud keeps points only; see packages/local-cloud/docs/emulator-support.md)`
    default:
      return `Could not parse '${text}' as a ${field.type.toLowerCase()}`
  }
}

type Decoder = (value: JsonScalar) => DuckDBValue | undefined

/** JSON values that each column type takes: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#data_types */
const DECODERS: Record<ScalarType, Decoder> = {
  STRING: (value) => (typeof value === 'string' ? value : String(value)),
  BYTES: (value) =>
    typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value)
      ? new DuckDBBlobValue(Buffer.from(value, 'base64'))
      : undefined,
  INTEGER: (value) => {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
    return typeof value === 'string' ? (parseInt64(value) ?? wholeNumber(value)) : undefined
  },
  FLOAT: (value) => {
    if (typeof value === 'number') return value
    return typeof value === 'string' ? floatOf(value) : undefined
  },
  BOOLEAN: (value) => {
    if (typeof value === 'boolean') return value
    if (typeof value === 'number') return undefined
    return /^(true|t|yes|y|1)$/i.test(value) ? true : /^(false|f|no|n|0)$/i.test(value) ? false : undefined
  },
  TIMESTAMP: (value) => {
    const micros =
      typeof value === 'number'
        ? BigInt(Math.round(value * 1e6))
        : typeof value === 'string'
          ? (parseTimestamp(microsecondText(value)) ?? epochText(value))
          : undefined
    return micros === undefined ? undefined : new DuckDBTimestampValue(micros)
  },
  DATE: (value) => {
    const date = typeof value === 'string' ? parseDate(value) : undefined
    return date === undefined
      ? undefined
      : new DuckDBDateValue(Math.round(Date.parse(`${date}T00:00:00Z`) / 86_400_000))
  },
  TIME: (value) => {
    const micros =
      typeof value === 'string' && parseTime(value) !== undefined
        ? parseDatetime(`1970-01-01 ${value.trim()}`)
        : undefined
    return micros === undefined ? undefined : new DuckDBTimeValue(micros)
  },
  DATETIME: (value) => {
    const micros = typeof value === 'string' ? parseDatetime(value) : undefined
    return micros === undefined ? undefined : new DuckDBTimestampValue(micros)
  },
  NUMERIC: (value) => {
    const scaled = typeof value === 'boolean' ? undefined : scaledDecimal(String(value), 'NUMERIC')
    return scaled === undefined ? undefined : new DuckDBDecimalValue(scaled, 38, 9)
  },
  BIGNUMERIC: (value) => (typeof value === 'boolean' ? undefined : parseNumeric(String(value), 'BIGNUMERIC')),
  GEOGRAPHY: (value) => (typeof value === 'string' ? canonicalPoint(value) : undefined),
  JSON: (value) => canonicalJson(typeof value === 'string' ? value : JSON.stringify(value)),
}

function wholeNumber(text: string): bigint | undefined {
  const value = /^[+-]?\d+(\.0*)?([eE]\+?\d+)?$/.test(text.trim()) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? BigInt(value) : undefined
}

function floatOf(text: string): number | undefined {
  const special = {
    nan: NaN,
    infinity: Infinity,
    inf: Infinity,
    '+inf': Infinity,
    '-infinity': -Infinity,
    '-inf': -Infinity,
  }[text.toLowerCase()]
  if (special !== undefined) return special
  return text.trim() !== '' && Number.isFinite(Number(text)) && /^[\s\d.eE+-]+$/.test(text) ? Number(text) : undefined
}

/** Seconds since 1970, with a fraction, as text. */
function epochText(text: string): bigint | undefined {
  const scaled = /^-?\d+(\.\d+)?([eE]\d+)?$/.test(text.trim()) ? scaledDecimal(text, 'NUMERIC') : undefined
  return scaled === undefined ? undefined : scaled / 1000n
}
