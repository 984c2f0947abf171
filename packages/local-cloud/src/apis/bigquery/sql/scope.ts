import { typed, type Column, type Place, type Scope, type Source, type Typed } from './analysis.ts'
import { SqlFailure, unsupported } from './failure.ts'
import type { SqlType } from './types.ts'

export function newScope(parent?: Scope): Scope {
  return { ...(parent ? { parent } : {}), sources: [], merged: new Map() }
}

const sameName = (left: string | null, right: string): boolean =>
  left !== null && left.toLowerCase() === right.toLowerCase()

const indexes = new WeakMap<readonly Column[], Map<string, Column[]>>()

/** The columns of a name, which a table has up to 10,000 of. */
function columnsNamed(columns: readonly Column[], name: string): readonly Column[] {
  let index = indexes.get(columns)
  if (!index) {
    index = Map.groupBy(columns, (column) => column.name?.toLowerCase() ?? '')
    indexes.set(columns, index)
  }
  return index.get(name.toLowerCase()) ?? []
}

/**
 * Finds the meaning of a bare name: a SELECT alias where those are visible, else a FROM item's alias
 * (which stands for its whole row), else a column; inner queries before outer ones.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_aliases
 */
export function resolveName(name: string, at: number, place: Place): Typed {
  for (let scope: Scope | undefined = place.scope; scope; scope = scope.parent) {
    const found = inScope(name, at, scope, place)
    if (found) return found
  }
  if (hasPartitions(place.scope) && /^_PARTITION(?:DATE|_LOAD_TIME)$/i.test(name))
    throw unsupported(`the pseudocolumn ${name}`, at)
  throw new SqlFailure(`Unrecognized name: ${name}`, at)
}

/** Whether a FROM item is partitioned by ingestion: it may have more pseudocolumns than are emulated. */
function hasPartitions({ sources }: Scope): boolean {
  return sources.some(({ pseudocolumns = [] }) => columnsNamed(pseudocolumns, '_PARTITIONTIME').length > 0)
}

/** The columns of a FROM item that a name means. */
function columnsOf({ columns, pseudocolumns = [] }: Source, name: string): readonly Column[] {
  const found = columnsNamed(columns, name)
  return found.length > 0 ? found : columnsNamed(pseudocolumns, name)
}

/** Whether a FROM item of the scope, or of one around it, has this alias. */
export function isRangeVariable(name: string, scope: Scope | undefined): boolean {
  for (let level = scope; level; level = level.parent) {
    if (level.sources.some((source) => sameName(source.alias, name))) return true
  }
  return false
}

function inScope(name: string, at: number, scope: Scope, place: Place): Typed | undefined {
  const alias = scope.aliases?.get(name.toLowerCase())
  if (alias) return { ...alias, at }
  const merged = scope.merged.get(name.toLowerCase())
  if (merged) return read(merged, at, scope, name, place)
  const source = scope.sources.find((candidate) => sameName(candidate.alias, name))
  if (source)
    return source.element
      ? read(source.element, at, scope, name, place)
      : wholeRow(source.columns, at, scope, name, place)
  const columns = scope.sources.flatMap((candidate) => columnsOf(candidate, name))
  if (columns.length > 1) throw new SqlFailure(`Column name ${name} is ambiguous`, at)
  return columns[0] && read(columns[0], at, scope, name, place)
}

/** A FROM item's alias used as a value: a STRUCT of its columns. */
function wholeRow(columns: readonly Column[], at: number, scope: Scope, name: string, place: Place): Typed {
  const parts = columns.map((column) => read(column, at, scope, name, place))
  const type: SqlType = {
    kind: 'STRUCT',
    fields: columns.map((column) => ({ name: column.name, type: column.type })),
  }
  return typed(`struct_pack(${parts.map((part, index) => `f${index} := ${part.sql}`).join(', ')})`, type, at)
}

/** `alias.column`, or undefined when `alias` is not a FROM item of any scope around. */
export function resolveQualified(
  alias: string,
  field: string,
  at: number,
  fieldAt: number,
  place: Place,
): Typed | undefined {
  for (let scope: Scope | undefined = place.scope; scope; scope = scope.parent) {
    if (scope.aliases?.has(alias.toLowerCase())) return undefined
    const source = scope.sources.find((candidate) => sameName(candidate.alias, alias))
    if (!source) {
      const isColumn =
        scope.merged.has(alias.toLowerCase()) ||
        scope.sources.some((candidate) => columnsNamed(candidate.columns, alias).length > 0)
      if (isColumn) return undefined
      continue
    }
    if (source.element) return undefined
    const columns = columnsOf(source, field)
    if (columns.length > 1) throw new SqlFailure(`Column name ${field} is ambiguous`, fieldAt)
    if (!columns[0]) throw new SqlFailure(`Name ${field} not found inside ${alias}`, fieldAt)
    return read(columns[0], at, scope, field, place)
  }
  return undefined
}

function read(column: Column, at: number, scope: Scope, name: string, place: Place): Typed {
  column.onUse?.()
  if (!scope.grouping) return typed(column.sql, column.type, at)
  const key = scope.grouping.keys.find((candidate) => candidate.sql === column.sql)
  if (!key) {
    throw new SqlFailure(
      `${place.clause} expression references column ${name} which is neither grouped nor aggregated`,
      at,
    )
  }
  return { ...key.result, at }
}

/** Runs `work` as if the scope were not grouped: inside an aggregate's arguments, and to compare with a grouping key. */
export function ungrouped<Result>(place: Place, work: (place: Place) => Result): Result {
  const { scope } = place
  const { grouping, aliases } = scope
  delete scope.grouping
  delete scope.aliases
  try {
    return work({ ...place, insideAggregate: true, allowsWindows: false })
  } finally {
    if (grouping) scope.grouping = grouping
    if (aliases) scope.aliases = aliases
  }
}
