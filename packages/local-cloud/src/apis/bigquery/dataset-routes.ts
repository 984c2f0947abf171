import type { Hono } from 'hono'
import type { Principal } from '../../kernel/api.ts'
import { notEmulated } from '../../kernel/errors.ts'
import { datasetName, type BigQueryOperation } from './permissions.ts'
import type { DatasetRecord } from './records.ts'
import { deleteDataset, insertDataset, updateDataset } from './datasets.ts'
import { datasetItem, datasetResource } from './resource-wire.ts'
import { maxResultsOf, pageToken, startOf } from './rows.ts'
import { dataset, type Warehouse } from './warehouse.ts'
import { DATASET, DATASETS, flag, jsonBody, listPage, segment } from './requests.ts'

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets */
export function datasetRoutes(app: Hono, operation: BigQueryOperation, warehouse: Warehouse): void {
  const maySee = (principal: Principal, { project, dataset: name }: DatasetRecord): boolean =>
    warehouse.access.has(principal, { permission: 'bigquery.datasets.get', resource: datasetName(project, name) })

  app.post(
    DATASETS,
    operation('bigquery.datasets.insert', async (context, principal) =>
      context.json(
        datasetResource(
          await insertDataset(warehouse, segment(context, 'project'), await jsonBody(context), principal),
        ),
      ),
    ),
  )
  app.get(
    DATASETS,
    operation('bigquery.datasets.list', (context, principal) => {
      if (context.req.query('filter')) throw notEmulated('the filter of bigquery.datasets.list')
      const project = segment(context, 'project')
      const all = [...warehouse.store.datasets.values()]
        .filter((record) => record.project === project && maySee(principal, record))
        .filter((record) => flag(context, 'all') || !record.dataset.startsWith('_'))
        .toSorted((left, right) => (left.dataset < right.dataset ? -1 : 1))
      const page = listPage(all, startOf(context.req.query()), maxResultsOf(context.req.query('maxResults')))
      return context.json({
        kind: 'bigquery#datasetList',
        ...(page.items.length > 0 ? { datasets: page.items.map(datasetItem) } : {}),
        ...(page.next === undefined ? {} : { nextPageToken: pageToken(page.next) }),
      })
    }),
  )
  app.get(
    DATASET,
    operation('bigquery.datasets.get', (context) =>
      context.json(datasetResource(dataset(warehouse, segment(context, 'project'), segment(context, 'dataset')))),
    ),
  )
  for (const [method, replace] of [
    ['patch', false],
    ['update', true],
  ] as const) {
    app.on(
      replace ? 'PUT' : 'PATCH',
      DATASET,
      operation(`bigquery.datasets.${method}`, async (context) => {
        const options = { replace, ifMatch: context.req.header('if-match') }
        const record = await updateDataset(
          warehouse,
          segment(context, 'project'),
          segment(context, 'dataset'),
          await jsonBody(context),
          options,
        )
        return context.json(datasetResource(record))
      }),
    )
  }
  app.delete(
    DATASET,
    operation('bigquery.datasets.delete', async (context) => {
      await deleteDataset(
        warehouse,
        segment(context, 'project'),
        segment(context, 'dataset'),
        flag(context, 'deleteContents'),
      )
      return context.body(null, 204)
    }),
  )
}
