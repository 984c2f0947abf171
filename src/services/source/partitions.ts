import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import { columnInCondition } from '../../run-data/sql/names.ts'
import type { TablePartitions } from '../../google/bigquery/bigquery.ts'
import type { SourceField } from './columns.ts'
import type { TableSource } from './parse.ts'

/** A partition's ID says the hour, day, month or year that it begins with (https://cloud.google.com/bigquery/docs/partitioned-tables#partition_decorators). */
const PARTITION_ID = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?$/

const UNITS = ['YEAR', 'MONTH', 'DAY', 'HOUR']

/** The pseudocolumn of a table that is partitioned by the time of ingestion (https://cloud.google.com/bigquery/docs/querying-partitioned-tables). */
const INGESTION = '_PARTITIONTIME'

/**
 * Checks that the user named no partition of a table: a run reads a table, with a filter.
 *
 * @throws ImageryError INVALID_FLAG with the filter that reads the partition
 */
export function checkNoPartition(
  source: TableSource,
  { partitions, fields }: { partitions: TablePartitions | undefined; fields: readonly SourceField[] },
  where: string | undefined,
): void {
  if (source.partition === undefined) return
  const path = tablePath(source.table, source.table.table)
  const condition = partitions && partitionCondition(source.partition, partitions, fields)
  if (condition === undefined) {
    const why = partitions ? `${source.partition} is none of its partitions` : 'it is not partitioned'
    throw new ImageryError('INVALID_FLAG', `--table ${source.given} names a partition of ${path}, but ${why}`, {
      suggestions: [`imagery run --table ${shellWord(path)} …`],
    })
  }
  throw new ImageryError(
    'INVALID_FLAG',
    `--table ${source.given} names a partition; a run reads a table, and a filter chooses the partition`,
    { suggestions: [`imagery run --table ${shellWord(path)} --where ${shellWord(combined(condition, where))} …`] },
  )
}

function partitionCondition(
  id: string,
  { column, unit, interval, start: first }: TablePartitions,
  fields: readonly SourceField[],
): string | undefined {
  const name = columnInCondition(column ?? INGESTION)
  if (id === '__NULL__') return `${name} IS NULL`
  if (id === '__UNPARTITIONED__') return column === undefined ? `${INGESTION} IS NULL` : undefined
  if (unit === 'RANGE') {
    const size = BigInt(interval ?? 1)
    // A partition has the number that it begins with.
    if (!/^-?\d+$/.test(id) || (BigInt(id) - BigInt(first ?? 0)) % size !== 0n) return undefined
    return `${name} >= ${id} AND ${name} < ${BigInt(id) + size}`
  }
  const [, year, month, day, hour] = PARTITION_ID.exec(id) ?? []
  if (year === undefined) return undefined
  const start = [year, month ?? '01', day ?? '01'].join('-')
  const end = new Date(Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1), Number(hour ?? 0)))
  if (!end.toISOString().startsWith(hour === undefined ? start : `${start}T${hour}`)) return undefined
  const from = hour === undefined ? start : `${start} ${hour}:00:00`
  const level = [month, day, hour].filter((part) => part !== undefined).length
  if (column === undefined && level === UNITS.indexOf(unit)) return `${INGESTION} = TIMESTAMP('${from}')`
  if (column === undefined && level > UNITS.indexOf(unit)) return undefined
  const type = column === undefined ? 'TIMESTAMP' : fields.find((field) => field.name === column)?.type
  const literal = (text: string): string => (type === 'DATE' || type === undefined ? `'${text}'` : `${type}('${text}')`)
  if (type === 'DATE' && day !== undefined) return `${name} = '${start}'`
  if (hour !== undefined) end.setUTCHours(end.getUTCHours() + 1)
  else if (day !== undefined) end.setUTCDate(end.getUTCDate() + 1)
  else if (month !== undefined) end.setUTCMonth(end.getUTCMonth() + 1)
  else end.setUTCFullYear(end.getUTCFullYear() + 1)
  const iso = end.toISOString()
  const to = hour === undefined ? iso.slice(0, 10) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
  return `${name} >= ${literal(from)} AND ${name} < ${literal(to)}`
}

/**
 * BigQuery's refusal of a query over a table that requires a partition filter, with the table and the columns
 * (https://cloud.google.com/bigquery/docs/managing-partitioned-tables#require-filter; its words: apache/superset#7167).
 */
const REQUIRED =
  /Cannot query over table '([^']+)' without a filter over column\(s\) ([^\n]*?) that can be used for partition elimination/

/** Returns the error for a table that can be read only with a filter on its partitions, if BigQuery's refusal is about that. */
export function partitionFilterError(
  message: string,
  given: { where: string | null; fields: readonly SourceField[]; partitions?: TablePartitions | undefined },
): ImageryError | undefined {
  const { where, fields, partitions } = given
  const [, table, list = ''] = REQUIRED.exec(message) ?? []
  if (table === undefined) return undefined
  const columns = [...list.matchAll(/'([^']+)'/g)].map(([, column]) => column!)
  const column = columns.find((name) => name === INGESTION) ?? columns[0] ?? INGESTION
  const type = fields.find((field) => field.name === column)?.type
  const name = columnInCondition(column)
  const thisYear = `${new Date().getUTCFullYear()}-01-01`
  const condition =
    column === INGESTION
      ? `${INGESTION} >= TIMESTAMP('${thisYear}')`
      : type === 'INTEGER' || type === 'INT64'
        ? `${name} >= ${partitions?.start ?? 0}`
        : `${name} >= '${thisYear}'`
  const before = where === null ? '' : `--where ${where} does not choose partitions: `
  return new ImageryError(
    'INVALID_FILTER',
    `${before}${table} can be read only with a filter on ${columns.join(', ')}, by which it is partitioned`,
    { suggestions: [`--where ${shellWord(combined(condition, where ?? undefined))}`] },
  )
}

/** The filter by the column that a table is partitioned by, for one that names a pseudocolumn, which only other tables have. */
export function pseudocolumnAdvice(where: string, reason: string, partitions: TablePartitions | undefined): string[] {
  if (!/Unrecognized name: _PARTITION(?:TIME|DATE)\b/i.test(reason)) return []
  if (partitions?.column === undefined || partitions.unit === 'RANGE') return []
  return [
    `--where ${shellWord(where.replaceAll(/\b_PARTITION(?:TIME|DATE)\b/gi, columnInCondition(partitions.column)))}`,
  ]
}

function combined(condition: string, where: string | undefined): string {
  if (where === undefined) return condition
  // A comment ends with its line.
  return `${condition} AND (${where}${/(?:--|#)[^\n]*$/.test(where) ? '\n' : ''})`
}
