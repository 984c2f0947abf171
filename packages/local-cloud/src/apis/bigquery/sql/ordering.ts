import type { Typed } from './analysis.ts'
import { SqlFailure } from './failure.ts'
import type { Ordering } from './syntax.ts'
import { isOrderable, typeName } from './types.ts'

export interface OrderKey {
  sql: string
  /** `ASC NULLS FIRST` and so on. */
  direction: string
}

/**
 * An ORDER BY key for DuckDB. GoogleSQL sorts NULL first, then NaN, then from least to greatest
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#order_by_clause).
 */
export function orderKeys(value: Typed, ordering: Pick<Ordering, 'descending' | 'nulls' | 'at'>): OrderKey[] {
  if (!isOrderable(value.type)) {
    throw new SqlFailure(`ORDER BY does not support expressions of type ${typeName(value.type)}`, ordering.at)
  }
  const nullsFirst = ordering.nulls ? ordering.nulls === 'FIRST' : !ordering.descending
  const direction = `${ordering.descending ? 'DESC' : 'ASC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`
  const key = { sql: value.sql, direction }
  if (value.type.kind !== 'FLOAT64' || value.volatile) return [key]
  const nullRank = nullsFirst ? 0 : 3
  const [nan, number] = ordering.descending ? [2, 1] : [1, 2]
  const rank = `CASE WHEN ${value.sql} IS NULL THEN ${nullRank} WHEN isnan(${value.sql}) THEN ${nan} ELSE ${number} END`
  return [{ sql: rank, direction: 'ASC' }, key]
}

export function orderText(keys: readonly OrderKey[]): string {
  return keys.map((key) => `${key.sql} ${key.direction}`).join(', ')
}
