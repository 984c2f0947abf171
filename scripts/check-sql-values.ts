import type { Column } from '../src/contracts/columns.ts'

/** zetasql.TypeProto, with the fields that occur here. */
export interface TypeProto {
  typeKind?: string
  arrayType?: { elementType?: TypeProto }
  structType?: { field?: { fieldName?: string; fieldType?: TypeProto }[] }
}

/** zetasql.ValueProto: one member for a value, none for NULL. */
export type ValueProto = Record<string, unknown>

const TYPE_KINDS: Record<string, string> = { FLOAT64: 'TYPE_DOUBLE' }

/** Converts a column's type to the analyzer's format. */
export function columnType(column: Column): TypeProto {
  const single: TypeProto =
    column.type === 'STRUCT'
      ? {
          typeKind: 'TYPE_STRUCT',
          structType: {
            field: (column.columns ?? []).map((member) => ({ fieldName: member.name, fieldType: columnType(member) })),
          },
        }
      : { typeKind: TYPE_KINDS[column.type] ?? `TYPE_${column.type}` }
  return column.mode === 'REPEATED' ? { typeKind: 'TYPE_ARRAY', arrayType: { elementType: single } } : single
}

/** A column's value, in the JSON of tabledata.insertAll, in the analyzer's format. */
export function columnValue(column: Column, value: unknown): ValueProto {
  if (column.mode === 'REPEATED') {
    const { mode: _, ...single } = column
    return { arrayValue: { element: ((value ?? []) as unknown[]).map((item) => columnValue(single, item)) } }
  }
  if (value === null || value === undefined) return {}
  switch (column.type) {
    case 'STRING':
      return { stringValue: value }
    case 'INT64':
      return { int64Value: String(value) }
    case 'FLOAT64':
      return { doubleValue: value }
    case 'BOOL':
      return { boolValue: value }
    case 'TIMESTAMP': {
      const ms = Date.parse(String(value))
      return { timestampValue: { seconds: String(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1e6 } }
    }
    case 'STRUCT': {
      const members = value as Record<string, unknown>
      return {
        structValue: { field: (column.columns ?? []).map((member) => columnValue(member, members[member.name])) },
      }
    }
    default:
      throw new Error(`no rows with ${column.type} are checked`)
  }
}

/** Whether an array somewhere in the value has a NULL, which BigQuery refuses to write (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls). */
export function hasNullElement(type: TypeProto, value: ValueProto): boolean {
  const { element = [] } = (value['arrayValue'] ?? {}) as { element?: ValueProto[] }
  const { field = [] } = (value['structValue'] ?? {}) as { field?: ValueProto[] }
  const members = type.structType?.field ?? []
  return (
    element.some((item) => Object.keys(item).length === 0 || hasNullElement(type.arrayType?.elementType ?? {}, item)) ||
    field.some((member, index) => hasNullElement(members[index]?.fieldType ?? {}, member))
  )
}

/**
 * A cell of a result in BigQuery's wire format (https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query):
 * `v` of an `f` and `v` row.
 */
export function wireCell(type: TypeProto, value: ValueProto): unknown {
  const [kind] = Object.keys(value)
  if (type.typeKind === 'TYPE_ARRAY') {
    const { element = [] } = (value['arrayValue'] ?? {}) as { element?: ValueProto[] }
    return element.map((item) => ({ v: wireCell(type.arrayType?.elementType ?? {}, item) }))
  }
  if (kind === undefined) return null
  if (type.typeKind === 'TYPE_STRUCT') {
    const { field = [] } = (value['structValue'] ?? {}) as { field?: ValueProto[] }
    const types = type.structType?.field ?? []
    return { f: field.map((member, index) => ({ v: wireCell(types[index]?.fieldType ?? {}, member) })) }
  }
  return SCALARS[type.typeKind ?? '']?.(value[kind]) ?? String(value[kind])
}

type Wire = (value: unknown) => unknown

const SCALARS: Record<string, Wire> = {
  TYPE_DOUBLE: (value) => Number(value),
  TYPE_BYTES: (value) => Buffer.from(value as Uint8Array).toString('base64'),
  TYPE_DATE: (value) => new Date(Number(value) * 86_400_000).toJSON().slice(0, 10),
  TYPE_TIMESTAMP: (value) => {
    const { seconds = '0', nanos = 0 } = value as { seconds?: string; nanos?: number }
    return String(BigInt(seconds) * 1_000_000n + BigInt(nanos) / 1_000n)
  },
  TYPE_TIME: (value) => timeOf(BigInt(value as string) >> 30n, BigInt(value as string) & 0x3fffffffn),
  TYPE_DATETIME: (value) => {
    const { bitFieldDatetimeSeconds = '0', nanos = 0 } = value as { bitFieldDatetimeSeconds?: string; nanos?: number }
    const bits = BigInt(bitFieldDatetimeSeconds)
    const date = [bits >> 26n, (bits >> 22n) & 0xfn, (bits >> 17n) & 0x1fn].map((part, index) =>
      String(part).padStart(index === 0 ? 4 : 2, '0'),
    )
    return `${date.join('-')}T${timeOf(bits & 0x1ffffn, BigInt(nanos))}`
  },
  TYPE_NUMERIC: (value) => decimal(value as Uint8Array, 9),
  TYPE_BIGNUMERIC: (value) => decimal(value as Uint8Array, 38),
  TYPE_JSON: (value) => canonicalJson(String(value)),
}

/** zetasql/public/civil_time.h packs hour, minute and second into 17 bits. */
function timeOf(bits: bigint, nanos: bigint): string {
  const parts = [bits >> 12n, (bits >> 6n) & 0x3fn, bits & 0x3fn].map((part) => String(part).padStart(2, '0'))
  // Three or six digits, as in a cast to STRING.
  const fraction =
    nanos === 0n
      ? ''
      : `.${String(nanos / 1_000n)
          .padStart(6, '0')
          .replace(/000$/, '')}`
  return parts.join(':') + fraction
}

/** A little-endian two's complement integer of units of 10^-scale. */
function decimal(bytes: Uint8Array, scale: number): string {
  let units = 0n
  for (const byte of Buffer.from(bytes).toReversed()) units = (units << 8n) | BigInt(byte)
  units = BigInt.asIntN(bytes.byteLength * 8, units)
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  const fraction = digits.slice(-scale).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`
}

/** Neither the order of members nor white space is part of a JSON value. */
export function canonicalJson(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

/** Some value of a column, or none: the same for the same row. */
export function sampleOf(column: Column, index: number): unknown {
  if (column.mode === 'REPEATED') {
    const { mode: _, ...single } = column
    return Array.from({ length: index % 3 }, (_, place) => sampleOf(single, 2 * place + 1))
  }
  if (index % 2 === 0) return null
  switch (column.type) {
    case 'STRING':
      return `${column.name} ${index} “é”`
    case 'INT64':
      return index * 1_000
    case 'FLOAT64':
      return index / 8
    case 'BOOL':
      return index % 4 === 1
    case 'TIMESTAMP':
      return '2026-02-03T04:05:06Z'
    case 'STRUCT':
      return Object.fromEntries((column.columns ?? []).map((member) => [member.name, sampleOf(member, index)]))
    default:
      return null
  }
}
