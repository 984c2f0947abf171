import { typed, type Place, type QueryPlace, type Relation, type Typed } from './analysis.ts'
import { checkResolvedLength } from './bounds.ts'
import { analyzeSelect } from './analyze-select.ts'
import { unify } from './coercion.ts'
import { SqlFailure } from './failure.ts'
import { orderKeys } from './ordering.ts'
import { newScope } from './scope.ts'
import type { Expression, Query, QueryBody } from './syntax.ts'
import { isOrderable, typeName } from './types.ts'

/** Translates a query: its WITH clause, its body, its order and its limit. */
export function analyzeQuery(query: Query, outer: QueryPlace): Relation {
  const { analysis } = outer
  const definitions: string[] = []
  const hidden = new Map(analysis.named)
  const repeated = repeatedNames(query.with.map(({ name }) => name.toLowerCase()))
  for (const { name, query: inner, at } of query.with) {
    if (repeated.has(name.toLowerCase())) {
      throw new SqlFailure(`Duplicate alias ${name} for WITH subquery`, at)
    }
    const plan = analyzeQuery(inner, { analysis, ...(outer.parent ? { parent: outer.parent } : {}) })
    const relation = analysis.fresh('w')
    definitions.push(`${relation} AS (${plan.sql})`)
    analysis.named.set(name.toLowerCase(), { relation, plan })
  }
  const plan = body(query, outer)
  analysis.named.clear()
  for (const [name, named] of hidden) analysis.named.set(name, named)
  const prefix = definitions.length > 0 ? `WITH ${definitions.join(', ')} ` : ''
  checkResolvedLength(plan.sql, query.at)
  return { ...plan, sql: `${prefix}${plan.sql}` }
}

function repeatedNames(names: readonly string[]): Set<string> {
  const seen = new Set<string>()
  return new Set(names.filter((name) => seen.size === seen.add(name).size))
}

function body(query: Query, outer: QueryPlace): Relation {
  const limit = limitText(query, outer)
  if (query.body.kind === 'select') return analyzeSelect(query.body.select, { orderBy: query.orderBy, limit }, outer)
  if (query.body.kind === 'parenthesized' && query.orderBy.length === 0 && limit === '')
    return analyzeQuery(query.body.query, outer)
  const plan = operand(query.body, outer)
  if (query.orderBy.length === 0 && limit === '') return plan
  return ordered(plan, query, limit, outer)
}

function operand(part: QueryBody, outer: QueryPlace): Relation {
  const place = { analysis: outer.analysis, ...(outer.parent ? { parent: outer.parent } : {}) }
  if (part.kind === 'select') return analyzeSelect(part.select, { orderBy: [], limit: '' }, place)
  if (part.kind === 'parenthesized') return analyzeQuery(part.query, place)
  return setOperation(part, place)
}

/** UNION, INTERSECT and EXCEPT: columns by position, names of the first, types common to all. */
function setOperation(node: QueryBody & { kind: 'set' }, outer: QueryPlace): Relation {
  const plans = node.inputs.map((input) => operand(input, outer))
  const [first] = plans as [Relation]
  const what = `${node.operator} ${node.distinct ? 'DISTINCT' : 'ALL'}`
  if (plans.some((plan) => plan.columns.length !== first.columns.length)) {
    const other = plans.findIndex((plan) => plan.columns.length !== first.columns.length)
    const count = (index: number): string =>
      `query ${index + 1} has ${plans[index]!.columns.length} column${plans[index]!.columns.length === 1 ? '' : 's'}`
    throw new SqlFailure(`Queries in ${what} have mismatched column count; ${count(0)}, ${count(other)}`, node.at)
  }
  const relations = plans.map(() => outer.analysis.fresh('u'))
  const columns = first.columns.map((column, index) => {
    const inputs = plans.map((plan, input): Typed => {
      const { type, literal } = plan.columns[index]!
      return { ...typed(`${relations[input]}.c${index}`, type, node.at), ...(literal ? { literal } : {}) }
    })
    const unified = unify(
      inputs,
      what,
      node.at,
      (names) => `Column ${index + 1} in ${what} has incompatible types: ${names}`,
    )
    if (node.distinct && !isOrderable(unified.type)) {
      throw new SqlFailure(
        `Column ${index + 1} in ${what} has type ${typeName(unified.type)} that does not support set operation comparisons`,
        node.at,
      )
    }
    return { name: column.name, ...unified }
  })
  const parts = plans.map((plan, input) => {
    const list = columns.map((column, index) => `${column.values[input]!.sql} AS c${index}`).join(', ')
    return `SELECT ${list} FROM (${plan.sql}) AS ${relations[input]}`
  })
  const operator = ` ${node.operator}${node.distinct ? '' : ' ALL'} `
  return {
    sql: parts.join(operator),
    columns: columns.map(({ name, type }) => ({ name, type })),
    isValue: false,
    order: [],
  }
}

/** ORDER BY behind a set operation sees the output columns only. */
function ordered(plan: Relation, query: Query, limit: string, outer: QueryPlace): Relation {
  const scope = newScope(outer.parent)
  scope.sources = [
    {
      alias: null,
      columns: plan.columns.map((column, index) => ({ name: column.name, sql: `q.c${index}`, type: column.type })),
    },
  ]
  const place: Place = { scope, analysis: outer.analysis, clause: 'ORDER BY clause after a set operation' }
  const keys = query.orderBy.flatMap((ordering) => orderKeys(orderValue(ordering.value, plan, place), ordering))
  const kept = outer.keepOrder ? keys : []
  const orderBy = keys.length > 0 ? ` ORDER BY ${keys.map((key) => `${key.sql} ${key.direction}`).join(', ')}` : ''
  const extra = kept.map((key, index) => `, ${key.sql} AS o${index}`).join('')
  return {
    ...plan,
    sql: `SELECT q.*${extra} FROM (${plan.sql}) AS q${orderBy}${limit}`,
    order: kept.map((key, index) => `o${index} ${key.direction}`),
  }
}

function orderValue(node: Expression, plan: Relation, place: Place): Typed {
  if (node.kind === 'literal' && node.value.type === 'INT64') {
    const index = Number(node.value.value) - 1
    const column = plan.columns[index]
    if (!column) throw new SqlFailure(`ORDER BY column number item is out of range`, node.at)
    return typed(`q.c${index}`, column.type, node.at)
  }
  return place.analysis.rules.expression(node, place)
}

function limitText(query: Query, { analysis, parent }: QueryPlace): string {
  const count = (node: Expression, what: string): bigint => {
    const value = analysis.rules.expression(node, { scope: newScope(parent), analysis, clause: `${what} clause` })
    if (value.literal?.type !== 'INT64' || value.literal.value < 0n) {
      throw new SqlFailure(`${what} expects a non-negative integer literal or parameter`, node.at)
    }
    return value.literal.value
  }
  if (!query.limit) return ''
  const offset = query.offset ? ` OFFSET ${count(query.offset, 'OFFSET')}` : ''
  return ` LIMIT ${count(query.limit, 'LIMIT')}${offset}`
}
