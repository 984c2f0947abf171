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
