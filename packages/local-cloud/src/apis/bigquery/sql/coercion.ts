import { typed, type Typed } from './analysis.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { constants, convertLiteral } from './literals.ts'
import { coerces, duckType, INT64, sameType, typeName, type SqlType, type StructField } from './types.ts'

/** `value` as `type` by the implicit conversions, or undefined when there is none. */
export function coerce(value: Typed, type: SqlType): Typed | undefined {
  if (sameType(value.type, type) && value.literal?.type !== 'NULL') return { ...value, type }
  if (value.untypedArray && type.kind === 'ARRAY') return typed(`CAST([] AS ${duckType(type)})`, type, value.at)
  if (value.parts && type.kind === 'STRUCT') return structParts(value, value.parts, type.fields)
  const constant = convertLiteral(value, type)
  if (constant) return constant
  if (!coerces(value.type, type)) return undefined
  if (value.type.kind === 'BIGNUMERIC' || type.kind === 'BIGNUMERIC')
    throw unsupported('conversion of BIGNUMERIC', value.at)
  return typed(`CAST(${value.sql} AS ${duckType(type)})`, type, value.at, [value])
}

/** A STRUCT written out takes another type field by field, so that its literals convert as literals. */
function structParts(value: Typed, parts: readonly Typed[], fields: readonly StructField[]): Typed | undefined {
  if (parts.length !== fields.length) return undefined
  const converted = parts.map((part, index) => coerce(part, fields[index]!.type))
  if (converted.includes(undefined)) return undefined
  const sql = `struct_pack(${converted.map((part, index) => `f${index} := ${part!.sql}`).join(', ')})`
  return { ...typed(sql, { kind: 'STRUCT', fields }, value.at, parts), parts: converted as Typed[] }
}

/** The type that all values convert to, or undefined (https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#supertypes). */
export function supertype(values: readonly Typed[]): SqlType | undefined {
  const known = values.filter((value) => value.literal?.type !== 'NULL' && !value.untypedArray)
  const first = known[0]
  if (!first) return (values.find((value) => value.untypedArray) ?? values[0])?.type ?? INT64
  if (first.type.kind === 'STRUCT') return structSupertype(known, first.type.fields)
  const firm = known.filter((value) => !value.literal)
  const candidates = firm.length > 0 ? firm : known
  const fits = (type: SqlType): boolean =>
    candidates.every((value) => coerces(value.type, type)) &&
    known.every((value) => !value.literal || coerces(value.type, type) || isConvertible(value, type))
  const own = known.map((value) => value.type).find(fits)
  return own
}

/** The STRUCT whose fields have the fields' common types; names are those of the first. */
function structSupertype(values: readonly Typed[], names: readonly StructField[]): SqlType | undefined {
  const types = names.map((_, index) => {
    const fields = values.map(
      (value) => value.parts?.[index] ?? (value.type.kind === 'STRUCT' ? bare(value.type.fields[index]) : undefined),
    )
    return fields.includes(undefined) ? undefined : supertype(fields as Typed[])
  })
  const isUniform = values.every((value) => value.type.kind === 'STRUCT' && value.type.fields.length === names.length)
  if (!isUniform || types.includes(undefined)) return undefined
  return { kind: 'STRUCT', fields: names.map(({ name }, index) => ({ name, type: types[index]! })) }
}

function bare(field: StructField | undefined): Typed | undefined {
  return field && typed('', field.type, 0)
}

function isConvertible(value: Typed, type: SqlType): boolean {
  return convertLiteral(value, type) !== undefined
}

/** All values as their common type. `what` names the construct in the error. */
export function unify(
  values: readonly Typed[],
  what: string,
  at: number,
  explain = (names: string): string => `No matching signature for ${what} for argument types: ${names}`,
): { type: SqlType; values: Typed[] } {
  const type = supertype(values)
  const converted = type && values.map((value) => coerce(value, type))
  if (!type || converted?.some((value) => value === undefined)) {
    const names = values.map((value) => (value.literal?.type === 'NULL' ? 'NULL' : typeName(value.type))).join(', ')
    throw new SqlFailure(explain(names), at)
  }
  return { type, values: converted as Typed[] }
}

/** `value` as `type`, or an error in BigQuery's words. */
export function require(value: Typed, type: SqlType, message: string): Typed {
  const converted = coerce(value, type)
  if (!converted) throw new SqlFailure(message, value.at)
  return converted
}

export function nullOf(type: SqlType, at: number): Typed {
  return { ...typed(constants.null(type), type, at), literal: { type: 'NULL' } }
}
