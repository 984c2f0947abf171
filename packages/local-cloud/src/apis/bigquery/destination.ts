import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { withIngested } from './ingestion.ts'
import { parseClustering, parseRangePartitioning, parseTimePartitioning } from './partitioning.ts'
import { tableKey, type TableRecord, type TableReference } from './records.ts'
import { knownOf, rowCount } from './sizes.ts'
import { fieldType, type Field } from './table-schema.ts'
import { duckType } from './sql/types.ts'
import type { Changes } from './store.ts'
import { checkTableId, newTable } from './tables.ts'
import { dataset, dropRowsSql, findTable, type Warehouse } from './warehouse.ts'

/** Where a job's rows go: https://cloud.google.com/bigquery/docs/writing-results */
export interface Destination {
  table: TableReference
  /** The partition that a decorator of the table names. */
  partition?: string | undefined
  write: 'WRITE_EMPTY' | 'WRITE_APPEND' | 'WRITE_TRUNCATE'
  create: 'CREATE_IF_NEEDED' | 'CREATE_NEVER'
  /** timePartitioning, rangePartitioning, clustering of a table that the job creates. */
  properties: Record<string, unknown>
}

export interface Rows {
  destination: Destination
  location: string
  fields: Field[]
  /** The table of rows that the job made. */
  physical: string
  totalRows: number
}

/** Reads the name of a destination, which can have a decorator (https://cloud.google.com/bigquery/docs/load-table-partitions). */
export function destinationTable(
  { projectId, datasetId, tableId }: Partial<TableReference>,
  project: string,
): Pick<Destination, 'table' | 'partition'> {
  const [name = '', partition] = String(tableId).split('$', 2)
  return { table: { projectId: projectId ?? project, datasetId: String(datasetId), tableId: name }, partition }
}

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** The changes that make a job's rows those of its destination, or add them to it. */
export async function putRows(warehouse: Warehouse, rows: Rows): Promise<Changes> {
  const { destination, physical } = rows
  const { projectId, datasetId, tableId } = destination.table
  checkTableId(tableId)
  const owner = dataset(warehouse, projectId, datasetId)
  const key = tableKey(projectId, datasetId, tableId)
  if (owner.location !== rows.location) {
    throw new GoogleError(
      'NOT_FOUND',
      `Not found: Dataset ${projectId}:${datasetId} was not found in location ${rows.location}`,
      { reason: 'notFound' },
    )
  }
  const existing = findTable(warehouse, projectId, datasetId, tableId)
  if (destination.partition !== undefined && destination.write !== 'WRITE_APPEND')
    throw notEmulated(`${destination.write} of one partition`)
  if (existing && existing.kind !== 'TABLE')
    throw invalid(`${key} is not allowed for this operation because it is currently a ${existing.kind}.`)
  if (!existing && destination.create === 'CREATE_NEVER') throw new GoogleError('NOT_FOUND', `Not found: Table ${key}`)
  if (existing && destination.write === 'WRITE_APPEND' && existing.fields.length > 0)
    return append(warehouse, existing, rows)
  const { clock, store } = warehouse
  if (existing && destination.write === 'WRITE_EMPTY' && (await rowCount(store, existing.physical)) > 0) {
    throw new GoogleError('ALREADY_EXISTS', `Already Exists: Table ${key}`)
  }
  const stale = store.tables.get(key)
  const created = newTable(warehouse, {
    project: projectId,
    dataset: datasetId,
    table: tableId,
    fields: rows.fields,
    kind: 'TABLE',
  })
  const record: TableRecord = existing
    ? {
        ...existing,
        fields: keptDescriptions(existing.fields, rows.fields),
        physical,
        modifiedMs: clock.now(),
        revision: existing.revision + 1,
      }
    : { ...created, physical }
  setProperties(record, destination.properties)
  Object.assign(record, withIngested({ ...record, ingested: [] }, ingestion(rows, clock.now())))
  knownOf(store, physical).rows = rows.totalRows
  return { statements: dropRowsSql(stale ? [stale] : []), tables: [[key, record]] }
}

function ingestion({ totalRows, destination }: Rows, nowMs: number): Parameters<typeof withIngested>[1] {
  return { rows: totalRows, nowMs, partition: destination.partition }
}

function byName(fields: readonly Field[]): Map<string, Field> {
  return new Map(fields.map((field) => [field.name.toLowerCase(), field]))
}

/** A truncating write keeps the descriptions of columns that stay. */
function keptDescriptions(before: readonly Field[], after: readonly Field[]): Field[] {
  const known = byName(before)
  return after.map((field) => {
    const old = known.get(field.name.toLowerCase())
    if (!old || old.type !== field.type || field.description !== undefined) return field
    return {
      ...field,
      ...(old.description === undefined ? {} : { description: old.description }),
      ...(field.fields && old.fields ? { fields: keptDescriptions(old.fields, field.fields) } : {}),
    }
  })
}

function setProperties(record: TableRecord, properties: Record<string, unknown>): void {
  if (properties['clustering']) record.clustering = parseClustering(properties['clustering'], record.fields)
  if (properties['timePartitioning'])
    record.timePartitioning = parseTimePartitioning(properties['timePartitioning'], record.fields)
  if (properties['rangePartitioning'])
    record.rangePartitioning = parseRangePartitioning(properties['rangePartitioning'], record.fields)
}

/** Columns meet by name; those that the rows lack become NULL. */
async function append(warehouse: Warehouse, record: TableRecord, rows: Rows): Promise<Changes> {
  const key = tableKey(record.project, record.dataset, record.table)
  const nowMs = warehouse.clock.now()
  const ingested = withIngested(record, ingestion(rows, nowMs))
  const mismatch = (message: string): GoogleError => invalid(`Provided Schema does not match Table ${key}. ${message}`)
  const known = byName(record.fields)
  const unknown = rows.fields.find((field) => !known.has(field.name.toLowerCase()))
  if (unknown) throw mismatch(`Cannot add fields (field: ${unknown.name})`)
  const places = new Map(rows.fields.map((field, index) => [field.name.toLowerCase(), index]))
  const list: string[] = []
  for (const field of record.fields) {
    const index = places.get(field.name.toLowerCase()) ?? -1
    const given = rows.fields[index]
    const type = duckType(fieldType(field))
    if (!given) {
      if (field.mode === 'REQUIRED') throw mismatch(`Required field ${field.name} is missing`)
      list.push(field.mode === 'REPEATED' ? `CAST([] AS ${type})` : `CAST(NULL AS ${type})`)
      continue
    }
    if (duckType(fieldType(given)) !== type || given.type !== field.type)
      throw mismatch(`Field ${field.name} has changed type from ${field.type} to ${given.type}`)
    if (field.mode === 'REQUIRED') await refuseNulls(warehouse, rows.physical, index, field.name)
    list.push(`c${index}`)
  }
  return {
    statements: [
      `INSERT INTO data.${record.physical} SELECT ${list.join(', ')} FROM data.${rows.physical}`,
      `DROP TABLE data.${rows.physical}`,
    ],
    tables: [[key, { ...record, ...ingested, modifiedMs: nowMs, revision: record.revision + 1 }]],
    written: [record.physical],
  }
}

async function refuseNulls({ store }: Warehouse, physical: string, index: number, name: string): Promise<void> {
  const sql = `SELECT 1 FROM data.${physical} WHERE c${index} IS NULL LIMIT 1`
  const found = await store.read(async (connection) => (await connection.run(sql)).getRows())
  if (found.length > 0) throw invalid(`Required field ${name} cannot be null`)
}
