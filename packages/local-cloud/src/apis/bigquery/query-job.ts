import type { DuckDBConnection } from '@duckdb/node-api'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { StoredCatalog } from './catalog.ts'
import { destinationTable, putRows, type Destination } from './destination.ts'
import { readExternal } from './external-table.ts'
import { parseParameters } from './parameters.ts'
import { tableKey, type JobRecord, type TableReference } from './records.ts'
import { checkFields, fieldOf, refuseReserved, type Field } from './table-schema.ts'
import type { RunningJob } from './running-job.ts'
import { columnBytes, partitionBytes } from './sizes.ts'
import { quote, type Scan, type ValueRange } from './sql/analysis.ts'
import { isCostlyToPlan } from './sql/bounds.ts'
import { SqlFailure } from './sql/failure.ts'
import { checkFilters } from './sql/required-filters.ts'
import { translate, type Translation } from './sql/translate.ts'
import { duckType, type SqlType } from './sql/types.ts'
import type { Changes } from './store.ts'
import { findTable, type Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** The emulated `configuration.query` options that change a query's effect. */
const KNOWN = new Set(
  `query destinationTable createDisposition writeDisposition defaultDataset priority useQueryCache useLegacySql maximumBytesBilled
  parameterMode queryParameters timePartitioning rangePartitioning clustering allowLargeResults flattenResults schemaUpdateOptions`.split(
    /\s+/,
  ),
)
/** Billed in whole megabytes, at least 10 per table: https://cloud.google.com/bigquery/pricing#on_demand_pricing */
const MEGABYTE = 1 << 20
const LEAST_BILLED = 10 * MEGABYTE

export interface PreparedQuery {
  translation: Translation
  fields: Field[]
  /** Where the job runs. */
  location: string
  referenced: TableReference[]
  external: StoredCatalog['external']
  destination: Destination | undefined
}

/** Translates a query job's statement and settles its location. Throws SqlFailure or GoogleError. */
export function prepareQuery(
  warehouse: Warehouse,
  project: string,
  location: string | undefined,
  query: Body,
  nowMs: number,
): PreparedQuery {
  for (const [name, value] of Object.entries(query)) {
    const isEmpty = value === null || value === undefined || (Array.isArray(value) && value.length === 0)
    if (!KNOWN.has(name) && !isEmpty) throw notEmulated(`the query option ${name}`)
  }
  if (query['useLegacySql'] !== false) throw notEmulated('legacy SQL (set useLegacySql to false)')
  if (((query['schemaUpdateOptions'] ?? []) as unknown[]).length > 0) throw notEmulated('schemaUpdateOptions')
  const statement = query['query']
  if (typeof statement !== 'string' || statement === '')
    throw new GoogleError('INVALID_ARGUMENT', 'Required parameter is missing: query', { reason: 'required' })
  const { named, positional } = parseParameters(query['queryParameters'], query['parameterMode'])
  const defaultDataset = query['defaultDataset'] as { projectId?: string; datasetId: string } | null | undefined
  const catalog = new StoredCatalog(warehouse, { project, location, defaultDataset: defaultDataset ?? undefined })
  const translation = translate(statement, {
    catalog,
    namedParameters: named,
    positionalParameters: positional,
    nowMicros: BigInt(nowMs) * 1000n,
  })
  checkFilters(translation.scans)
  const inserted = catalog.written && insertDestination(catalog.written, query)
  const fields = translation.columns.map(({ name, type }) => fieldOf(name, type))
  for (const { name } of fields) refuseReserved(name)
  checkFields(fields)
  const destination = destinationOf(query, project)
  return {
    translation,
    fields,
    location: catalog.location ?? destinationLocation(warehouse, destination) ?? 'US',
    referenced: [...catalog.referenced.values()],
    external: catalog.external,
    destination: inserted ?? destination,
  }
}

/** Where an INSERT puts its rows. The job must name no destination of its own (google-marketing-solutions/crmint#105). */
function insertDestination(table: TableReference, query: Body): Destination {
  for (const [option, what] of DESTINATION_OPTIONS)
    if (query[option] !== undefined && query[option] !== null)
      throw new SqlFailure(`Cannot set ${what} in jobs with DML statements`)
  return { table, write: 'WRITE_APPEND', create: 'CREATE_NEVER', properties: {} }
}

const DESTINATION_OPTIONS = [
  ['destinationTable', 'destination table'],
  ['createDisposition', 'create disposition'],
  ['writeDisposition', 'write disposition'],
] as const

function destinationOf(query: Body, project: string): Destination | undefined {
  const reference = query['destinationTable'] as Partial<TableReference> | null | undefined
  if (!reference) return undefined
  return {
    ...destinationTable(reference, project),
    write: (query['writeDisposition'] as Destination['write'] | undefined) ?? 'WRITE_EMPTY',
    create: (query['createDisposition'] as Destination['create'] | undefined) ?? 'CREATE_IF_NEEDED',
    properties: Object.fromEntries(
      ['timePartitioning', 'rangePartitioning', 'clustering'].flatMap((name) =>
        query[name] ? [[name, query[name]]] : [],
      ),
    ),
  }
}

function destinationLocation({ store }: Warehouse, destination: Destination | undefined): string | undefined {
  return destination && store.datasets.get(`${destination.table.projectId}:${destination.table.datasetId}`)?.location
}

/**
 * Statistics of a query, in REST form. Bytes are the logical size of the columns read, in the partitions read: an
 * estimate, as no cache is counted, nor pruning by time partitions and clustering.
 */
export async function queryStatistics(
  warehouse: Warehouse,
  prepared: PreparedQuery,
): Promise<{ bytes: number; statistics: Body }> {
  let bytes = 0
  let billed = 0
  for (const [key, columns] of prepared.translation.columnsRead) {
    const table = prepared.referenced.find((each) => tableKey(each.projectId, each.datasetId, each.tableId) === key)
    const record = table && findTable(warehouse, table.projectId, table.datasetId, table.tableId)
    if (record?.kind !== 'TABLE') continue
    const ranges = record.rangePartitioning && neededRanges(prepared.translation.scans.get(key) ?? [])
    const read = ranges
      ? await partitionBytes(warehouse, record, [...columns], ranges)
      : await columnBytes(warehouse.store, record, [...columns])
    bytes += read
    if (read > 0) billed += Math.max(LEAST_BILLED, Math.ceil(read / MEGABYTE) * MEGABYTE)
  }
  const statistics = {
    totalBytesProcessed: String(bytes),
    totalBytesBilled: String(billed),
    // What files outside BigQuery have is not known before they are read
    // (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2.FIELDS.total_bytes_processed_accuracy).
    totalBytesProcessedAccuracy: prepared.external.length > 0 ? 'LOWER_BOUND' : 'PRECISE',
    cacheHit: false,
    statementType: prepared.translation.inserts === undefined ? 'SELECT' : 'INSERT',
    ...(prepared.referenced.length > 0 ? { referencedTables: prepared.referenced } : {}),
    schema: { fields: prepared.fields },
  }
  return { bytes, statistics }
}

/** What all uses of a table need; undefined for the whole table. Each column is billed once, however often it is used. */
function neededRanges(scans: readonly Scan[]): ValueRange[] | undefined {
  return scans.every(({ ranges }) => ranges) ? scans.flatMap(({ ranges }) => ranges!) : undefined
}

/** Runs the statement into a table of rows that no document names yet. Returns their number. */
export async function runInto(
  connection: DuckDBConnection,
  physical: string,
  { translation }: PreparedQuery,
): Promise<number> {
  const list = translation.columns.map((column, index) => `${written(`q.c${index}`, column)} AS c${index}`)
  const isUnoptimized = isCostlyToPlan(translation.sql)
  if (isUnoptimized) await connection.run('PRAGMA disable_optimizer')
  try {
    const create = `CREATE TABLE data.${physical} AS SELECT ${list.join(', ')} FROM (${translation.sql}) AS q`
    const rows = await (await connection.run(create)).getRows()
    return Number(rows[0]![0])
  } finally {
    if (isUnoptimized) await connection.run('PRAGMA enable_optimizer')
  }
}

/**
 * A value as it is written: a NULL array is empty, and no array has a NULL element
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls).
 */
function written(sql: string, { name, type }: Translation['columns'][number]): string {
  const test = nullElementTest(sql, type, 0)
  if (!test) return stored(sql, type)
  const problem = quote(`bq:Array cannot have a null element; error in writing field ${name}`)
  return `CASE WHEN ${test} THEN error(${problem}) ELSE ${stored(sql, type)} END`
}

/** The value as it is kept in a table: NULL arrays become empty. */
function stored(sql: string, type: SqlType): string {
  if (type.kind === 'ARRAY') {
    const items =
      type.element.kind === 'STRUCT' && hasArray(type.element)
        ? `list_transform(${sql}, lambda i: ${stored('i', type.element)})`
        : sql
    return `CAST(coalesce(${items}, []) AS ${duckType(type)})`
  }
  if (type.kind !== 'STRUCT' || !hasArray(type)) return `CAST(${sql} AS ${duckType(type)})`
  const fields = type.fields.map(
    (field, index) => `f${index} := ${stored(`struct_extract(${sql}, 'f${index}')`, field.type)}`,
  )
  return `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`
}

function hasArray(type: SqlType): boolean {
  return type.kind === 'ARRAY' || (type.kind === 'STRUCT' && type.fields.some((field) => hasArray(field.type)))
}

function nullElementTest(sql: string, type: SqlType, depth: number): string | undefined {
  if (type.kind === 'ARRAY') {
    const item = `e${depth}`
    const inner = nullElementTest(item, type.element, depth + 1)
    return `len(list_filter(${sql}, lambda ${item}: ${item} IS NULL${inner ? ` OR ${inner}` : ''})) > 0`
  }
  if (type.kind !== 'STRUCT') return undefined
  const tests = type.fields.flatMap(
    (field, index) => nullElementTest(`struct_extract(${sql}, 'f${index}')`, field.type, depth) ?? [],
  )
  return tests.length > 0 ? `(${tests.join(' OR ')})` : undefined
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2 */
function insertStatistics(rows: number): Body {
  return { numDmlAffectedRows: String(rows), dmlStats: { insertedRowCount: String(rows) } }
}

/** Runs a prepared query and puts its rows where they belong. Returns the documents to keep with them. */
export async function runQuery(
  warehouse: Warehouse,
  job: JobRecord,
  prepared: PreparedQuery,
  finish: (job: JobRecord) => JobRecord,
  running: RunningJob,
): Promise<void> {
  const { store } = warehouse
  const { statistics } = await queryStatistics(warehouse, prepared)
  const physical = store.newPhysical()
  let totalRows = 0
  try {
    for (const table of prepared.external) {
      const bytes = await readExternal(warehouse, table, { email: job.email, running })
      statistics['totalBytesProcessed'] = String(Number(statistics['totalBytesProcessed']) + bytes)
    }
    totalRows = await store.read((connection) =>
      running.statements(connection, () => runInto(connection, physical, prepared)),
    )
    await store.write(async (): Promise<Changes> => {
      const isInsert = prepared.translation.inserts !== undefined
      const query = isInsert ? { ...statistics, ...insertStatistics(totalRows) } : statistics
      const done = {
        ...job,
        statistics: { ...job.statistics, totalBytesProcessed: statistics['totalBytesProcessed'], query },
      }
      if (!prepared.destination) {
        return { jobs: [finish({ ...done, result: { fields: prepared.fields, totalRows, physical } })] }
      }
      const changes = await putRows(warehouse, {
        destination: prepared.destination,
        location: prepared.location,
        fields: prepared.fields,
        physical,
        totalRows,
      })
      const { table } = prepared.destination
      const result = isInsert
        ? { fields: [], totalRows: 0, destination: table, insertedRows: totalRows }
        : { fields: prepared.fields, totalRows, destination: table }
      return { ...changes, jobs: [finish({ ...done, result })] }
    })
  } catch (error) {
    await dropTables(warehouse, [physical])
    throw error
  } finally {
    await dropTables(
      warehouse,
      prepared.external.map((table) => table.physical),
    )
  }
}

async function dropTables({ store }: Warehouse, names: readonly string[]): Promise<void> {
  for (const name of names) await store.read((connection) => connection.run(`DROP TABLE IF EXISTS data.${name}`))
}
