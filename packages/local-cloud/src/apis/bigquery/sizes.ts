import type { SqlType } from './sql/types.ts'
import { isPartitionRead, partitionColumn } from './partitioning.ts'
import type { ValueRange } from './sql/analysis.ts'
import type { Buffered } from './streaming-buffer.ts'
import { typesOf, type Warehouse } from './warehouse.ts'
import type { TableRecord } from './records.ts'
import type { CountedSize, Store } from './store.ts'

/**
 * Logical bytes of a column's values: https://cloud.google.com/bigquery/docs/estimate-costs#data_type_sizes
 * JSON and GEOGRAPHY are counted as their text, which only estimates.
 */
const FIXED_BYTES: Record<string, number> = {
  INT64: 8,
  FLOAT64: 8,
  NUMERIC: 16,
  BIGNUMERIC: 32,
  BOOL: 1,
  DATE: 8,
  DATETIME: 8,
  TIME: 8,
  TIMESTAMP: 8,
}

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
  bytes: number
  buffered?: Buffered
}

/** What is known of a table's size. */
export function knownOf(store: Store, physical: string): CountedSize {
  const size = store.sizes.get(physical) ?? { columns: new Map(), partitions: { bufferedRows: 0, columns: new Map() } }
  store.sizes.set(physical, size)
  return size
}

/** Rows of a table; they are counted once per change of the table. */
export async function rowCount(store: Store, physical: string): Promise<number> {
  const sizes = knownOf(store, physical)
  if (sizes.rows === undefined) {
    const sql = `SELECT count(*) FROM data.${physical}`
    const rows = await store.read(async (connection) => (await connection.run(sql)).getRows())
    sizes.rows = Number(rows[0]![0])
  }
  return sizes.rows
}

/** Bytes of some columns of a table; each is counted once per change of the table. */
export async function columnBytes(store: Store, record: TableRecord, wanted: readonly number[]): Promise<number> {
  const sizes = knownOf(store, record.physical)
  const missing = wanted.filter((column) => !sizes.columns.has(column))
  if (missing.length > 0) {
    const types = typesOf(record)
    const sums = missing.map((column) => `CAST(coalesce(sum(${bytesSql(`c${column}`, types[column]!)}), 0) AS BIGINT)`)
    const sql = `SELECT count(*), ${sums.join(', ')} FROM data.${record.physical}`
    const rows = await store.read(async (connection) => (await connection.run(sql)).getRows())
    const [count, ...bytes] = rows[0] as [bigint, ...bigint[]]
    sizes.rows = Number(count)
    for (const [index, column] of missing.entries()) sizes.columns.set(column, Number(bytes[index]))
  }
  return wanted.reduce((sum, column) => sum + sizes.columns.get(column)!, 0)
}

/**
 * Bytes of some columns of an integer-range partitioned table, in the partitions that have values of `ranges`. Rows
 * outside all partitions, and those in the streaming buffer, are in one that every query reads
 * (https://cloud.google.com/bigquery/docs/partitioned-tables#integer_range,
 * https://cloud.google.com/pubsub/docs/bigquery-troubleshooting). Each column is counted once per change of the table.
 */
export async function partitionBytes(
  { store, buffers }: Pick<Warehouse, 'store' | 'buffers'>,
  record: TableRecord,
  wanted: readonly number[],
  ranges: readonly ValueRange[],
): Promise<number> {
  const sizes = knownOf(store, record.physical)
  const bufferedRows = buffers.of(record.id)?.rows ?? 0
  if (sizes.partitions.bufferedRows !== bufferedRows) sizes.partitions = { bufferedRows, columns: new Map() }
  const { columns } = sizes.partitions
  const missing = wanted.filter((column) => !columns.has(column))
  if (missing.length > 0) {
    const types = typesOf(record)
    const sums = missing.map((column) => `CAST(coalesce(sum(${bytesSql(`c${column}`, types[column]!)}), 0) AS BIGINT)`)
    // Streamed rows come last, unless a job has appended rows since.
    const isBuffered = `rowid >= (SELECT count(*) FROM data.${record.physical}) - ${bufferedRows}`
    const sql = `SELECT ${isBuffered}, c${partitionColumn(record)}, ${sums.join(', ')} FROM data.${record.physical} GROUP BY 1, 2`
    const rows = await store.read(async (connection) => (await connection.run(sql)).getRows())
    for (const column of missing) columns.set(column, { byValue: new Map(), buffered: 0 })
    for (const [inBuffer, value, ...bytes] of rows as [boolean, bigint | null, ...bigint[]][]) {
      for (const [index, column] of missing.entries()) {
        const counted = columns.get(column)!
        if (inBuffer) counted.buffered += Number(bytes[index])
        else counted.byValue.set(value, Number(bytes[index]))
      }
    }
  }
  const isRead = isPartitionRead(record, ranges)
  let sum = 0
  for (const column of wanted) {
    const { byValue, buffered } = columns.get(column)!
    sum += buffered
    for (const [value, bytes] of byValue) if (isRead(value)) sum += bytes
  }
  return sum
}

/** Rows and bytes of a table, and how many of them are in its streaming buffer. */
export async function tableSize(
  { store, buffers }: Pick<Warehouse, 'store' | 'buffers'>,
  record: TableRecord,
): Promise<TableSize> {
  if (record.kind !== 'TABLE' || record.fields.length === 0) return { rows: 0, bytes: 0 }
  const bytes = await columnBytes(
    store,
    record,
    record.fields.map((_, index) => index),
  )
  const rows = knownOf(store, record.physical).rows ?? 0
  const buffered = buffers.of(record.id)
  return { rows, bytes, ...(buffered ? { buffered } : {}) }
}
