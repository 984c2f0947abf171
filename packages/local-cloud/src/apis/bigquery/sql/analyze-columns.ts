import { typed, type Column, type Place, type Scope, type Typed } from './analysis.ts'
import { impliedName } from './analyze-constructors.ts'
import { SqlFailure } from './failure.ts'
import type { Expression, SelectColumn, SelectItem } from './syntax.ts'
import { typeName } from './types.ts'

export interface OutputColumn {
  name: string | null
  value: Typed
  /** The syntax it came from, for GROUP BY of an alias or an ordinal. */
  node?: Expression
}

/** A SELECT list, with its stars expanded (https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#select_list). */
export function analyzeColumns(columns: readonly SelectColumn[], place: Place): OutputColumn[] {
  const output = columns.flatMap((column): OutputColumn[] => {
    if (column.kind === 'star') return star(column, place)
    const value = place.analysis.rules.expression(column.value, { ...place, wholeItem: column.value })
    return [{ name: column.alias ?? impliedName(column.value), value, node: column.value }]
  })
  if (output.length === 0) throw new SqlFailure('SELECT * expands to zero columns', columns[0]?.at)
  return output
}

function star(column: SelectColumn & { kind: 'star' }, place: Place): OutputColumn[] {
  const all = column.of ? membersOf(column.of, place) : everything(column.at, place)
  for (const name of column.except) {
    if (!all.some((member) => named(member, name)))
      throw new SqlFailure(`Column ${name} in SELECT * EXCEPT list does not exist`, column.at)
  }
  const kept = all.filter((member) => !column.except.some((name) => named(member, name)))
  if (kept.length === 0) throw new SqlFailure('SELECT * EXCEPT list excludes all columns', column.at)
  return replaced(kept, column.replace, place)
}

const named = (column: OutputColumn, name: string): boolean => column.name?.toLowerCase() === name.toLowerCase()

function replaced(columns: OutputColumn[], items: readonly SelectItem[], place: Place): OutputColumn[] {
  const result = [...columns]
  for (const item of items) {
    const index = result.findIndex((column) => named(column, item.alias!))
    if (index < 0) throw new SqlFailure(`Column ${item.alias} in SELECT * REPLACE list does not exist`, item.at)
    result[index] = {
      name: result[index]!.name,
      value: place.analysis.rules.expression(item.value, place),
      node: item.value,
    }
  }
  return result
}

/** `SELECT *`: the columns merged by USING first, then those of every FROM item. */
function everything(at: number, place: Place): OutputColumn[] {
  const { scope } = place
  if (scope.sources.length === 0) throw new SqlFailure('SELECT * must have a FROM clause', at)
  const merged = [...scope.merged.values()]
  const isMerged = (column: Column): boolean => column.name !== null && scope.merged.has(column.name.toLowerCase())
  const others = scope.sources.flatMap((source) => source.columns.filter((column) => !isMerged(column)))
  return [...merged, ...others].map((column) => output(column, at, scope))
}

function output(column: Column, at: number, scope: Scope): OutputColumn {
  column.onUse?.()
  const key = scope.grouping?.keys.find((candidate) => candidate.sql === column.sql)
  if (scope.grouping && !key) {
    throw new SqlFailure(
      `Star expansion expression references column ${column.name} which is neither grouped nor aggregated`,
      at,
    )
  }
  return { name: column.name, value: key ? key.result : typed(column.sql, column.type, at) }
}

/** `t.*` of a FROM item, or the fields of a STRUCT. */
function membersOf(node: Expression, place: Place): OutputColumn[] {
  if (node.kind === 'name') {
    for (let scope: Scope | undefined = place.scope; scope; scope = scope.parent) {
      const level = scope
      const source = scope.sources.find((candidate) => candidate.alias?.toLowerCase() === node.name.toLowerCase())
      if (source) return source.columns.map((column) => output(column, node.at, level))
    }
  }
  const value = place.analysis.rules.expression(node, place)
  if (value.type.kind !== 'STRUCT') {
    throw new SqlFailure(`Dot-star is not supported for type ${typeName(value.type)}`, node.at)
  }
  return value.type.fields.map((field, index) => ({
    name: field.name,
    value: typed(`struct_extract(${value.sql}, 'f${index}')`, field.type, node.at, [value]),
  }))
}
