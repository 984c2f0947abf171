import type { Hono } from 'hono'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { BigQueryOperation } from './permissions.ts'
import { tableKey, type TableRecord } from './records.ts'
import { tableItem, tableResource } from './resource-wire.ts'
import { maxResultsOf, pageToken, readPage, startOf } from './rows.ts'
import { tableSize } from './sizes.ts'
import type { Streaming } from './streaming.ts'
import { dropTable, insertTable, changeTable } from './tables.ts'
import { dataset, refuseEgress, table, tablesOf, type Warehouse } from './warehouse.ts'
import { matchedTables } from './wildcard.ts'
import { jsonBody, listPage, segment, TABLE, tableSegments, TABLES, usesInt64Timestamp } from './requests.ts'

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables and tabledata */
export function tableRoutes(app: Hono, operation: BigQueryOperation, warehouse: Warehouse, streaming: Streaming): void {
  const resource = async (record: TableRecord): Promise<object> =>
    tableResource(
      record,
      dataset(warehouse, record.project, record.dataset).location,
      await tableSize(warehouse, record),
    )

  app.post(
    TABLES,
    operation('bigquery.tables.insert', async (context, principal) =>
      context.json(
        await resource(
          await insertTable(
            warehouse,
            segment(context, 'project'),
            segment(context, 'dataset'),
            await jsonBody(context),
            principal,
          ),
        ),
      ),
    ),
  )
  app.get(
    TABLES,
    operation('bigquery.tables.list', (context) => {
      dataset(warehouse, segment(context, 'project'), segment(context, 'dataset'))
      const all = tablesOf(warehouse, segment(context, 'project'), segment(context, 'dataset'))
      const page = listPage(all, startOf(context.req.query()), maxResultsOf(context.req.query('maxResults')))
      return context.json({
        kind: 'bigquery#tableList',
        ...(page.items.length > 0 ? { tables: page.items.map(tableItem) } : {}),
        ...(page.next === undefined ? {} : { nextPageToken: pageToken(page.next) }),
        totalItems: all.length,
      })
    }),
  )
  app.get(
    TABLE,
    operation('bigquery.tables.get', async (context) => {
      const path = tableSegments(context)
      if (!path[2].endsWith('*')) return context.json(await resource(table(warehouse, ...path)))
      dataset(warehouse, path[0], path[1])
      return context.json(await wildcardResource(warehouse, path, resource))
    }),
  )
  for (const [method, replace] of [
    ['patch', false],
    ['update', true],
  ] as const) {
    app.on(
      replace ? 'PUT' : 'PATCH',
      TABLE,
      operation(`bigquery.tables.${method}`, async (context) => {
        const options = { replace, ifMatch: context.req.header('if-match') }
        return context.json(
          await resource(await changeTable(warehouse, tableSegments(context), await jsonBody(context), options)),
        )
      }),
    )
  }
  app.delete(
    TABLE,
    operation('bigquery.tables.delete', async (context) => {
      await dropTable(warehouse, ...tableSegments(context))
      return context.body(null, 204)
    }),
  )
  app.post(
    `${TABLE}/insertAll`,
    operation('bigquery.tabledata.insertAll', async (context) => {
      const errors = await streaming.insertAll(tableSegments(context), await jsonBody(context))
      return context.json({
        kind: 'bigquery#tableDataInsertAllResponse',
        ...(errors.length > 0 ? { insertErrors: errors } : {}),
      })
    }),
  )
  app.get(
    `${TABLE}/data`,
    operation('bigquery.tabledata.list', async (context) => {
      const record = table(warehouse, ...tableSegments(context))
      refuseEgress(warehouse, [{ projectId: record.project, datasetId: record.dataset, tableId: record.table }])
      // Whether Google lists their rows is unverified; queries read them.
      if (dataset(warehouse, record.project, record.dataset).linked)
        throw notEmulated('tabledata.list of a table in a linked dataset')
      if (record.kind !== 'TABLE') {
        throw new GoogleError(
          'INVALID_ARGUMENT',
          `Cannot list a table of type ${record.kind}: ${tableKey(record.project, record.dataset, record.table)}`,
          { reason: 'invalid' },
        )
      }
      const selected = context.req.query('selectedFields')
      const page = await readPage(warehouse.store, record.physical, record.fields, {
        startIndex: startOf(context.req.query()),
        maxResults: maxResultsOf(context.req.query('maxResults')),
        options: { useInt64Timestamp: usesInt64Timestamp(context) },
        ...(selected ? { columns: selectedColumns(selected, record) } : {}),
      })
      return context.json({
        kind: 'bigquery#tableDataList',
        totalRows: String(page.totalRows),
        ...(page.rows.length > 0 ? { rows: page.rows } : {}),
        ...(page.pageToken ? { pageToken: page.pageToken } : {}),
      })
    }),
  )
}

/**
 * The tables that a wildcard stands for, as one that has just been made: their columns are those of the newest, and their
 * rows are counted together (googleapis/python-bigquery#2035).
 */
async function wildcardResource(
  warehouse: Warehouse,
  [project, datasetName, name]: readonly [string, string, string],
  resource: (record: TableRecord) => Promise<object>,
): Promise<object> {
  const tables = matchedTables(warehouse, project, datasetName, name)
  const newest = tables.at(-1)
  if (!newest) throw new GoogleError('NOT_FOUND', `Not found: Table ${tableKey(project, datasetName, name)}`)
  const all = (await Promise.all(tables.map(resource))) as { numRows: string; numBytes: string }[]
  const sum = (member: 'numRows' | 'numBytes'): string =>
    String(all.reduce((total, each) => total + Number(each[member]), 0))
  const now = String(warehouse.clock.now())
  return {
    ...all.at(-1),
    id: tableKey(project, datasetName, name),
    tableReference: { projectId: project, datasetId: datasetName, tableId: name },
    numRows: sum('numRows'),
    numBytes: sum('numBytes'),
    creationTime: now,
    lastModifiedTime: now,
  }
}

function selectedColumns(selected: string, record: TableRecord): number[] {
  const names = selected.split(',').map((name) => name.trim().toLowerCase())
  for (const name of names) {
    if (name.includes('.'))
      throw new GoogleError(
        'UNIMPLEMENTED',
        'selectedFields of nested fields is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md',
      )
    if (!record.fields.some((field) => field.name.toLowerCase() === name))
      throw new GoogleError('INVALID_ARGUMENT', `Field ${name} not found in table`, { reason: 'invalid' })
  }
  return record.fields.flatMap((field, index) => (names.includes(field.name.toLowerCase()) ? [index] : []))
}
