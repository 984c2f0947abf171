import { randomUUID } from 'node:crypto'
import type { Principal } from '../../kernel/api.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { checkMatch, withLabels } from './datasets.ts'
import { parseClustering, parseRangePartitioning, parseTimePartitioning } from './partitioning.ts'
import { externalFields, parseExternalData } from './external-table.ts'
import { tableKey, type TableRecord } from './records.ts'
import { etag, optionalText, parseLabels, patched } from './resource-fields.ts'
import { rowCount } from './sizes.ts'
import { fieldType, parseFields, updatedFields, type Field } from './table-schema.ts'
import { duckType } from './sql/types.ts'
import { viewColumns } from './views.ts'
import {
  createRowsSql,
  dataset,
  dropRowsSql,
  findTable,
  refuseLinked,
  table,
  typesOf,
  type Warehouse,
} from './warehouse.ts'

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/tables#table_naming: letters, marks, numbers, connectors, dashes and spaces. */
const TABLE_ID = /^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}\p{Zs}]{1,1024}$/u

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

export function checkTableId(name: string): void {
  if (!TABLE_ID.test(name)) {
    throw invalid(
      `Invalid table ID "${name}". Table IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
    )
  }
}

const KNOWN = new Set(
  `kind etag id selfLink tableReference friendlyName description labels schema timePartitioning rangePartitioning clustering
  requirePartitionFilter numBytes numLongTermBytes numRows creationTime expirationTime lastModifiedTime type view location
  streamingBuffer externalDataConfiguration numTimeTravelPhysicalBytes numTotalLogicalBytes numActiveLogicalBytes numLongTermLogicalBytes`.split(
    /\s+/,
  ),
)

function refuseUnknown(body: Body): void {
  for (const [name, value] of Object.entries(body)) {
    if (!KNOWN.has(name) && value !== null) throw notEmulated(`the table property ${name}`)
  }
}

function schemaFields(body: Body): Field[] | undefined {
  const schema = body['schema'] as { fields?: unknown } | null | undefined
  return schema?.fields === undefined ? undefined : parseFields(schema.fields)
}

/** Creates a table or a view: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/insert */
export async function insertTable(
  warehouse: Warehouse,
  project: string,
  datasetName: string,
  body: Body,
  { email }: Principal,
): Promise<TableRecord> {
  const { store, clock } = warehouse
  refuseUnknown(body)
  const name = String(((body['tableReference'] ?? {}) as Body)['tableId'] ?? '')
  checkTableId(name)
  const owner = dataset(warehouse, project, datasetName)
  refuseLinked(warehouse, project, datasetName, 'tables.insert')
  const view = parseView(body)
  if (view && schemaFields(body)) throw invalid("Schema field shouldn't be used as input with a view")
  const external = parseExternalData(body['externalDataConfiguration'])
  const given = schemaFields(body)
  const fields = view
    ? await viewColumns(warehouse, project, view.query, owner.location)
    : external
      ? await externalFields(warehouse, external, { given, email })
      : (given ?? [])
  const record = newTable(warehouse, {
    project,
    dataset: datasetName,
    table: name,
    fields,
    kind: view ? 'VIEW' : external ? 'EXTERNAL' : 'TABLE',
  })
  if (view) record.view = view
  if (external) record.external = external
  apply(record, body, clock.now())
  await store.write(async () => {
    dataset(warehouse, project, datasetName)
    const key = tableKey(project, datasetName, name)
    if (findTable(warehouse, project, datasetName, name))
      throw new GoogleError('ALREADY_EXISTS', `Already Exists: Table ${key}`)
    const expired = store.tables.get(key)
    const create = record.kind === 'TABLE' ? [createRowsSql(record.physical, typesOf(record))] : []
    return { statements: [...dropRowsSql(expired ? [expired] : []), ...create], tables: [[key, record]] }
  })
  return record
}

/** A new table's record, with its dataset's default expiration. */
export function newTable(
  warehouse: Warehouse,
  given: Pick<TableRecord, 'project' | 'dataset' | 'table' | 'fields' | 'kind'>,
): TableRecord {
  const { store, clock } = warehouse
  const now = clock.now()
  const lifetime = dataset(warehouse, given.project, given.dataset).defaultTableExpirationMs
  return {
    ...given,
    id: randomUUID(),
    physical: given.kind === 'TABLE' ? store.newPhysical() : '',
    createdMs: now,
    modifiedMs: now,
    revision: 1,
    labels: {},
    ...(lifetime === undefined || given.kind === 'VIEW' ? {} : { expirationMs: now + lifetime }),
  }
}

function parseView(body: Body): { query: string } | undefined {
  const view = body['view'] as Body | null | undefined
  if (!view) return undefined
  const { query, useLegacySql, ...others } = view
  if (useLegacySql !== false) throw notEmulated('legacy SQL (set view.useLegacySql to false)')
  const other = Object.keys(others).find((name) => others[name] !== null && others[name] !== undefined)
  if (other) throw notEmulated(`the view property ${other}`)
  if (typeof query !== 'string' || query.trim() === '') throw invalid('A view must have a query')
  return { query }
}

/** Sets the properties that insert, patch and update share. */
function apply(record: TableRecord, body: Body, nowMs: number): void {
  if ('description' in body) patched(record, 'description', optionalText(body['description']))
  if ('friendlyName' in body) patched(record, 'friendlyName', optionalText(body['friendlyName']))
  if ('labels' in body) record.labels = parseLabels(body['labels'])
  if ('expirationTime' in body) patched(record, 'expirationMs', expirationTime(body['expirationTime'], nowMs))
  if (body['clustering']) record.clustering = parseClustering(body['clustering'], record.fields)
  if (body['timePartitioning']) record.timePartitioning = parseTimePartitioning(body['timePartitioning'], record.fields)
  if (body['rangePartitioning'])
    record.rangePartitioning = parseRangePartitioning(body['rangePartitioning'], record.fields)
  if (record.timePartitioning && record.rangePartitioning)
    throw invalid('A table cannot have both time and range partitioning')
  // The property of time partitioning is the older form.
  const older = (body['timePartitioning'] as Body | null | undefined)?.['requirePartitionFilter']
  const required = body['requirePartitionFilter'] ?? older
  if (required && !record.timePartitioning && !record.rangePartitioning)
    throw invalid('require_partition_filter cannot be set on a table that is not partitioned')
  if (required !== undefined) record.requirePartitionFilter = Boolean(required)
}

function expirationTime(value: unknown, nowMs: number): number | undefined {
  if (value === null || value === undefined) return undefined
  const time = Number(value)
  if (!Number.isSafeInteger(time)) throw invalid(`Invalid value for expirationTime: ${String(value)}`)
  if (time <= nowMs) throw invalid('Invalid value: Expiration time must be in the future')
  return time
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch (and update, which clears the fields that the body does not have). */
export async function changeTable(
  warehouse: Warehouse,
  [project, datasetName, name]: readonly [string, string, string],
  body: Body,
  options: { replace: boolean; ifMatch: string | undefined },
): Promise<TableRecord> {
  const { store, clock } = warehouse
  refuseUnknown(body)
  const view = parseView(body)
  const owner = dataset(warehouse, project, datasetName)
  refuseLinked(warehouse, project, datasetName, options.replace ? 'tables.update' : 'tables.patch')
  const viewFields = view && (await viewColumns(warehouse, project, view.query, owner.location))
  let updated: TableRecord | undefined
  await store.write(async () => {
    const before = table(warehouse, project, datasetName, name)
    checkMatch(options.ifMatch, etag(before))
    if (view && before.kind !== 'VIEW') throw invalid('Cannot convert a table into a view')
    for (const property of ['timePartitioning', 'rangePartitioning'] as const) {
      if (body[property] && !before[property])
        throw invalid(`Cannot change the partitioning of table ${tableKey(project, datasetName, name)}`)
    }
    const next: TableRecord = { ...before, modifiedMs: clock.now(), revision: before.revision + 1 }
    if (options.replace)
      for (const property of ['description', 'friendlyName', 'expirationMs'] as const) delete next[property]
    if (options.replace) next.labels = {}
    const given = schemaFields(body)
    let statements: string[] = []
    if (view) Object.assign(next, { view, fields: viewFields })
    else if (given && before.kind === 'TABLE') {
      next.fields = updatedFields(before.fields, given, tableKey(project, datasetName, name))
      statements = await alterRows(warehouse, before, next)
    }
    apply(next, body, clock.now())
    updated = withLabels(next, before.labels, body, options.replace)
    return { statements, tables: [[tableKey(project, datasetName, name), updated]] }
  })
  return updated!
}

/** Adds the new columns. New fields inside a RECORD need the rows rewritten, which only an empty table is spared. */
async function alterRows({ store }: Warehouse, before: TableRecord, next: TableRecord): Promise<string[]> {
  const changed = before.fields.some(
    (field, index) => duckType(fieldType(field)) !== duckType(fieldType(next.fields[index]!)),
  )
  if (changed || before.fields.length === 0) {
    if ((await rowCount(store, before.physical)) > 0)
      throw notEmulated('adding fields to a RECORD of a table that has rows')
    next.physical = store.newPhysical()
    return [...dropRowsSql([before]), createRowsSql(next.physical, typesOf(next))]
  }
  return typesOf(next)
    .slice(before.fields.length)
    .map((type, added) => {
      const initial = type.kind === 'ARRAY' ? ` DEFAULT CAST([] AS ${duckType(type)})` : ''
      const column = `c${before.fields.length + added}`
      return `ALTER TABLE data.${before.physical} ADD COLUMN ${column} ${duckType(type)}${initial}`
    })
}

export async function dropTable(
  warehouse: Warehouse,
  project: string,
  datasetName: string,
  name: string,
): Promise<void> {
  refuseLinked(warehouse, project, datasetName, 'tables.delete')
  await warehouse.store.write(async () => {
    const record = table(warehouse, project, datasetName, name)
    return { statements: dropRowsSql([record]), tables: [[tableKey(project, datasetName, name), null]] }
  })
  warehouse.deletedTables.add(tableKey(project, datasetName, name))
}
