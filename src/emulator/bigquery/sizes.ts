import type { SqlType } from './sql/types.ts'
import { typesOf } from './warehouse.ts'
import type { TableRecord } from './records.ts'
import type { Store } from './store.ts'

/**
 * Logical bytes of a column's values: https://cloud.google.com/bigquery/docs/estimate-costs#data_type_sizes
 * JSON and GEOGRAPHY are counted as their text, which only estimates.
 */
const FIXED_BYTES: Record<string, number> = { INT64: 8, FLOAT64: 8, NUMERIC: 16, BIGNUMERIC: 32, BOOL: 1, DATE: 8, DATETIME: 8, TIME: 8, TIMESTAMP: 8 }

function bytesSql(sql: string, type: SqlType, depth = 0): string {
  const fixed = FIXED_BYTES[type.kind]
  if (fixed !== undefined) return `CASE WHEN ${sql} IS NULL THEN 0 ELSE ${fixed} END`
  if (type.kind === 'ARRAY') {
    const item = `e${depth}`
    return `coalesce(list_sum(list_transform(${sql}, lambda ${item}: ${bytesSql(item, type.element, depth + 1)})), 0)`
  }
  if (type.kind === 'STRUCT') {
    return `(${type.fields.map((field, index) => bytesSql(`struct_extract(${sql}, 'f${index}')`, field.type, depth)).join(' + ')})`
  }
  return type.kind === 'BYTES' ? `coalesce(octet_length(${sql}) + 2, 0)` : `coalesce(strlen(${sql}) + 2, 0)`
}

export interface TableSize {
  rows: number
  /** Bytes per column. */
  columns: number[]
}

/** Sizes by physical table, kept until its rows change. */
const known = new WeakMap<Store, Map<string, TableSize>>()

function sizesOf(store: Store): Map<string, TableSize> {
  const sizes = known.get(store) ?? new Map<string, TableSize>()
  known.set(store, sizes)
  return sizes
}

/** Rows and bytes of a table; counted once per change of it. */
export async function tableSize(store: Store, record: TableRecord): Promise<TableSize> {
  if (record.kind === 'VIEW') return { rows: 0, columns: [] }
  const sizes = sizesOf(store)
  const cached = sizes.get(record.physical)
  if (cached?.columns.length === record.fields.length) return cached
  const sums = typesOf(record).map((type, index) => `, CAST(coalesce(sum(${bytesSql(`c${index}`, type)}), 0) AS BIGINT)`)
  const rows = await store.read(async (connection) => (await connection.run(`SELECT count(*)${sums.join('')} FROM data.${record.physical}`)).getRows())
  const [count = 0n, ...bytes] = rows[0] as bigint[]
  const size = { rows: Number(count), columns: bytes.map(Number) }
  sizes.set(record.physical, size)
  return size
}

/** To be called whenever rows were written to a table. */
export function forgetSize(store: Store, physical: string): void {
  sizesOf(store).delete(physical)
}
