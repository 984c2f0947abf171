import type { Context, Handler } from 'hono'
import type { Demand, Principal } from '../../kernel/api.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { need, NOTHING } from '../../kernel/needs.ts'

type Needs = (context: Context) => readonly Demand[]

function parameter(context: Context, name: string): string {
  return context.req.param(name) ?? ''
}

function onProject(permission: string): Needs {
  return (context) => need(permission, `projects/${parameter(context, 'project')}`)
}

function onDataset(...permissions: string[]): Needs {
  return (context) => {
    const resource = datasetName(parameter(context, 'project'), parameter(context, 'dataset'))
    return permissions.map((permission) => ({ permission, resource }))
  }
}

function onTable(...permissions: string[]): Needs {
  return (context) => {
    const { project = '', dataset = '', table = '' } = context.req.param() as Record<string, string>
    const resource = tableName({ projectId: project, datasetId: dataset, tableId: table })
    return permissions.map((permission) => ({ permission, resource }))
  }
}

/**
 * The needs of the methods, checked before anything is read
 * (https://cloud.google.com/bigquery/docs/access-control#bq-permissions). The needs of a job's tables are checked after
 * its statement is parsed.
 */
const NEEDS = {
  'bigquery.datasets.insert': onProject('bigquery.datasets.create'),
  // It lists those that the caller may see.
  'bigquery.datasets.list': NOTHING,
  'bigquery.datasets.get': onDataset('bigquery.datasets.get'),
  'bigquery.datasets.patch': onDataset('bigquery.datasets.get', 'bigquery.datasets.update'),
  'bigquery.datasets.update': onDataset('bigquery.datasets.get', 'bigquery.datasets.update'),
  'bigquery.datasets.delete': (context) => [
    ...onDataset('bigquery.datasets.delete')(context),
    ...(context.req.query('deleteContents') === 'true' ? onDataset('bigquery.tables.delete')(context) : []),
  ],
  'bigquery.tables.insert': onDataset('bigquery.tables.create'),
  'bigquery.tables.list': onDataset('bigquery.tables.list'),
  'bigquery.tables.get': onTable('bigquery.tables.get'),
  'bigquery.tables.patch': onTable('bigquery.tables.get', 'bigquery.tables.update'),
  'bigquery.tables.update': onTable('bigquery.tables.get', 'bigquery.tables.update'),
  'bigquery.tables.delete': onTable('bigquery.tables.delete'),
  'bigquery.tabledata.insertAll': onTable('bigquery.tables.updateData'),
  'bigquery.tabledata.list': onTable('bigquery.tables.getData'),
  'bigquery.jobs.insert': onProject('bigquery.jobs.create'),
  'bigquery.jobs.query': onProject('bigquery.jobs.create'),
  'bigquery.jobs.list': onProject('bigquery.jobs.list'),
  // One's own jobs need no permission; whose job it is shows only once it is found.
  'bigquery.jobs.get': NOTHING,
  'bigquery.jobs.cancel': NOTHING,
  'bigquery.jobs.getQueryResults': NOTHING,
  'bigquery.unknown': NOTHING,
} as const satisfies Record<string, Needs>

/** `Operation` of BigQuery's methods, which brings along what each needs. */
export type BigQueryOperation = (
  method: keyof typeof NEEDS,
  handler: (context: Context, principal: Principal) => Promise<Response> | Response,
) => Handler

export function withNeeds(operation: Operation): BigQueryOperation {
  return (method, handler) => operation(method, handler, { needs: NEEDS[method] })
}

/** A dataset as IAM names it. */
export function datasetName(project: string, dataset: string): string {
  return `projects/${project}/datasets/${dataset}`
}

/** A table as IAM names it. */
export function tableName(table: { projectId: string; datasetId: string; tableId: string }): string {
  return `${datasetName(table.projectId, table.datasetId)}/tables/${table.tableId}`
}
