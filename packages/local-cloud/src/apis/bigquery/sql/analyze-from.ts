import {
  typed,
  type Analysis,
  type Column,
  type NamedQuery,
  type Place,
  type Relation,
  type Scan,
  type Scope,
  type Source,
  type Typed,
} from './analysis.ts'
import { coerce, unify } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { parseOnlyQuery } from './parse-statement.ts'
import { isRangeVariable } from './scope.ts'
import type { Expression, FromItem } from './syntax.ts'
import { BOOL, INT64, isOrderable, typeName } from './types.ts'

/** A FROM clause so far: DuckDB's text, and the names it brings. */
export interface Frame {
  sql: string
  sources: Source[]
  merged: Map<string, Column>
  /** For UNNEST standing alone: its element's position, to keep an array's order. */
  position?: string
}

interface Surroundings {
  analysis: Analysis
  parent: Scope | undefined
}

const EMPTY: Frame = { sql: '', sources: [], merged: new Map() }

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#from_clause */
export function analyzeFrom(item: FromItem, around: Surroundings): Frame {
  const frame = fromItem(item, EMPTY, around)
  const aliases = frame.sources.flatMap((source) => (source.alias === null ? [] : [source.alias.toLowerCase()]))
  const repeated = aliases.find((alias, index) => aliases.indexOf(alias) !== index)
  if (repeated !== undefined) throw new SqlFailure(`Duplicate table alias ${repeated} in the same FROM clause`, item.at)
  return frame
}

/** `left` is what stands before the item: an array path or UNNEST may refer to it. */
function fromItem(item: FromItem, left: Frame, around: Surroundings): Frame {
  switch (item.kind) {
    case 'table':
      return table(item, left, around)
    case 'query': {
      const plan = around.analysis.rules.query(item.query, {
        analysis: around.analysis,
        ...(around.parent ? { parent: around.parent } : {}),
      })
      return relation(`(${plan.sql})`, plan, item.alias, around.analysis)
    }
    case 'unnest':
      return unnest(item.array, item.alias, item.offset, left, around)
    case 'join':
      return join(item, left, around)
  }
}

function scopeOf(frame: Frame, around: Surroundings): Scope {
  return { ...(around.parent ? { parent: around.parent } : {}), sources: frame.sources, merged: frame.merged }
}

function table(item: FromItem & { kind: 'table' }, left: Frame, around: Surroundings): Frame {
  const { analysis } = around
  const [first, ...rest] = item.path as [string, ...string[]]
  const name = item.alias ?? item.path.at(-1)!
  if (rest.length > 0 && isRangeVariable(first, scopeOf(left, around))) {
    const path = rest.reduce<Expression>(
      (base, field) => ({ kind: 'dot', at: item.at, base, field, fieldAt: item.at }),
      { kind: 'name', at: item.at, name: first },
    )
    return unnest(path, name, null, left, around)
  }
  const named: NamedQuery | undefined = rest.length === 0 ? analysis.named.get(first.toLowerCase()) : undefined
  if (named) return relation(named.relation, named.plan, name, analysis)
  const found = analysis.catalog.table(item.path, item.at)
  if (found.kind === 'view') {
    const plan = viewPlan(found.key, found.query, item.at, analysis)
    return relation(`(${plan.sql})`, plan, name, analysis)
  }
  const alias = analysis.fresh('t')
  const parts = (found.parts ?? [{ key: found.key, places: undefined }]).map(({ key, places }) => {
    const read = analysis.columnsRead.get(key) ?? new Set<number>()
    analysis.columnsRead.set(key, read)
    return { read, places }
  })
  const { required } = found
  const scan: Scan = {
    column: found.partitionedBy === undefined ? undefined : `${alias}.c${found.partitionedBy}`,
    ranges: undefined,
    requires: required,
  }
  const columns = found.columns.map((column, index): Column => ({
    name: column.name,
    sql: `${alias}.c${index}`,
    type: column.type,
    onUse: () => {
      for (const { read, places } of parts) {
        const place = places ? places[index] : index
        if (place !== undefined) read.add(place)
      }
    },
    ...(required?.column === index ? { partitions: scan } : {}),
  }))
  const pseudocolumns = (found.pseudocolumns ?? []).map((column): Column => ({
    name: column.name,
    sql: column.sql(alias),
    type: column.type,
    ...(required && required.column === undefined ? { partitions: scan } : {}),
  }))
  analysis.scans.set(found.key, [...(analysis.scans.get(found.key) ?? []), scan])
  const source = { alias: name, columns, pseudocolumns, scan }
  return { sql: `${found.relation} AS ${alias}`, sources: [source], merged: new Map() }
}

/** How deep views may refer to views: https://cloud.google.com/bigquery/quotas#view_limits */
const MAX_VIEW_DEPTH = 16

/** A view's query, with names of its own: nothing of the statement around it is visible in it. */
function viewPlan(key: string, query: string, at: number, analysis: Analysis): Relation {
  if (analysis.viewDepth >= MAX_VIEW_DEPTH) throw new SqlFailure(`Too many nested views`, at)
  analysis.views.add(key)
  const inside: Analysis = {
    ...analysis,
    named: new Map(),
    namedParameters: new Map(),
    positionalParameters: [],
    viewDepth: analysis.viewDepth + 1,
  }
  try {
    return analysis.rules.query(parseOnlyQuery(query), { analysis: inside })
  } catch (error) {
    // The place of an error inside a view is no place in this statement.
    if (error instanceof SqlFailure) throw new SqlFailure(`${error.message} (in view ${key})`, at, error.reason)
    throw error
  }
}

/** A subquery, view or WITH query as a FROM item. */
function relation(sql: string, plan: Relation, name: string | null, analysis: Analysis): Frame {
  const alias = analysis.fresh('t')
  const [first] = plan.columns
  if (plan.isValue && first) {
    return {
      sql: `${sql} AS ${alias}`,
      sources: [elementSource(name, `${alias}.c0`, typed('', first.type, 0))],
      merged: new Map(),
    }
  }
  const columns = plan.columns.map((column, index): Column => ({
    name: column.name,
    sql: `${alias}.c${index}`,
    type: column.type,
    ...(column.partitions ? { partitions: column.partitions } : {}),
  }))
  return { sql: `${sql} AS ${alias}`, sources: [{ alias: name, columns }], merged: new Map() }
}

/** A value per row: the alias names it, and the fields of a STRUCT can be named directly. */
function elementSource(name: string | null, sql: string, { type }: Typed): Source {
  const columns =
    type.kind === 'STRUCT'
      ? type.fields.map((field, index): Column => ({
          name: field.name,
          sql: `struct_extract(${sql}, 'f${index}')`,
          type: field.type,
        }))
      : [{ name, sql, type }]
  return { alias: name, columns, element: { name, sql, type } }
}

function unnest(
  node: Expression,
  name: string | null,
  offset: string | null,
  left: Frame,
  around: Surroundings,
): Frame {
  const place: Place = { scope: scopeOf(left, around), analysis: around.analysis, clause: 'UNNEST' }
  const array = around.analysis.rules.expression(node, place)
  if (array.type.kind !== 'ARRAY') {
    throw new SqlFailure(
      `Values referenced in UNNEST must be arrays. UNNEST contains expression of type ${typeName(array.type)}`,
      array.at,
    )
  }
  if (array.volatile) throw unsupported('UNNEST of an expression that differs with each evaluation', array.at)
  const alias = around.analysis.fresh('t')
  const sql = `LATERAL (SELECT unnest(${array.sql}) AS c0, CAST(generate_subscripts(${array.sql}, 1) - 1 AS BIGINT) AS o) AS ${alias}`
  const sources = [elementSource(name, `${alias}.c0`, typed('', array.type.element, 0))]
  if (offset !== null) sources.push({ alias: null, columns: [{ name: offset, sql: `${alias}.o`, type: INT64 }] })
  return {
    sql: left.sql === '' ? sql.slice('LATERAL '.length) : sql,
    sources,
    merged: new Map(),
    position: `${alias}.o`,
  }
}

const JOIN_TEXT = {
  INNER: 'JOIN',
  LEFT: 'LEFT JOIN',
  RIGHT: 'RIGHT JOIN',
  FULL: 'FULL JOIN',
  CROSS: 'CROSS JOIN',
  COMMA: 'CROSS JOIN',
}

function join(item: FromItem & { kind: 'join' }, before: Frame, around: Surroundings): Frame {
  const left = fromItem(item.left, before, around)
  const visible: Frame = { sql: left.sql, sources: [...before.sources, ...left.sources], merged: left.merged }
  const right = fromItem(item.right, visible, around)
  const both: Frame = {
    sql: '',
    sources: [...left.sources, ...right.sources],
    merged: new Map([...left.merged, ...right.merged]),
  }
  const isLateral = right.sql.startsWith('LATERAL ')
  if (isLateral && (item.type === 'RIGHT' || item.type === 'FULL')) {
    throw unsupported(`${item.type} JOIN of an array`, item.at)
  }
  const rightSql = item.right.kind === 'join' ? `(${right.sql})` : right.sql
  let condition: string | undefined
  if (item.using) condition = using(item, left, right, both)
  else if (item.on) condition = onCondition(item.on, both, around)
  else if (isLateral && item.type === 'LEFT') condition = 'true'
  else if (item.type === 'INNER' && isLateral) condition = undefined
  else if (item.type !== 'CROSS' && item.type !== 'COMMA') {
    throw new SqlFailure(`${item.type} JOIN must have an immediately following ON or USING clause`, item.at)
  }
  const text = condition === undefined ? 'CROSS JOIN' : JOIN_TEXT[item.type]
  both.sql = `${left.sql} ${text} ${rightSql}${condition === undefined ? '' : ` ON ${condition}`}`
  return both
}

function onCondition(node: Expression, both: Frame, around: Surroundings): string {
  const place: Place = { scope: scopeOf(both, around), analysis: around.analysis, clause: 'JOIN ON clause' }
  const value = around.analysis.rules.expression(node, place)
  const condition = coerce(value, BOOL)
  if (!condition)
    throw new SqlFailure(`JOIN ON clause should return type BOOL, but returns ${typeName(value.type)}`, value.at)
  return condition.sql
}

/** USING merges a column of either side into one (https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_clause). */
function using(item: FromItem & { kind: 'join' }, left: Frame, right: Frame, both: Frame): string {
  const conditions = item.using!.map(({ name, at }) => {
    const [a, b] = [joinColumn(name, at, left, 'left'), joinColumn(name, at, right, 'right')]
    const { type, values } = unify([typed(a.sql, a.type, at), typed(b.sql, b.type, at)], 'operator =', at)
    if (!isOrderable(type) || type.kind === 'FLOAT64') throw unsupported(`USING a column of type ${typeName(type)}`, at)
    const [first, second] = values as [Typed, Typed]
    const sql = item.type === 'RIGHT' ? b.sql : item.type === 'FULL' ? `coalesce(${first.sql}, ${second.sql})` : a.sql
    const onUse = (): void => {
      a.onUse?.()
      b.onUse?.()
    }
    onUse()
    const merged = { name, sql, type: item.type === 'RIGHT' ? b.type : item.type === 'FULL' ? type : a.type, onUse }
    both.merged.set(name.toLowerCase(), merged)
    return `${first.sql} = ${second.sql}`
  })
  return conditions.join(' AND ')
}

function joinColumn(name: string, at: number, side: Frame, which: 'left' | 'right'): Column {
  const merged = side.merged.get(name.toLowerCase())
  if (merged) return merged
  const columns = side.sources
    .flatMap((source) => source.columns)
    .filter((column) => column.name?.toLowerCase() === name.toLowerCase())
  if (columns.length > 1)
    throw new SqlFailure(`Column ${name} in USING clause is ambiguous on ${which} side of join`, at)
  if (!columns[0]) throw new SqlFailure(`Column ${name} in USING clause not found on ${which} side of join`, at)
  return columns[0]
}
