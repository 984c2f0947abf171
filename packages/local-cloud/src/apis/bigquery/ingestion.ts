import { notEmulated } from '../../kernel/errors.ts'
import type { TableRecord } from './records.ts'
import type { CatalogColumn } from './sql/analysis.ts'
import { DATE, TIMESTAMP } from './sql/types.ts'

/** A column that a table does not have, but a query can name. */
export interface Pseudocolumn extends CatalogColumn {
  /** DuckDB's text for it, of the table with this alias. */
  sql: (alias: string) => string
}

/** Whether the time at which a row arrives decides its partition. */
export function isByIngestion({ timePartitioning }: Pick<TableRecord, 'timePartitioning'>): boolean {
  return timePartitioning !== undefined && timePartitioning['field'] === undefined
}

/** A partition's ID (https://cloud.google.com/bigquery/docs/partitioned-tables#partition_decorators). */
const PARTITION_ID = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?$/
const UNITS = ['YEAR', 'MONTH', 'DAY', 'HOUR']

/** When the partition begins that a decorator names; undefined if it names none of a table that is partitioned so. */
function partitionNamed(id: string, unit: unknown): number | undefined {
  const [, year, ...rest] = PARTITION_ID.exec(id) ?? []
  const given = rest.filter((part) => part !== undefined)
  if (year === undefined || UNITS[given.length] !== unit) return undefined
  const [month = 1, day = 1, hour = 0] = given.map(Number)
  return Date.UTC(Number(year), month - 1, day, hour)
}

/** When the partition of a moment begins, in milliseconds. */
function partitionAt(ms: number, unit: unknown): number {
  const [year, month, day, hour] = new Date(ms).toISOString().split(/\D/).map(Number) as [
    number,
    number,
    number,
    number,
  ]
  const level = UNITS.indexOf(String(unit))
  return Date.UTC(year, level < 1 ? 0 : month - 1, level < 2 ? 1 : day, level < 3 ? 0 : hour)
}

/** What a table's record notes of rows that are added to it. `partition` is the ID in a decorator, if the job names one. */
export function withIngested(
  record: TableRecord,
  added: { rows: number; nowMs: number; partition?: string | undefined },
): Pick<TableRecord, 'ingested'> {
  const { rows, nowMs, partition } = added
  if (!isByIngestion(record)) {
    if (partition !== undefined)
      throw notEmulated('a partition decorator of a table that is not partitioned by ingestion')
    return {}
  }
  const unit = record.timePartitioning!['type']
  const ms = partition === undefined ? partitionAt(nowMs, unit) : partitionNamed(partition, unit)
  if (ms === undefined) throw notEmulated(`the partition decorator $${partition}`)
  const before = record.ingested ?? []
  const last = before.at(-1)
  if (last?.ms === ms) return { ingested: [...before.slice(0, -1), { rows: last.rows + rows, ms }] }
  return { ingested: [...before, { rows, ms }] }
}

/**
 * The pseudocolumns of a table that is partitioned by ingestion. A row in the streaming buffer has no partition yet
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_an_ingestion-time_partitioned_table).
 */
export function ingestionColumns(record: TableRecord, bufferedRows: number): Pseudocolumn[] {
  if (!isByIngestion(record)) return []
  const runs = record.ingested ?? []
  const partitioned = runs.reduce((sum, { rows }) => sum + rows, 0) - bufferedRows
  const time = (alias: string): string => {
    let end = 0
    const cases = runs.map(({ rows, ms }) => {
      end += rows
      return ` WHEN ${alias}.rowid < ${Math.min(end, partitioned)} THEN make_timestamp(${ms}000)`
    })
    return cases.length === 0 ? 'CAST(NULL AS TIMESTAMP)' : `CASE${cases.join('')} END`
  }
  const columns: Pseudocolumn[] = [{ name: '_PARTITIONTIME', type: TIMESTAMP, sql: time }]
  // Whether tables with other partitions have this one is undocumented.
  if (record.timePartitioning!['type'] === 'DAY')
    columns.push({ name: '_PARTITIONDATE', type: DATE, sql: (alias) => `CAST(${time(alias)} AS DATE)` })
  return columns
}
