import { typed, type Typed } from './analysis.ts'
import { once } from './bounds.ts'
import { coerce, require, unify } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import type { Expression } from './syntax.ts'
import { arrayOf, duckType, INT64, typeName, type StructField } from './types.ts'

/** `[a, b]` and `ARRAY<T>[a, b]`. */
export function arrayLiteral(node: Expression & { kind: 'array' }, items: Typed[]): Typed {
  if (items.some((item) => item.type.kind === 'ARRAY' && item.literal?.type !== 'NULL')) {
    throw new SqlFailure(
      'Cannot construct array with element type ARRAY because nested arrays are not supported',
      node.at,
    )
  }
  if (items.length === 0) {
    const element = node.element ?? INT64
    const sql = `CAST([] AS ${duckType(arrayOf(element))})`
    return { ...typed(sql, arrayOf(element), node.at), ...(node.element ? {} : { untypedArray: true }) }
  }
  const { element } = node
  const unified = element
    ? {
        type: element,
        values: items.map((item) =>
          require(item, element, `Array element type ${typeName(item.type)} does not coerce to ${typeName(element)}`),
        ),
      }
    : unify(
        items,
        'array literal',
        node.at,
        (names) => `Array elements of types {${names}} do not have a common supertype`,
      )
  return typed(`[${unified.values.map((item) => item.sql).join(', ')}]`, arrayOf(unified.type), node.at, unified.values)
}

/** `STRUCT(a AS x, b)`, `STRUCT<x INT64>(1)` and `(a, b)`. An unaliased column lends its name. */
export function structLiteral(node: Expression & { kind: 'struct' }, items: Typed[]): Typed {
  if (items.length === 0) throw unsupported('an empty STRUCT', node.at)
  const { fields } = node
  if (fields) {
    if (fields.length !== items.length) {
      throw new SqlFailure(
        `STRUCT type has ${fields.length} fields but constructor call has ${items.length} fields`,
        node.at,
      )
    }
    const values = items.map((item, index) => {
      const converted = coerce(item, fields[index]!.type)
      if (converted) return converted
      throw new SqlFailure(
        `Struct field ${index + 1} has type ${typeName(item.type)} which does not coerce to ${typeName(fields[index]!.type)}`,
        item.at,
      )
    })
    return structOf(fields, values, node.at)
  }
  const named = node.items.map((item, index): StructField => ({
    name: item.alias ?? impliedName(item.value),
    type: items[index]!.type,
  }))
  return structOf(named, items, node.at)
}

export function structOf(fields: readonly StructField[], values: readonly Typed[], at: number): Typed {
  const sql = `struct_pack(${values.map((value, index) => `f${index} := ${value.sql}`).join(', ')})`
  return { ...typed(sql, { kind: 'STRUCT', fields }, at, values), parts: [...values] }
}

/** The name an unaliased expression gives its column: that of the column or field it ends with. */
export function impliedName(node: Expression): string | null {
  if (node.kind === 'name') return node.name
  return node.kind === 'dot' ? node.field : null
}

/** `array[OFFSET(n)]` and its kin (https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#array_subscript_operator). */
export function subscript(node: Expression & { kind: 'subscript' }, base: Typed, index: Typed): Typed {
  if (base.type.kind === 'JSON' && node.mode === 'KEY') {
    const element = index.type.kind === 'INT64' ? 'bq_json_element' : 'bq_json_member'
    if (index.type.kind !== 'INT64' && index.type.kind !== 'STRING') {
      throw new SqlFailure('JSON element access requires an INT64 or STRING subscript', index.at)
    }
    return typed(`${element}(${base.sql}, ${index.sql})`, base.type, node.at, [base, index])
  }
  if (base.type.kind !== 'ARRAY') {
    throw new SqlFailure(`Element access using [] is not supported on values of type ${typeName(base.type)}`, node.at)
  }
  if (node.mode === 'KEY') {
    throw new SqlFailure(
      'Array element access with array[position] is not supported. Use array[OFFSET(zero_based_offset)] or array[ORDINAL(one_based_ordinal)]',
      node.at,
    )
  }
  const position = coerce(index, INT64)
  if (!position || index.type.kind !== 'INT64') {
    throw new SqlFailure(
      `Array position in [] must be coercible to INT64 type, but has type ${typeName(index.type)}`,
      index.at,
    )
  }
  if (base.volatile || position.volatile)
    throw unsupported('an array subscript over values that differ with each evaluation', node.at)
  const sql = once([base.sql, position.sql], (array, place) => {
    const ordinal = node.mode.endsWith('OFFSET') ? `(${place} + 1)` : place
    const safe = `CASE WHEN ${ordinal} >= 1 THEN (${array})[${ordinal}] END`
    if (node.mode.startsWith('SAFE')) return safe
    const isOutside = `${ordinal} < 1 OR ${ordinal} > len(${array})`
    return `CASE WHEN ${isOutside} THEN error('bq:Array index ' || ${place} || ' is out of bounds') ELSE ${safe} END`
  })
  return typed(sql, base.type.element, node.at, [base, position])
}
