import { typed, type Place, type Relation, type QueryPlace, type Scope, type Typed } from './analysis.ts'
import { analyzeColumns, type OutputColumn } from './analyze-columns.ts'
import { structOf } from './analyze-constructors.ts'
import { analyzeFrom, type Frame } from './analyze-from.ts'
import { coerce } from './coercion.ts'
import { containsAggregate } from './contains-aggregate.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { orderKeys, type OrderKey } from './ordering.ts'
import { narrowScans } from './pruning.ts'
import { noteFilters, partitionsOf } from './required-filters.ts'
import { ungrouped } from './scope.ts'
import type { Expression, Ordering, Select, SelectColumn } from './syntax.ts'
import { BOOL, isOrderable, typeName } from './types.ts'

/** What stands behind a SELECT in its query. */
export interface Tail {
  orderBy: readonly Ordering[]
  /** ` LIMIT … OFFSET …`, or empty. */
  limit: string
}

/**
 * Translates one SELECT with its ORDER BY and LIMIT. A grouped SELECT becomes two: the inner one groups
 * (keys `k0`…, aggregates `a0`…), and the outer one computes, so that each clause has its own scope.
 */
export function analyzeSelect(select: Select, tail: Tail, outer: QueryPlace): Relation {
  const { analysis } = outer
  const frame = select.from && analyzeFrom(select.from, { analysis, parent: outer.parent })
  const scope: Scope = {
    ...(outer.parent ? { parent: outer.parent } : {}),
    sources: frame?.sources ?? [],
    merged: frame?.merged ?? new Map(),
  }
  const place = (clause: string, allowsWindows = false): Place => ({ scope, analysis, clause, allowsWindows })
  if (select.where && !frame)
    throw new SqlFailure('Query without FROM clause cannot have a WHERE clause', select.where.at)
  const where = select.where && condition(select.where, place('WHERE clause'), 'WHERE clause')
  if (select.where) {
    narrowScans(select.where, scope.sources, place('WHERE clause'))
    noteFilters(select.where, scope.sources, place('WHERE clause'))
  }
  const isGrouped = needsGrouping(select, tail)
  if (isGrouped) {
    scope.grouping = { keys: [], aggregates: [], relation: analysis.fresh('g') }
    groupKeys(select, place('GROUP BY clause'))
  }
  const columns = analyzeColumns(select.columns, place('SELECT list', true))
  scope.aliases = aliases(columns)
  const having = select.having && condition(select.having, place('HAVING clause'), 'HAVING clause')
  const qualify = select.qualify && condition(select.qualify, place('QUALIFY clause', true), 'QUALIFY clause')
  const output = select.as ? [rowValue(select.as, columns, select.at)] : columns
  const keys = tail.orderBy.flatMap((ordering) =>
    orderingKeys(ordering, columns, place('ORDER BY clause', true), select.distinct),
  )
  delete scope.aliases
  if (outer.keepOrder && keys.length === 0 && frame?.position && !isGrouped && !select.distinct) {
    keys.push({ sql: frame.position, direction: 'ASC' })
  }
  const body = { select, frame, where, having, qualify, output, scope }
  return assemble(body, keys, tail, outer)
}

function needsGrouping(select: Select, tail: Tail): boolean {
  const expressions = [
    ...select.columns.flatMap((column: SelectColumn) =>
      column.kind === 'item' ? [column.value] : column.replace.map((item) => item.value),
    ),
    ...(select.having ? [select.having] : []),
    ...(select.qualify ? [select.qualify] : []),
    ...tail.orderBy.map((ordering) => ordering.value),
  ]
  return select.groupBy.length > 0 || select.having !== undefined || expressions.some(containsAggregate)
}

function condition(node: Expression, place: Place, clause: string): Typed {
  const value = place.analysis.rules.expression(node, place)
  const converted = coerce(value, BOOL)
  if (!converted)
    throw new SqlFailure(`${clause} should return type BOOL, but returns ${typeName(value.type)}`, value.at)
  return converted
}

/** GROUP BY an expression, a SELECT alias or an ordinal. */
function groupKeys(select: Select, place: Place): void {
  const grouping = place.scope.grouping!
  for (const node of select.groupBy) {
    const target = groupTarget(node, select, place)
    if (containsAggregate(target)) throw new SqlFailure('Aggregate functions are not allowed in GROUP BY', target.at)
    const value = ungrouped(place, (raw) => place.analysis.rules.expression(target, raw))
    if (!isOrderable(value.type)) {
      throw new SqlFailure(`Grouping by expressions of type ${typeName(value.type)} is not allowed`, node.at)
    }
    if (grouping.keys.some((key) => key.sql === value.sql)) continue
    const name = `${grouping.relation}.k${grouping.keys.length}`
    grouping.keys.push({ sql: value.sql, result: typed(name, value.type, node.at) })
  }
}

function groupTarget(node: Expression, select: Select, place: Place): Expression {
  const items = select.columns
  if (node.kind === 'literal' && node.value.type === 'INT64') {
    if (items.some((item) => item.kind === 'star')) throw unsupported('GROUP BY an ordinal beside a star', node.at)
    const item = items[Number(node.value.value) - 1]
    if (item?.kind !== 'item')
      throw new SqlFailure(`GROUP BY is out of SELECT column number range: ${node.value.value}`, node.at)
    return item.value
  }
  if (node.kind !== 'name') return node
  const item = items.find(
    (candidate) => candidate.kind === 'item' && candidate.alias?.toLowerCase() === node.name.toLowerCase(),
  )
  if (
    item?.kind !== 'item' ||
    (item.value.kind === 'name' && item.value.name.toLowerCase() === node.name.toLowerCase())
  )
    return node
  const isColumn =
    place.scope.merged.has(node.name.toLowerCase()) ||
    place.scope.sources.some((source) =>
      source.columns.some((column) => column.name?.toLowerCase() === node.name.toLowerCase()),
    )
  return isColumn && containsAggregate(item.value) ? node : item.value
}

function aliases(columns: readonly OutputColumn[]): Map<string, Typed> {
  const found = new Map<string, Typed>()
  for (const { name, value } of columns)
    if (name !== null && !found.has(name.toLowerCase())) found.set(name.toLowerCase(), value)
  return found
}

/** SELECT AS STRUCT makes one value of the row; SELECT AS VALUE takes its only column. */
function rowValue(as: 'STRUCT' | 'VALUE', columns: readonly OutputColumn[], at: number): OutputColumn {
  if (as === 'VALUE') {
    if (columns.length !== 1) throw new SqlFailure('SELECT AS VALUE query must have exactly one column', at)
    return { name: null, value: columns[0]!.value }
  }
  const fields = columns.map(({ name, value }) => ({ name, type: value.type }))
  return {
    name: null,
    value: structOf(
      fields,
      columns.map(({ value }) => value),
      at,
    ),
  }
}

interface Key extends OrderKey {
  /** The output column the key is, when it is one. */
  column?: number
  volatile?: boolean
}

function orderingKeys(ordering: Ordering, columns: readonly OutputColumn[], place: Place, distinct: boolean): Key[] {
  const { value: node } = ordering
  let index = -1
  if (node.kind === 'literal' && node.value.type === 'INT64') {
    index = Number(node.value.value) - 1
    if (!columns[index])
      throw new SqlFailure(`ORDER BY is out of SELECT column number range: ${node.value.value}`, node.at)
  } else if (node.kind === 'name') {
    const matches = columns.flatMap(({ name }, position) =>
      name?.toLowerCase() === node.name.toLowerCase() ? [position] : [],
    )
    if (matches.length > 1) throw new SqlFailure(`Column name ${node.name} is ambiguous`, node.at)
    index = matches[0] ?? -1
  }
  if (index < 0 && distinct) return afterDistinct(ordering, columns, place)
  const value = index >= 0 ? columns[index]!.value : place.analysis.rules.expression(node, place)
  if (index < 0) index = columns.findIndex((column) => column.value.sql === value.sql)
  if (value.volatile && index < 0) return orderKeys(value, ordering)
  const asColumn = (sql: string): Key[] =>
    orderKeys({ ...value, sql }, ordering).map((key) => ({ ...key, column: index, volatile: value.volatile ?? false }))
  return distinct || value.volatile ? asColumn(`d.c${index}`) : orderKeys(value, ordering)
}

/** Behind SELECT DISTINCT only the output's columns can be sorted by, or expressions over them. */
function afterDistinct(ordering: Ordering, columns: readonly OutputColumn[], place: Place): Key[] {
  const { parent } = place.scope
  const output = columns.map(({ name, value }, index) => ({ name, sql: `d.c${index}`, type: value.type }))
  const scope: Scope = { ...(parent ? { parent } : {}), sources: [{ alias: null, columns: output }], merged: new Map() }
  return orderKeys(place.analysis.rules.expression(ordering.value, { ...place, scope }), ordering).map((key) => ({
    ...key,
    column: -1,
  }))
}

interface Body {
  select: Select
  frame: Frame | undefined
  where: Typed | undefined
  having: Typed | undefined
  qualify: Typed | undefined
  output: OutputColumn[]
  scope: Scope
}

function assemble(body: Body, keys: Key[], tail: Tail, outer: QueryPlace): Relation {
  const { select, output, scope } = body
  if (select.distinct) {
    const bad = output.find(({ value }) => !isOrderable(value.type))
    if (bad)
      throw new SqlFailure(
        `Column ${bad.name ?? ''} of type ${typeName(bad.value.type)} cannot be used in SELECT DISTINCT`,
        select.at,
      )
  }
  const list = output.map(({ value }, index) => `${value.sql} AS c${index}`).join(', ')
  const core = `SELECT ${select.distinct ? 'DISTINCT ' : ''}`
  const rest = `${source(body)}${body.qualify ? ` QUALIFY ${body.qualify.sql}` : ''}`
  // A filter around these would change which rows they see.
  const isPlain = !select.distinct && !body.qualify && !scope.grouping && tail.limit === ''
  const columns = output.map(({ name, value }) => {
    const partitions = isPlain ? partitionsOf(value, scope) : undefined
    return {
      name,
      type: value.type,
      ...(value.literal ? { literal: value.literal } : {}),
      ...(partitions ? { partitions } : {}),
    }
  })
  const needsWrap = select.distinct || keys.some((key) => key.column !== undefined)
  const kept = outer.keepOrder ? keys : []
  const orderColumns = kept.map((key, index) => `, ${key.sql} AS o${index}`).join('')
  const orderBy = keys.length > 0 ? ` ORDER BY ${keys.map((key) => `${key.sql} ${key.direction}`).join(', ')}` : ''
  const sql =
    needsWrap && (keys.length > 0 || tail.limit)
      ? `SELECT d.*${orderColumns} FROM (${core}${list}${rest}) AS d${orderBy}${tail.limit}`
      : `${core}${list}${orderColumns}${rest}${orderBy}${tail.limit}`
  return {
    sql,
    columns,
    isValue: select.as !== undefined,
    order: kept.map((key, index) => `o${index} ${key.direction}`),
  }
}

function source({ frame, where, having, scope }: Body): string {
  const from = frame ? ` FROM ${frame.sql}` : ''
  const filter = where ? ` WHERE ${where.sql}` : ''
  const { grouping } = scope
  if (!grouping) return `${from}${filter}`
  const keys = grouping.keys.map((key, index) => `${key.sql} AS k${index}`)
  const aggregates = grouping.aggregates.map((aggregate) => `${aggregate.sql} AS ${aggregate.name}`)
  const list = [...keys, ...aggregates]
  const groupBy = keys.length > 0 ? ` GROUP BY ${keys.map((_, index) => index + 1).join(', ')}` : ''
  const inner = `SELECT ${list.length > 0 ? list.join(', ') : 'count(*) AS a0'}${from}${filter}${groupBy}`
  return ` FROM (${inner}) AS ${grouping.relation}${having ? ` WHERE ${having.sql}` : ''}`
}
