import type { Column, Place, Scan, Scope, Source, Typed } from './analysis.ts'
import { SqlFailure } from './failure.ts'
import { conjuncts } from './pruning.ts'
import type { Expression } from './syntax.ts'

/**
 * Notes which tables a WHERE clause filters by their partitions, of those that require it: one condition must use the
 * partitioning column and no other
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries).
 */
export function noteFilters(where: Expression, sources: readonly Source[], place: Place): void {
  const columns = allColumns(sources)
  if (!columns.some(({ partitions }) => partitions?.requires)) return
  for (const condition of conjuncts(where)) {
    if (hasSubquery(condition)) continue
    const used = columnsUsed(condition, columns, place)
    const scan = used[0]?.partitions
    if (scan && used.every(({ partitions }) => partitions === scan)) scan.requires = undefined
  }
}

function allColumns(sources: readonly Source[]): Column[] {
  return sources.flatMap(({ columns, pseudocolumns = [] }) => [...columns, ...pseudocolumns])
}

/** The columns of a FROM clause that an expression reads. */
function columnsUsed(node: Expression, columns: readonly Column[], place: Place): Column[] {
  const used: Column[] = []
  const before = columns.map(({ onUse }) => onUse)
  for (const column of columns) column.onUse = () => void used.push(column)
  try {
    place.analysis.rules.expression(node, place)
  } finally {
    for (const [index, column] of columns.entries()) {
      const onUse = before[index]
      if (onUse) column.onUse = onUse
      else delete column.onUse
    }
  }
  return used
}

/** What a subquery returns is known too late to choose partitions. */
function hasSubquery(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  const { kind } = node as { kind?: unknown }
  if (kind === 'subquery' || kind === 'query' || kind === 'select') return true
  return Object.values(node).some(hasSubquery)
}

/** The scan whose partitioning column an output column is, unchanged. */
export function partitionsOf(value: Typed, { sources }: Scope): Scan | undefined {
  return allColumns(sources).find(({ partitions, sql }) => partitions && sql === value.sql)?.partitions
}

/**
 * BigQuery's refusal of a query without a required filter (apache/superset#7167, mozilla/bigquery-etl#2673).
 *
 * @throws SqlFailure
 */
export function checkFilters(scans: ReadonlyMap<string, readonly Scan[]>): void {
  const required = [...scans.values()].flat().find(({ requires }) => requires)?.requires
  if (!required) return
  const columns = required.columns.map((column) => `'${column}'`).join(', ')
  throw new SqlFailure(
    `Cannot query over table '${required.table}' without a filter over column(s) ${columns} that can be used for partition elimination`,
  )
}
