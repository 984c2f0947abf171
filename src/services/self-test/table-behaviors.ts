import { deleteTable, dryRun, ensureTable, queryRows, type TableName } from '../../google/bigquery/bigquery.ts'
import { queryIntoTable } from '../../google/bigquery/jobs.ts'
import { callApi } from '../../google/rest/rest.ts'
import {
  asExpected,
  different,
  statusOf,
  waitUntil,
  type Behavior,
  type Observation,
  type ProbeContext,
} from './behavior.ts'

/** How long a new table can answer 404 to a stream of rows, with room to spare. */
const NEW_TABLE_MS = 10 * 60_000

async function create(name: TableName): Promise<void> {
  const columns = [{ name: 'id', type: 'STRING' as const, description: '' }]
  await ensureTable(name, { columns, description: 'A table of imagery doctor --self-test.', labels: {} })
}

function insert({ projectId, dataset, table }: TableName, insertIds: readonly string[]): Promise<unknown> {
  return callApi('bigquery', `bigquery/v2/projects/${projectId}/datasets/${dataset}/tables/${table}/insertAll`, {
    body: { rows: insertIds.map((insertId) => ({ insertId, json: { id: insertId } })) },
  })
}

async function countRows({ projectId, dataset, table }: TableName, location: string): Promise<number> {
  const sql = `SELECT COUNT(*) AS number FROM \`${projectId}.${dataset}.${table}\``
  const [row] = await queryRows<{ number: number }>(sql, { projectId, location })
  return Number(row?.number ?? 0)
}

/** Gives work the name of a table that does not exist yet, and deletes that table afterwards. */
async function withTable(
  context: ProbeContext,
  table: string,
  work: (name: TableName) => Promise<Observation>,
): Promise<Observation> {
  const name = { projectId: context.target.place.projectId, dataset: context.dataset, table }
  try {
    return await work(name)
  } finally {
    await statusOf(deleteTable(name))
  }
}

/** Streams a row until the table takes it, and waits until a query sees it. */
async function observeStream(context: ProbeContext, name: TableName): Promise<Observation> {
  const { signal, location } = context
  const statuses: string[] = []
  const accepted = await waitUntil(
    async () => {
      const status = await statusOf(insert(name, ['first']))
      statuses.push(status)
      return status === 'NOT_FOUND' ? undefined : status
    },
    { timeoutMs: NEW_TABLE_MS, pauseMs: 1_000, signal },
  )
  const seen = `insertAll answered ${[...new Set(statuses)].join(', then ')}`
  if (accepted && accepted.seen !== 'OK') return different(`${seen}; expected OK, or NOT_FOUND for a while`)
  if (!accepted) return different(`${seen} for ${NEW_TABLE_MS / 60_000} minutes`)
  const visible = await waitUntil(async () => (await countRows(name, location)) || undefined, {
    timeoutMs: NEW_TABLE_MS,
    pauseMs: 1_000,
    signal,
  })
  if (!visible) return different(`${seen}, but no query saw the row for ${NEW_TABLE_MS / 60_000} minutes`)
  return asExpected(`${seen}, accepted after ${accepted.seconds} s, visible ${visible.seconds} s later`)
}

const newTable: Behavior = {
  id: 'bigquery.stream_to_new_table',
  title: 'A new table takes streamed rows, at once or after answers 404',
  observe: (context) =>
    withTable(context, 'self_test_new', async (name) => {
      await create(name)
      return observeStream(context, name)
    }),
}

const recreatedTable: Behavior = {
  id: 'bigquery.stream_to_recreated_table',
  title: 'A table that was deleted and created again takes streamed rows, at once or after answers 404',
  observe: (context) =>
    withTable(context, 'self_test_again', async (name) => {
      await create(name)
      await deleteTable(name)
      await create(name)
      return observeStream(context, name)
    }),
}

const sameInsertId: Behavior = {
  id: 'bigquery.insert_id',
  title: 'BigQuery keeps one of two rows that are streamed with the same insertId',
  observe: (context) =>
    withTable(context, 'self_test_insert_id', async (name) => {
      await create(name)
      await observeStream(context, name)
      await insert(name, ['twice'])
      await insert(name, ['twice'])
      const rows = await countRows(name, context.location)
      const seen = `3 rows were streamed with 2 insertIds, and ${rows} are in the table`
      return rows === 2 ? asExpected(seen) : different(seen)
    }),
}

/** The buckets of the table whose partitions are counted. */
const PARTITIONS = 10

const partitionPruning: Behavior = {
  id: 'bigquery.partition_pruning',
  title: 'A query of one partition reads, and bills, that partition alone',
  observe: (context) =>
    withTable(context, 'self_test_partitions', async (name) => {
      const { location } = context
      const { projectId } = name
      const path = `\`${projectId}.${name.dataset}.${name.table}\``
      await queryIntoTable(`SELECT bucket FROM UNNEST(GENERATE_ARRAY(0, ${PARTITIONS - 1})) AS bucket`, {
        projectId,
        location,
        destination: name,
        labels: {},
        clusterBy: ['bucket'],
        jobId: `imagery-${context.id}-partitions`,
        partitionBy: { column: 'bucket', end: PARTITIONS },
      })
      const [all, one] = await Promise.all([
        dryRun(`SELECT bucket FROM ${path}`, { projectId, location }),
        dryRun(`SELECT bucket FROM ${path} WHERE bucket = 3`, { projectId, location }),
      ])
      const seen = `one of ${PARTITIONS} partitions: ${one.bytes} of ${all.bytes} bytes`
      return one.bytes * PARTITIONS === all.bytes ? asExpected(seen) : different(seen)
    }),
}

export const TABLE_BEHAVIORS: readonly Behavior[] = [newTable, recreatedTable, sameInsertId, partitionPruning]
