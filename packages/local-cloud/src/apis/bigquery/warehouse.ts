import type { AccessControl } from '../iam/authorizer.ts'
import type { Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { datasetKey, tableKey, type DatasetRecord, type TableRecord, type TableReference } from './records.ts'
import { fieldType } from './table-schema.ts'
import { duckType, type SqlType } from './sql/types.ts'
import type { Store } from './store.ts'
import type { StreamingBuffers } from './streaming-buffer.ts'

/** Anonymous query results live this long: https://cloud.google.com/bigquery/docs/cached-results#how_cached_results_are_stored */
export const RESULT_LIFETIME_MS = 24 * 3_600_000

/** The state that all parts of the emulated BigQuery share. */
export interface Warehouse {
  store: Store
  clock: Clock
  access: AccessControl
  /** How long a new table answers 404 to insertAll: https://cloud.google.com/bigquery/docs/error-messages#streaming */
  streamingWarmUpMs: number
  /**
   * Tables that were deleted since the start. Rows that are streamed into a new one of the same name are accepted and
   * lost for as long as a new table is unknown (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting).
   */
  deletedTables: Set<string>
  buffers: StreamingBuffers
  /** Reads an object of the emulated Cloud Storage as the job's caller, for load jobs. Rejects PERMISSION_DENIED. */
  readObject?: (gsUri: string, principal: Principal) => Promise<Buffer>
}

/** The dataset, or BigQuery's 404. */
export function dataset({ store }: Warehouse, project: string, name: string): DatasetRecord {
  const record = store.datasets.get(datasetKey(project, name))
  if (!record) throw new GoogleError('NOT_FOUND', `Not found: Dataset ${datasetKey(project, name)}`)
  return record
}

/**
 * Refuses changes of a linked dataset: its tables and its rows are read-only
 * (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#linked_datasets). The message is the one of
 * BigQuery's Storage API; unverified for the v2 API.
 */
export function refuseLinked({ store }: Warehouse, project: string, datasetName: string, what: string): void {
  if (!store.datasets.get(datasetKey(project, datasetName))?.linked) return
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `Attempted \`${what}\` on a Linked Dataset. This operation is not supported.`,
    { reason: 'invalid' },
  )
}

/** The table if it exists and has not expired. A linked dataset shows its source's, under its own name. */
export function findTable(
  warehouse: Warehouse,
  project: string,
  datasetName: string,
  name: string,
): TableRecord | undefined {
  const { store, clock } = warehouse
  const linked = store.datasets.get(datasetKey(project, datasetName))?.linked
  if (linked) {
    const source = findTable(warehouse, linked.project, linked.dataset, name)
    const { isEgressRestricted } = linked
    return source && { ...source, project, dataset: datasetName, ...(isEgressRestricted && { isEgressRestricted }) }
  }
  const record = store.tables.get(tableKey(project, datasetName, name))
  const hasExpired = record?.expirationMs !== undefined && record.expirationMs <= clock.now()
  return hasExpired ? undefined : record
}

/**
 * Refuses to copy rows of a table whose publisher restricts data egress: queries read them, but their results can go to
 * no table and no view (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#data_egress). The words are
 * those that subscribers have seen.
 */
export function refuseEgress(warehouse: Warehouse, tables: readonly TableReference[]): void {
  for (const { projectId, datasetId, tableId } of tables) {
    if (!findTable(warehouse, projectId, datasetId, tableId)?.isEgressRestricted) continue
    const key = tableKey(projectId, datasetId, tableId)
    throw new GoogleError('PERMISSION_DENIED', `Access Denied: Table ${key}: Data egress is restricted`, {
      reason: 'accessDenied',
    })
  }
}

/** The table, or BigQuery's 404 for it or for its dataset. */
export function table(warehouse: Warehouse, project: string, datasetName: string, name: string): TableRecord {
  dataset(warehouse, project, datasetName)
  const record = findTable(warehouse, project, datasetName, name)
  if (!record) throw new GoogleError('NOT_FOUND', `Not found: Table ${tableKey(project, datasetName, name)}`)
  return record
}

/** Live tables of a dataset, by name. */
export function tablesOf(warehouse: Warehouse, project: string, datasetName: string): TableRecord[] {
  const { store, clock } = warehouse
  const linked = store.datasets.get(datasetKey(project, datasetName))?.linked
  if (linked)
    return tablesOf(warehouse, linked.project, linked.dataset).map((each) => ({
      ...each,
      project,
      dataset: datasetName,
    }))
  return [...store.tables.values()]
    .filter((record) => record.project === project && record.dataset === datasetName)
    .filter((record) => record.expirationMs === undefined || record.expirationMs > clock.now())
    .toSorted((left, right) => (left.table < right.table ? -1 : 1))
}

/** DuckDB's definition of a table of rows with these columns. */
export function createRowsSql(physical: string, types: readonly SqlType[]): string {
  const columns = types.map((type, index) => `c${index} ${duckType(type)}`)
  // A table without columns cannot be; BigQuery's may have none until its first load.
  return `CREATE TABLE data.${physical} (${columns.length > 0 ? columns.join(', ') : 'c0 BOOLEAN'})`
}

export const typesOf = (record: Pick<TableRecord, 'fields'>): SqlType[] => record.fields.map(fieldType)

/** The statements that drop the rows of tables. */
export const dropRowsSql = (records: readonly TableRecord[]): string[] =>
  records.flatMap(({ physical }) => (physical ? [`DROP TABLE IF EXISTS data.${physical}`] : []))
