import { GoogleError } from '../../kernel/errors.ts'
import type { TableRecord } from './records.ts'
import type { ValueRange } from './sql/analysis.ts'
import type { Field, FieldType } from './table-schema.ts'

/** https://cloud.google.com/bigquery/docs/clustered-tables#limitations */
const MAX_CLUSTERING_FIELDS = 4
const CLUSTERING_TYPES: ReadonlySet<FieldType> = new Set([
  'BIGNUMERIC',
  'BOOLEAN',
  'DATE',
  'DATETIME',
  'GEOGRAPHY',
  'INTEGER',
  'NUMERIC',
  'STRING',
  'TIMESTAMP',
])
const TIME_TYPES: ReadonlySet<FieldType> = new Set(['DATE', 'TIMESTAMP', 'DATETIME'])
const UNITS = new Set(['HOUR', 'DAY', 'MONTH', 'YEAR'])
/** https://cloud.google.com/bigquery/quotas#partitioned_tables */
const MAX_PARTITIONS = 10_000

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

function top(fields: readonly Field[], name: string): Field | undefined {
  return fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
}

export function parseClustering(value: unknown, fields: readonly Field[]): { fields: string[] } {
  const names = (value as { fields?: unknown }).fields
  if (!Array.isArray(names) || names.length === 0) throw invalid('Clustering requires at least one field')
  if (names.length > MAX_CLUSTERING_FIELDS)
    throw invalid(
      `Too many fields specified for clustering. The maximum number of clustering fields is ${MAX_CLUSTERING_FIELDS}`,
    )
  for (const name of names as string[]) {
    const field = top(fields, name)
    if (!field)
      throw invalid(`The field specified for clustering cannot be found in the schema. Invalid field: ${name}.`)
    if (field.mode === 'REPEATED')
      throw invalid(`The field specified for clustering must not be repeated. Invalid field: ${name}.`)
    if (!CLUSTERING_TYPES.has(field.type))
      throw invalid(`${name} has type ${field.type}. Clustering is not supported on fields of this type.`)
  }
  return { fields: names as string[] }
}

export function parseTimePartitioning(value: unknown, fields: readonly Field[]): Record<string, unknown> {
  const { type, field: name } = value as { type?: string; field?: string }
  if (!type || !UNITS.has(type)) throw invalid(`Unsupported time partitioning type: ${String(type)}`)
  if (name === undefined) return value as Record<string, unknown>
  const field = top(fields, name)
  if (!field)
    throw invalid(`The field specified for partitioning cannot be found in the schema. Invalid field: ${name}.`)
  if (!TIME_TYPES.has(field.type) || field.mode === 'REPEATED')
    throw invalid(
      `The field specified for time partitioning must be a DATE, TIMESTAMP or DATETIME. The type found is: ${field.type}.`,
    )
  return value as Record<string, unknown>
}

export function parseRangePartitioning(value: unknown, fields: readonly Field[]): Record<string, unknown> {
  const { field: name, range } = value as {
    field?: string
    range?: { start?: string; end?: string; interval?: string }
  }
  const field = name === undefined ? undefined : top(fields, name)
  if (!field)
    throw invalid(`The field specified for partitioning cannot be found in the schema. Invalid field: ${String(name)}.`)
  if (field.type !== 'INTEGER' || field.mode === 'REPEATED')
    throw invalid(`The field specified for range partitioning must be an INTEGER. The type found is: ${field.type}.`)
  const [start, end, interval] = [Number(range?.start), Number(range?.end), Number(range?.interval)]
  if (![start, end, interval].every(Number.isSafeInteger) || interval <= 0 || start >= end)
    throw invalid('Invalid range partitioning: start must be less than end and interval positive')
  if (Math.ceil((end - start) / interval) > MAX_PARTITIONS)
    throw invalid(`Too many partitions: at most ${MAX_PARTITIONS}`)
  return value as Record<string, unknown>
}

interface IntegerRange {
  field: string
  range: { start: string; end: string; interval: string }
}

/** The index of the column that a table is partitioned by, if it is partitioned by integer ranges. */
export function partitionColumn({
  rangePartitioning,
  fields,
}: Pick<TableRecord, 'rangePartitioning' | 'fields'>): number | undefined {
  if (!rangePartitioning) return undefined
  const name = (rangePartitioning as unknown as IntegerRange).field.toLowerCase()
  return fields.findIndex((field) => field.name.toLowerCase() === name)
}

/** The pseudocolumns of a table that is partitioned by the time of ingestion, as BigQuery's refusal lists them. */
const INGESTION_COLUMNS = ['_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME']

/** The filter that a table requires (https://cloud.google.com/bigquery/docs/managing-partitioned-tables#require-filter). */
export function requiredFilter(
  record: TableRecord,
): { table: string; columns: readonly string[]; column: number | undefined } | undefined {
  if (!record.requirePartitionFilter) return undefined
  const { timePartitioning, rangePartitioning, fields } = record
  const name = (timePartitioning ?? rangePartitioning)?.['field'] as string | undefined
  const table = `${record.project}.${record.dataset}.${record.table}`
  if (name === undefined) return { table, columns: INGESTION_COLUMNS, column: undefined }
  const column = fields.findIndex((field) => field.name.toLowerCase() === name.toLowerCase())
  return { table, columns: [name], column }
}

/** Returns whether a query that needs the values of `ranges` reads the partition of a value. */
export function isPartitionRead(
  { rangePartitioning }: Pick<TableRecord, 'rangePartitioning'>,
  ranges: readonly ValueRange[],
): (value: bigint | null) => boolean {
  const { range } = rangePartitioning as unknown as IntegerRange
  const [start, end, interval] = [BigInt(range.start), BigInt(range.end), BigInt(range.interval)]
  return (value) => {
    // NULL has a partition of its own, which no comparison needs.
    if (value === null) return false
    if (value < start || value >= end) return true
    const first = start + ((value - start) / interval) * interval
    return ranges.some(({ from, to }) => from < first + interval && to >= first)
  }
}
