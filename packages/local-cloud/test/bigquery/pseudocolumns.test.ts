import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

const NINETY_MINUTES_MS = 5_400_000
const SCHEMA = [{ name: 'id', type: 'STRING' }]

let bigquery: Harness
beforeAll(async () => {
  bigquery = await startBigQuery({ streamingBufferMs: NINETY_MINUTES_MS })
  await bigquery.client.createDataset('d')
})
afterAll(() => bigquery.close())

const rows = async (query: string): Promise<object[]> =>
  JSON.parse(JSON.stringify((await bigquery.client.query(query))[0])) as object[]
const refusal = (query: string): Promise<string> =>
  bigquery.client.createQueryJob({ query, dryRun: true }).then(
    () => 'none',
    (error: Error) => error.message,
  )
const create = (name: string, more: object = {}) =>
  bigquery.client.dataset('d').createTable(name, { schema: { fields: SCHEMA }, ...more } as object)
/** Writes one row by a query, into a table or one partition of it. */
async function write(table: string, id: string, writeDisposition = 'WRITE_APPEND'): Promise<void> {
  const destination = bigquery.client.dataset('d').table(table)
  const [job] = await bigquery.client.createQueryJob({ query: `SELECT '${id}' AS id`, destination, writeDisposition })
  await job.promise()
}

/** https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_an_ingestion-time_partitioned_table */
describe('a table that is partitioned by ingestion', () => {
  const day = (time: string) => ({ value: time })

  beforeAll(async () => {
    await create('days', { timePartitioning: { type: 'DAY' } })
    await write('days', 'now')
    await write('days$20260914', 'september')
    await write('days', 'again')
    await create('hours', { timePartitioning: { type: 'HOUR' } })
    await write('hours', 'now')
    await write('hours$2026091405', 'september')
  })

  test('has pseudocolumns that a query can name, but a star does not mean', async () => {
    expect(
      await rows('SELECT id, _PARTITIONTIME AS time, t._PARTITIONDATE AS day FROM d.days AS t ORDER BY id'),
    ).toEqual([
      { id: 'again', time: day('2026-01-02T00:00:00.000Z'), day: day('2026-01-02') },
      { id: 'now', time: day('2026-01-02T00:00:00.000Z'), day: day('2026-01-02') },
      { id: 'september', time: day('2026-09-14T00:00:00.000Z'), day: day('2026-09-14') },
    ])
    expect(await rows("SELECT * FROM d.days WHERE _PARTITIONDATE = '2026-09-14'")).toEqual([{ id: 'september' }])
    expect(await rows("SELECT id FROM d.hours WHERE _partitiontime = TIMESTAMP('2026-09-14 05:00:00')")).toEqual([
      { id: 'september' },
    ])
    expect(await rows("SELECT id FROM d.hours WHERE _PARTITIONTIME = TIMESTAMP('2026-01-02 03:00:00')")).toEqual([
      { id: 'now' },
    ])
  })

  test.each([
    ['SELECT _PARTITIONTIME FROM d.days', /^Invalid field name "_PARTITIONTIME"/],
    ['SELECT id FROM (SELECT * FROM d.days) WHERE _PARTITIONTIME IS NULL', /^Unrecognized name: _PARTITIONTIME/],
    ['SELECT id FROM d.hours WHERE _PARTITIONDATE IS NULL', /_PARTITIONDATE is not emulated/],
    ['SELECT id FROM d.days WHERE _PARTITION_LOAD_TIME IS NULL', /_PARTITION_LOAD_TIME is not emulated/],
  ])('%s is refused', async (query, expected) => {
    expect(await refusal(query)).toMatch(expected)
  })

  test('loses the partitions of rows that are replaced', async () => {
    await create('replaced', { timePartitioning: { type: 'DAY' } })
    await write('replaced$20260914', 'old')
    await write('replaced', 'new', 'WRITE_TRUNCATE')
    expect(await rows('SELECT id, _PARTITIONDATE AS day FROM d.replaced')).toEqual([
      { id: 'new', day: day('2026-01-02') },
    ])
  })

  test('refuses a decorator of another granularity, and a truncation of one partition', async () => {
    await expect(write('days$2026', 'x')).rejects.toThrow('$2026 is not emulated')
    await expect(write('days$20260914', 'x', 'WRITE_TRUNCATE')).rejects.toThrow('of one partition is not emulated')
  })

  test('has no partition for rows in the streaming buffer, and keeps partitions over a restart', async () => {
    await create('streamed', { timePartitioning: { type: 'DAY' } })
    await bigquery.client
      .dataset('d')
      .table('streamed')
      .insert([{ id: 'a' }, { id: 'b' }])
    const query = 'SELECT COUNT(*) AS n, COUNT(_PARTITIONTIME) AS partitioned FROM d.streamed'
    expect(await rows(query)).toEqual([{ n: 2, partitioned: 0 }])
    await bigquery.clock.advance(NINETY_MINUTES_MS)
    expect(await rows(query)).toEqual([{ n: 2, partitioned: 2 }])
    await bigquery.restart()
    await bigquery.clock.advance(24 * 3_600_000)
    await write('streamed', 'c')
    expect(await rows('SELECT id FROM d.streamed WHERE _PARTITIONDATE = "2026-01-03"')).toEqual([{ id: 'c' }])
  })
})

/** https://cloud.google.com/bigquery/docs/querying-wildcard-tables */
describe('a wildcard', () => {
  beforeAll(async () => {
    await create('obs_20260914')
    await write('obs_20260914', 'a')
    await bigquery.clock.advance(1_000)
    await create('obs_20260915', { schema: { fields: [{ name: 'note', type: 'STRING' }, ...SCHEMA] } })
    await write('obs_20260915', 'b')
  })

  test('reads the tables that begin so, with the columns of the newest', async () => {
    expect(await rows('SELECT *, _TABLE_SUFFIX AS suffix FROM `d.obs_*` ORDER BY id')).toEqual([
      { note: null, id: 'a', suffix: '20260914' },
      { note: null, id: 'b', suffix: '20260915' },
    ])
    expect(await rows("SELECT id FROM `demo.d.obs_2026*` WHERE _TABLE_SUFFIX = '0914'")).toEqual([{ id: 'a' }])
    const [metadata] = await bigquery.client.dataset('d').table('obs_*').getMetadata()
    expect(metadata).toMatchObject({ numRows: '2', schema: { fields: [{ name: 'note' }, { name: 'id' }] } })
    const [job] = await bigquery.client.createQueryJob({ query: 'SELECT id FROM `d.obs_*`', dryRun: true })
    expect(job.metadata.statistics.totalBytesProcessed).toBe('6')
  })

  test('is refused when it matches nothing, a view, another type or a partitioned table', async () => {
    expect(await refusal('SELECT id FROM `d.none_*`')).toMatch(/^demo:d\.none_\* does not match any table\./)
    await create('other_1')
    await bigquery.clock.advance(1_000)
    await create('other_2', { schema: { fields: [{ name: 'id', type: 'INTEGER' }] } })
    expect(await refusal('SELECT id FROM `d.other_*`')).toMatch(/^Cannot read field of type STRING as INT64$/)
    expect(await refusal('SELECT id FROM `d.day*`')).toMatch(/wildcard table over partitioned tables is not emulated/)
    await create('obs_all', { schema: undefined, view: { query: 'SELECT * FROM d.obs_20260914', useLegacySql: false } })
    expect(await refusal("SELECT id FROM `d.obs_*` WHERE _TABLE_SUFFIX = '20260914'")).toMatch(
      /^Views cannot be queried through prefix\. First view demo:d\.obs_all\./,
    )
  })
})
