import { typed, type Place, type Typed, type BuiltAggregate } from './analysis.ts'
import { coerce, unify } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { orderKeys, orderText } from './ordering.ts'
import type { Call, FrameBound, Window } from './syntax.ts'
import { FLOAT64, INT64, isOrderable, typeName } from './types.ts'

const AGGREGATES_OVER: ReadonlySet<string> = new Set([
  'COUNT',
  'COUNTIF',
  'SUM',
  'AVG',
  'MIN',
  'MAX',
  'LOGICAL_AND',
  'LOGICAL_OR',
  'ANY_VALUE',
  'ARRAY_AGG',
  'STRING_AGG',
])
const NUMBERING: Record<string, string> = {
  ROW_NUMBER: 'row_number',
  RANK: 'rank',
  DENSE_RANK: 'dense_rank',
  PERCENT_RANK: 'percent_rank',
  CUME_DIST: 'cume_dist',
}

/** `F(…) OVER (…)`: https://cloud.google.com/bigquery/docs/reference/standard-sql/window-function-calls */
export function windowFunction(
  call: Call,
  at: number,
  place: Place,
  build: (call: Call, at: number, place: Place) => BuiltAggregate,
): Typed {
  if (!place.allowsWindows) throw new SqlFailure(`Analytic function not allowed in ${place.clause}`, at)
  const inner: Place = { ...place, allowsWindows: false, clause: 'analytic function arguments' }
  const over = windowText(call.over!, inner)
  if (AGGREGATES_OVER.has(call.name)) {
    if (call.distinct && call.over!.orderBy.length > 0)
      throw new SqlFailure('Window ORDER BY is not allowed if DISTINCT is specified', at)
    if (call.orderBy.length > 0 || call.limit || call.having)
      throw unsupported(`${call.name} with ORDER BY, LIMIT or HAVING, and OVER`, at)
    const built = build(call, at, inner)
    return typed(built.sql(` OVER (${over})`), built.type, at)
  }
  const ordered = call.over!.orderBy.length > 0
  if (Object.hasOwn(NUMBERING, call.name)) {
    if (!ordered && call.name !== 'ROW_NUMBER')
      throw new SqlFailure(`Window ORDER BY is required for analytic function ${call.name}`, at)
    if (call.over!.frame)
      throw new SqlFailure(`Window framing clause is not allowed for analytic function ${call.name}`, at)
    const type = call.name === 'PERCENT_RANK' || call.name === 'CUME_DIST' ? FLOAT64 : INT64
    return typed(`${NUMBERING[call.name]}() OVER (${over})`, type, at)
  }
  return navigation(call, at, inner, over, ordered)
}

function navigation(call: Call, at: number, place: Place, over: string, ordered: boolean): Typed {
  const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  const [value, second, third] = args
  if (!value) throw new SqlFailure(`No matching signature for analytic function ${call.name}`, at)
  const nulls = call.nulls === 'IGNORE' ? ' IGNORE NULLS' : ''
  switch (call.name) {
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      if (!ordered) throw new SqlFailure(`Window ORDER BY is required for analytic function ${call.name}`, at)
      return typed(`${call.name.toLowerCase()}(${value.sql}${nulls}) OVER (${over})`, value.type, at)
    case 'LAG':
    case 'LEAD': {
      if (!ordered) throw new SqlFailure(`Window ORDER BY is required for analytic function ${call.name}`, at)
      const unified = third ? unify([value, third], `function ${call.name}`, at) : { type: value.type, values: [value] }
      const offset = second ? coerce(second, INT64)?.sql : 'CAST(1 AS BIGINT)'
      if (!offset) throw new SqlFailure(`No matching signature for analytic function ${call.name}`, at)
      const rest = third ? `, ${unified.values[1]!.sql}` : ''
      return typed(
        `${call.name.toLowerCase()}(${unified.values[0]!.sql}, ${offset}${rest}${nulls}) OVER (${over})`,
        unified.type,
        at,
      )
    }
    case 'NTILE': {
      const count = coerce(value, INT64)
      if (!count || !ordered) throw new SqlFailure('Window ORDER BY is required for analytic function NTILE', at)
      return typed(`ntile(${count.sql}) OVER (${over})`, INT64, at)
    }
    default:
      throw unsupported(`the analytic function ${call.name}`, at)
  }
}

function windowText(window: Window, place: Place): string {
  const parts: string[] = []
  if (window.partitionBy.length > 0) {
    const keys = window.partitionBy.map((node) => {
      const key = place.analysis.rules.expression(node, place)
      if (!isOrderable(key.type))
        throw new SqlFailure(`Partitioning by expressions of type ${typeName(key.type)} is not allowed`, key.at)
      return key.sql
    })
    parts.push(`PARTITION BY ${keys.join(', ')}`)
  }
  if (window.orderBy.length > 0) {
    const keys = window.orderBy.flatMap((ordering) =>
      orderKeys(place.analysis.rules.expression(ordering.value, place), ordering),
    )
    if (window.frame?.unit === 'RANGE' && keys.length > 1)
      throw unsupported('a RANGE frame over several keys', window.orderBy[0]!.at)
    parts.push(`ORDER BY ${orderText(keys)}`)
  }
  if (window.frame) {
    const { unit, from, to } = window.frame
    parts.push(`${unit} BETWEEN ${boundText(from, unit, place)} AND ${boundText(to, unit, place)}`)
  }
  return parts.join(' ')
}

function boundText(bound: FrameBound, unit: string, place: Place): string {
  if (bound.kind === 'unboundedPreceding') return 'UNBOUNDED PRECEDING'
  if (bound.kind === 'unboundedFollowing') return 'UNBOUNDED FOLLOWING'
  if (bound.kind === 'currentRow') return 'CURRENT ROW'
  if (bound.kind !== 'preceding' && bound.kind !== 'following') throw unsupported(`the frame bound ${bound.kind}`)
  const amount = coerce(place.analysis.rules.expression(bound.amount, place), INT64)
  if (unit === 'RANGE' || !amount) throw unsupported('a RANGE frame with an offset', bound.amount.at)
  return `${amount.sql} ${bound.kind === 'preceding' ? 'PRECEDING' : 'FOLLOWING'}`
}
