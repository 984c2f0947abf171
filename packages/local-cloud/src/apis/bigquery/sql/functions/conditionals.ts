import { typed, type Place, type Typed } from '../analysis.ts'
import { equality } from '../analyze-operators.ts'
import { once } from '../bounds.ts'
import { coerce, unify } from '../coercion.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import type { Call } from '../syntax.ts'
import { BOOL, FLOAT64, isNumber, isOrderable, typeName } from '../types.ts'
import type { SpecialFunction, SpecialFunctions } from './signature.ts'

function values(call: Call, place: Place, count?: number): Typed[] {
  const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  if ((count !== undefined && args.length !== count) || args.length === 0) {
    throw new SqlFailure(`Number of arguments does not match for function ${call.name}`, args[0]?.at)
  }
  return args
}

const coalesce: SpecialFunction = (call, at, place) => {
  const { type, values: parts } = unify(values(call, place), `function ${call.name}`, at)
  return typed(`coalesce(${parts.map((part) => part.sql).join(', ')})`, type, at, parts)
}

const extreme =
  (name: 'greatest' | 'least'): SpecialFunction =>
  (call, at, place) => {
    const { type, values: parts } = unify(values(call, place), `function ${call.name}`, at)
    if (!isOrderable(type) || type.kind === 'FLOAT64') throw unsupported(`${call.name} of ${typeName(type)}`, at)
    const sql = once(
      parts.map((part) => part.sql),
      (...texts) => {
        const anyNull = texts.map((text) => `${text} IS NULL`).join(' OR ')
        return `CASE WHEN ${anyNull} THEN NULL ELSE ${name}(${texts.join(', ')}) END`
      },
    )
    return typed(sql, type, at, parts)
  }

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/conditional_expressions */
export const conditionals: SpecialFunctions = {
  IF: (call, at, place) => {
    const [condition, yes, no] = values(call, place, 3) as [Typed, Typed, Typed]
    const test = coerce(condition, BOOL)
    if (!test)
      throw new SqlFailure(
        `No matching signature for function IF for argument types: ${[condition, yes, no].map((value) => typeName(value.type)).join(', ')}`,
        at,
      )
    const { type, values: branches } = unify([yes, no], 'function IF', at)
    return typed(`CASE WHEN ${test.sql} THEN ${branches[0]!.sql} ELSE ${branches[1]!.sql} END`, type, at, [
      test,
      ...branches,
    ])
  },
  IFNULL: coalesce,
  COALESCE: coalesce,
  NULLIF: (call, at, place) => {
    const [value, other] = values(call, place, 2) as [Typed, Typed]
    const unified = unify([value, other], 'function NULLIF', at)
    if (value.volatile) throw unsupported('NULLIF of an expression that differs with each evaluation', at)
    const [left, right] = unified.values as [Typed, Typed]
    const sql = once([left.sql, right.sql], (a, b) => {
      const isEqual = equality({ ...left, sql: a }, { ...right, sql: b }, 'function NULLIF', at)
      return `CASE WHEN ${isEqual.sql} THEN NULL ELSE ${a} END`
    })
    return typed(sql, unified.type, at, [left, right])
  },
  SAFE_DIVIDE: (call, at, place) => {
    const [dividend, divisor] = values(call, place, 2) as [Typed, Typed]
    if (![dividend, divisor].every((value) => isNumber(value.type))) {
      throw new SqlFailure('No matching signature for function SAFE_DIVIDE', at)
    }
    if ([dividend, divisor].some((value) => value.type.kind === 'NUMERIC'))
      throw unsupported('SAFE_DIVIDE of NUMERIC', at)
    const [a, b] = [coerce(dividend, FLOAT64)!.sql, coerce(divisor, FLOAT64)!.sql]
    const sql = once([a, b], (left, right) => `(${left} / CASE WHEN ${right} = 0 THEN NULL ELSE ${right} END)`)
    return typed(`bq_safe_finite(${sql})`, FLOAT64, at, [dividend, divisor])
  },
  GREATEST: extreme('greatest'),
  LEAST: extreme('least'),
}
