import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness
beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.client.createDataset('d')
  await bigquery.client.dataset('d').createTable('t', {
    schema: {
      fields: [
        { name: 'bucket', type: 'INTEGER' },
        { name: 'n', type: 'INTEGER' },
      ],
    },
    rangePartitioning: { field: 'bucket', range: { start: '0', end: '100', interval: '10' } },
  } as object)
  const rows = Array.from({ length: 100 }, (_, n) => ({ bucket: n, n }))
  await bigquery.client.dataset('d').table('t').insert(rows)
  await bigquery.client.dataset('d').createTable('v', { view: { query: 'SELECT * FROM d.t', useLegacySql: false } })
})
afterAll(() => bigquery.close())

/** Rows that a query reads of `bucket` and `n`, of 8 bytes each. */
async function rowsRead(query: string, params: Record<string, number> = {}): Promise<number> {
  const [job] = await bigquery.client.createQueryJob({ query, params, dryRun: true })
  return Number(job.metadata.statistics.totalBytesProcessed) / 16
}

/** https://cloud.google.com/bigquery/docs/querying-partitioned-tables */
describe('a query over an integer-range partitioned table reads', () => {
  const of = (condition: string): string => `SELECT bucket, n FROM d.t WHERE ${condition}`

  test.each([
    ['the partition of one value', of('bucket = 15'), 10],
    ['the partitions of a range', of('bucket BETWEEN 15 AND 25'), 20],
    ['the partitions of a list', of('bucket IN (5, 25, 26)'), 20],
    ['the partitions above a bound', of('t.bucket >= 90'), 10],
    ['the partitions that all conditions leave', of('bucket < 30 AND n > 3 AND 10 <= bucket'), 20],
    ['no partition for a range without values', of('bucket > 20 AND bucket < 10'), 0],
    ['the partitions of both parts', `${of('bucket = 5')} UNION ALL ${of('bucket = 95')}`, 20],
    [
      'the partitions that a subquery of a join names',
      `SELECT a.n FROM (${of('bucket = 5')}) AS a LEFT JOIN (${of('bucket BETWEEN 0 AND 19')}) AS b ON a.n = b.n`,
      20,
    ],
    ['everything without a condition', 'SELECT bucket, n FROM d.t', 100],
    ['everything for a condition on another column', of('n = 15'), 100],
    ['everything for an expression over the column', of('bucket + 0 = 15'), 100],
    ['everything for alternatives', of('bucket = 5 OR n = 5'), 100],
    ['everything for a join on the column', 'SELECT a.n FROM d.t AS a JOIN d.t AS b ON a.bucket = b.bucket', 100],
    ['everything through a view', 'SELECT bucket, n FROM d.v WHERE bucket = 15', 100],
  ])('%s', async (_what, query, rows) => {
    expect(await rowsRead(query)).toBe(rows)
  })

  test('the partitions that parameters name', async () => {
    expect(await rowsRead(of('bucket BETWEEN @from AND @to'), { from: 10, to: 39 })).toBe(30)
  })

  test('rows outside all partitions, always', async () => {
    await bigquery.client
      .dataset('d')
      .table('t')
      .insert([
        { bucket: 1_000, n: 0 },
        { bucket: null, n: 0 },
      ])
    expect(await rowsRead(of('bucket = 15'))).toBe(11)
  })
})

/** https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability */
describe('rows in the streaming buffer', () => {
  const NINETY_MINUTES_MS = 5_400_000
  let streaming: Harness
  beforeAll(async () => {
    streaming = await startBigQuery({ streamingBufferMs: NINETY_MINUTES_MS })
    await streaming.client.createDataset('d')
    await streaming.client.dataset('d').createTable('t', {
      schema: { fields: [{ name: 'bucket', type: 'INTEGER' }] },
      rangePartitioning: { field: 'bucket', range: { start: '0', end: '100', interval: '10' } },
    } as object)
    const rows = Array.from({ length: 100 }, (_, bucket) => ({ bucket }))
    await streaming.client.dataset('d').table('t').insert(rows)
  })
  afterAll(() => streaming.close())

  async function seen(): Promise<object> {
    const query = 'SELECT bucket FROM d.t WHERE bucket = 15'
    const [job] = await streaming.client.createQueryJob({ query, dryRun: true })
    const [rows] = await streaming.client.query(query)
    const [{ numRows, streamingBuffer }] = await streaming.client.dataset('d').table('t').getMetadata()
    const bytes = Number(job.metadata.statistics.totalBytesProcessed)
    return { rows: rows.length, rowsRead: bytes / 8, numRows, buffered: streamingBuffer?.estimatedRows }
  }

  test('are in the results, in no partition and not in the metadata, until they leave it', async () => {
    expect(await seen()).toEqual({ rows: 1, rowsRead: 100, numRows: '0', buffered: '100' })
    await streaming.clock.advance(NINETY_MINUTES_MS)
    expect(await seen()).toEqual({ rows: 1, rowsRead: 10, numRows: '100', buffered: undefined })
    await streaming.client
      .dataset('d')
      .table('t')
      .insert([{ bucket: 99 }])
    expect(await seen()).toEqual({ rows: 1, rowsRead: 11, numRows: '100', buffered: '1' })
  })
})

/** https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries */
describe('a table that requires a filter on its partitions', () => {
  const DAYS = { timePartitioning: { type: 'DAY', field: 'day' }, requirePartitionFilter: true }
  const schema = {
    fields: [
      { name: 'day', type: 'DATE' },
      { name: 'n', type: 'INTEGER' },
    ],
  }
  const dryRun = (query: string) =>
    bigquery.client.createQueryJob({ query, dryRun: true }).then(
      () => 'read',
      (error: Error) => error.message,
    )
  const refusal = (table: string, columns: string): string =>
    `Cannot query over table 'demo.d.${table}' without a filter over column(s) ${columns} that can be used for partition elimination`

  beforeAll(async () => {
    const dataset = bigquery.client.dataset('d')
    await dataset.createTable('days', { schema, ...DAYS } as object)
    await dataset.createTable('older', {
      schema,
      timePartitioning: { type: 'DAY', field: 'day', requirePartitionFilter: true },
    } as object)
    await dataset.createTable('ingested', {
      schema,
      timePartitioning: { type: 'DAY' },
      requirePartitionFilter: true,
    } as object)
    await dataset.createTable('ranges', {
      schema,
      rangePartitioning: { field: 'n', range: { start: '0', end: '10', interval: '1' } },
      requirePartitionFilter: true,
    } as object)
    const view = (query: string) => ({ view: { query, useLegacySql: false } })
    await dataset.createTable('days_view', view('SELECT n, day FROM d.days'))
    await dataset.createTable(
      'newest_view',
      view('SELECT n, day FROM d.days WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY n ORDER BY day) = 1'),
    )
  })

  test.each([
    "SELECT n FROM d.days WHERE day = '2026-01-02'",
    "SELECT n FROM d.days WHERE day >= '2026-01-02' AND n > 3",
    "SELECT n FROM d.days WHERE n > 3 AND (day = '2026-01-02' OR day = '2026-01-03')",
    "SELECT n FROM d.days WHERE DATE_TRUNC(day, MONTH) = DATE '2026-01-01'",
    'SELECT n FROM d.days AS t WHERE t.day IS NOT NULL',
    "SELECT n FROM d.days_view WHERE day = '2026-01-02'",
    "SELECT n FROM (SELECT * FROM d.days) WHERE day = '2026-01-02'",
    "WITH source AS (SELECT * FROM d.days WHERE day = '2026-01-02') SELECT COUNT(*) FROM source",
    'SELECT n FROM d.ranges WHERE n BETWEEN 1 AND 3',
  ])('is read by %s', async (query) => {
    expect(await dryRun(query)).toBe('read')
  })

  test.each([
    ['SELECT n FROM d.days', 'days'],
    ['SELECT n FROM d.older', 'older'],
    ['SELECT n FROM d.days WHERE n > 3', 'days'],
    ["SELECT n FROM d.days WHERE day = '2026-01-02' OR n > 3", 'days'],
    ['SELECT n FROM d.days WHERE day = (SELECT MAX(day) FROM d.days WHERE day IS NOT NULL)', 'days'],
    ["SELECT a.n FROM d.days AS a JOIN d.days AS b USING (n) WHERE a.day = '2026-01-02'", 'days'],
    ['SELECT n FROM d.days_view', 'days'],
    ["SELECT n FROM d.newest_view WHERE day = '2026-01-02'", 'days'],
    ["SELECT n FROM (SELECT * FROM d.days LIMIT 5) WHERE day = '2026-01-02'", 'days'],
  ])('is not read by %s', async (query, table) => {
    expect(await dryRun(query)).toBe(refusal(table, "'day'"))
  })

  test('by ingestion names the pseudocolumns, and is read with a filter on one', async () => {
    const columns = "'_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'"
    expect(await dryRun('SELECT n FROM d.ingested')).toBe(refusal('ingested', columns))
    expect(await dryRun("SELECT n FROM d.ingested WHERE _PARTITIONDATE = '2026-09-14'")).toBe('read')
    expect(await dryRun('SELECT n FROM d.ingested WHERE n > 3 AND _PARTITIONTIME IS NOT NULL')).toBe('read')
    expect(await dryRun('SELECT n FROM d.ingested WHERE n > 3 OR _PARTITIONTIME IS NOT NULL')).toBe(
      refusal('ingested', columns),
    )
  })

  test('says so, and can stop requiring it', async () => {
    const table = bigquery.client.dataset('d').table('ranges')
    expect((await table.getMetadata())[0]).toMatchObject({ requirePartitionFilter: true })
    await table.setMetadata({ requirePartitionFilter: false })
    expect(await dryRun('SELECT n FROM d.ranges')).toBe('read')
    await table.setMetadata({ description: 'Ranges.' })
    expect((await table.getMetadata())[0].requirePartitionFilter).toBeUndefined()
  })

  test('must be partitioned', async () => {
    const created = bigquery.client
      .dataset('d')
      .createTable('whole', { schema, requirePartitionFilter: true } as object)
    await expect(created).rejects.toThrow('not partitioned')
  })
})
