import type { Access, Demand, Principal } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { entriesOf, type AccessEntry } from './dataset-access.ts'
import type { Destination } from './destination.ts'
import { tableName } from './permissions.ts'
import { datasetKey, tableKey, type JobRecord, type TableReference } from './records.ts'
import { dataset, findTable, refuseLinked, type Warehouse } from './warehouse.ts'

/**
 * Checks that the caller may read a query's tables. A table read through an authorized view
 * needs no permission of its own
 * (https://cloud.google.com/bigquery/docs/authorized-views). Throws PERMISSION_DENIED.
 */
export function checkReads(warehouse: Warehouse, principal: Principal, tables: readonly TableReference[]): void {
  const { access } = warehouse
  const mayRead = (table: TableReference): boolean =>
    access.has(principal, { permission: 'bigquery.tables.getData', resource: tableName(table) })
  const readable = tables.filter(mayRead)
  const views = readable.filter(
    ({ projectId, datasetId, tableId }) => findTable(warehouse, projectId, datasetId, tableId)?.kind === 'VIEW',
  )
  for (const table of tables) {
    if (readable.includes(table) || views.some((view) => isAuthorized(warehouse, view, table))) continue
    throw queryDenied(table)
  }
}

/** Checks that the caller may write to the job's destination table. Throws PERMISSION_DENIED. */
export function checkWrites(warehouse: Warehouse, principal: Principal, { table, write }: Destination): void {
  const { projectId, datasetId, tableId } = table
  refuseLinked(warehouse, projectId, datasetId, 'jobs.insert')
  const on = (permission: string): Demand => ({ permission, resource: tableName(table) })
  const demands = findTable(warehouse, projectId, datasetId, tableId)
    ? [on('bigquery.tables.updateData'), ...(write === 'WRITE_TRUNCATE' ? [on('bigquery.tables.update')] : [])]
    : [on('bigquery.tables.create'), on('bigquery.tables.updateData')]
  warehouse.access.check(principal, demands)
}

/** Only callers with the permission can see other users' jobs (https://cloud.google.com/bigquery/docs/managing-jobs). */
export function checkJob(access: Access, principal: Principal, job: JobRecord, permission: string): JobRecord {
  if (job.email !== principal.email) access.check(principal, [{ permission, resource: `projects/${job.project}` }])
  return job
}

function isAuthorized(warehouse: Warehouse, view: TableReference, { projectId, datasetId }: TableReference): boolean {
  const entries = entriesOf(dataset(warehouse, projectId, datasetId))
  const isSame = (other: AccessEntry['view']): boolean =>
    other !== undefined &&
    datasetKey(other.projectId, other.datasetId) === datasetKey(view.projectId, view.datasetId) &&
    other.tableId === view.tableId
  return entries.some((entry) => isSame(entry.view))
}

/** In the words of the query engine, which names no permission: bigquery.tables.getData is meant. */
function queryDenied({ projectId, datasetId, tableId }: TableReference): GoogleError {
  const key = tableKey(projectId, datasetId, tableId)
  return new GoogleError(
    'PERMISSION_DENIED',
    `Access Denied: Table ${key}: User does not have permission to query table ${key}, or perhaps it does not exist.`,
    { reason: 'accessDenied' },
  )
}
