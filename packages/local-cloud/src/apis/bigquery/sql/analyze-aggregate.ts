import { type BuiltAggregate, typed, type Place, type Typed } from './analysis.ts'
import { coerce } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { AGGREGATE_NAMES } from './functions/names.ts'
import { orderKeys, orderText } from './ordering.ts'
import { ungrouped } from './scope.ts'
import type { Call } from './syntax.ts'
import { arrayOf, BOOL, BYTES, FLOAT64, INT64, isOrderable, STRING, typeName, type SqlType } from './types.ts'
import { windowFunction } from './analyze-window.ts'

/** A call of an aggregate or window function. Aggregates become columns of the grouped subquery. */
export function aggregateCall(call: Call, at: number, place: Place): Typed {
  if (call.over) return windowFunction(call, at, place, build)
  if (!AGGREGATE_NAMES.has(call.name))
    throw new SqlFailure(`Analytic function ${call.name} cannot be called without an OVER clause`, at)
  const { grouping } = place.scope
  if (place.insideAggregate && !grouping) throw new SqlFailure('Aggregations of aggregations are not allowed', at)
  if (!grouping)
    throw new SqlFailure(`Aggregate function ${call.star ? 'COUNT(*)' : call.name} not allowed in ${place.clause}`, at)
  const built = ungrouped(place, (raw) => build(call, at, raw))
  const sql = built.sql('')
  const existing = built.volatile ? undefined : grouping.aggregates.find((aggregate) => aggregate.sql === sql)
  const name = existing?.name ?? `a${grouping.aggregates.length}`
  if (!existing) grouping.aggregates.push({ sql, name, type: built.type })
  return typed(`${grouping.relation}.${name}`, built.type, at)
}

/** Translates an aggregate's arguments and modifiers. https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions */
function build(call: Call, at: number, place: Place): BuiltAggregate {
  const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  const volatile = args.some((arg) => arg.volatile)
  const result = (type: SqlType, sql: (over: string) => string): BuiltAggregate => ({ type, volatile, sql })
  const [value] = args
  refuseModifiers(call, at)
  if (call.star) {
    if (call.name !== 'COUNT') throw new SqlFailure(`Argument * can only be used in COUNT(*), not in ${call.name}`, at)
    return result(INT64, (over) => `count(*)${over}`)
  }
  if (!value) throw new SqlFailure(`No matching signature for aggregate function ${call.name} with no arguments`, at)
  const distinct = call.distinct ? 'DISTINCT ' : ''
  if (call.distinct && !isOrderable(value.type)) {
    throw new SqlFailure(
      `Aggregate functions with DISTINCT cannot be used with arguments of type ${typeName(value.type)}`,
      at,
    )
  }
  const mismatch = (): SqlFailure =>
    new SqlFailure(
      `No matching signature for aggregate function ${call.name} for argument types: ${args.map((arg) => typeName(arg.type)).join(', ')}`,
      at,
    )
  const { sql } = value
  switch (call.name) {
    case 'COUNT':
      return result(INT64, (over) => `count(${distinct}${sql})${over}`)
    case 'COUNTIF':
      if (!coerce(value, BOOL) || call.distinct) throw mismatch()
      return result(INT64, (over) => `count(CASE WHEN ${sql} THEN 1 END)${over}`)
    case 'LOGICAL_AND':
    case 'LOGICAL_OR':
      if (!coerce(value, BOOL)) throw mismatch()
      return result(BOOL, (over) => `bool_${call.name === 'LOGICAL_AND' ? 'and' : 'or'}(${sql})${over}`)
    case 'SUM':
      if (value.type.kind === 'INT64') return result(INT64, (over) => `CAST(sum(${distinct}${sql})${over} AS BIGINT)`)
      if (value.type.kind === 'FLOAT64') return result(FLOAT64, (over) => `bq_finite(sum(${distinct}${sql})${over})`)
      if (value.type.kind === 'NUMERIC')
        return result(value.type, (over) => `CAST(sum(${distinct}${sql})${over} AS DECIMAL(38,9))`)
      throw mismatch()
    case 'AVG':
      if (value.type.kind === 'INT64' || value.type.kind === 'FLOAT64')
        return result(FLOAT64, (over) => `avg(${distinct}${sql})${over}`)
      if (value.type.kind === 'NUMERIC') throw unsupported('AVG of NUMERIC', at)
      throw mismatch()
    case 'BIT_AND':
    case 'BIT_OR':
    case 'BIT_XOR':
      if (value.type.kind !== 'INT64') throw mismatch()
      return result(INT64, (over) => `${call.name.toLowerCase()}(${distinct}${sql})${over}`)
    case 'MIN':
    case 'MAX':
      return result(value.type, extreme(call.name, value, at))
    case 'ANY_VALUE':
      return result(value.type, anyValue(call, value, place))
    case 'MAX_BY':
    case 'MIN_BY': {
      if (args.length !== 2) throw mismatch()
      return result(
        value.type,
        (over) => `arg_${call.name.slice(0, 3).toLowerCase()}_null(${sql}, ${args[1]!.sql})${over}`,
      )
    }
    case 'ARRAY_AGG':
      if (value.type.kind === 'ARRAY')
        throw new SqlFailure('The argument to ARRAY_AGG must not be an array type but was ' + typeName(value.type), at)
      return result(arrayOf(value.type), list(call, value, place, false))
    case 'STRING_AGG':
      return stringAgg(call, args, at, place, result)
    default:
      throw unsupported(`the aggregate function ${call.name}`, at)
  }
}

const ORDERED: ReadonlySet<string> = new Set(['ARRAY_AGG', 'STRING_AGG'])

function refuseModifiers(call: Call, at: number): void {
  const refuse = (what: string): never => {
    throw new SqlFailure(`${what} is not supported in function ${call.name}`, at)
  }
  // It takes ORDER BY and LIMIT, where there is one.
  if (call.name === 'ARRAY_CONCAT_AGG') throw unsupported(`the aggregate function ${call.name}`, at)
  if (call.nulls && call.name !== 'ARRAY_AGG') refuse(`${call.nulls} NULLS`)
  if (call.orderBy.length > 0 && !ORDERED.has(call.name)) refuse('ORDER BY')
  if (call.limit && !ORDERED.has(call.name)) refuse('LIMIT')
  if (call.having && call.name !== 'ANY_VALUE') throw unsupported(`HAVING ${call.having.extreme} in ${call.name}`, at)
}

/** A NaN among the values is the answer (https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#max). */
function extreme(name: string, value: Typed, at: number): (over: string) => string {
  if (!isOrderable(value.type)) {
    throw new SqlFailure(`${name} is not defined for arguments of type ${typeName(value.type)}`, at)
  }
  const plain = name.toLowerCase()
  if (value.type.kind !== 'FLOAT64') return (over) => `${plain}(${value.sql})${over}`
  return (over) =>
    `CASE WHEN coalesce(bool_or(isnan(${value.sql}))${over}, false) THEN CAST('nan' AS DOUBLE) ELSE ${plain}(${value.sql})${over} END`
}

function anyValue(call: Call, value: Typed, place: Place): (over: string) => string {
  if (!call.having) return (over) => `any_value(${value.sql})${over}`
  const by = place.analysis.rules.expression(call.having.by, place)
  if (!isOrderable(by.type))
    throw new SqlFailure(`HAVING ${call.having.extreme} does not support ${typeName(by.type)}`, by.at)
  if (by.type.kind === 'FLOAT64') {
    const keys = orderText(orderKeys(by, { descending: call.having.extreme === 'MAX', at: by.at }))
    return (over) => `(list(${value.sql} ORDER BY ${keys}) FILTER (${by.sql} IS NOT NULL)${over})[1]`
  }
  return (over) => `arg_${call.having!.extreme.toLowerCase()}_null(${value.sql}, ${by.sql})${over}`
}

/** `list(…)`, ordered, without NULLs for IGNORE NULLS, cut to LIMIT. */
function list(call: Call, value: Typed, place: Place, dropNulls: boolean): (over: string) => string {
  const keys = call.orderBy.flatMap((ordering) =>
    orderKeys(place.analysis.rules.expression(ordering.value, place), ordering),
  )
  const order = keys.length > 0 ? ` ORDER BY ${orderText(keys)}` : ''
  const filter = dropNulls || call.nulls === 'IGNORE' ? ` FILTER (${value.sql} IS NOT NULL)` : ''
  if (call.distinct && keys.some((key) => key.sql !== value.sql && !key.sql.startsWith('CASE WHEN '))) {
    throw new SqlFailure(
      'An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY expressions that are arguments to the function',
      value.at,
    )
  }
  const cut = call.limit ? `[1:${limit(call, place)}]` : ''
  return (over) => {
    const all = `list(${call.distinct ? 'DISTINCT ' : ''}${value.sql}${order})${filter}${over}`
    return cut ? `(${all})${cut}` : all
  }
}

function limit(call: Call, place: Place): bigint {
  const value = place.analysis.rules.expression(call.limit!, place)
  if (value.literal?.type !== 'INT64' || value.literal.value < 0n)
    throw new SqlFailure('Limit must be a non-negative integer literal or parameter', value.at)
  return value.literal.value
}

function stringAgg(
  call: Call,
  args: Typed[],
  at: number,
  place: Place,
  result: (type: SqlType, sql: (over: string) => string) => BuiltAggregate,
): BuiltAggregate {
  const [value, separator] = args
  if (value!.type.kind === BYTES.kind) throw unsupported('STRING_AGG of BYTES', at)
  if (value!.type.kind !== 'STRING')
    throw new SqlFailure(
      `No matching signature for aggregate function STRING_AGG for argument types: ${typeName(value!.type)}`,
      at,
    )
  if (separator && separator.literal?.type !== 'STRING')
    throw new SqlFailure('Argument 2 to STRING_AGG must be a literal or query parameter', separator.at)
  const build = list(call, value!, place, true)
  return result(STRING, (over) => `array_to_string(${build(over)}, ${separator?.sql ?? `','`})`)
}
