import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.client.createDataset('d')
  const schema = [
    { name: 'id', type: 'STRING', mode: 'REQUIRED' },
    { name: 'n', type: 'INTEGER' },
    { name: 'ratio', type: 'FLOAT' },
    { name: 'words', type: 'STRING', mode: 'REPEATED' },
  ]
  await bigquery.client.dataset('d').createTable('t', { schema })
  await bigquery.client.dataset('d').createTable('other', { schema })
  await bigquery.client
    .dataset('d')
    .createTable('v', { view: { query: 'SELECT id FROM `demo.d.t`', useLegacySql: false } })
})
afterAll(() => bigquery.close())

const failure = (message: string): object =>
  expect.objectContaining({ code: 400, message: expect.stringContaining(message) as string })

const rows = async (table: string): Promise<unknown[]> =>
  (await bigquery.client.query(`SELECT * FROM d.${table} ORDER BY id, n`))[0] as unknown[]

describe('INSERT (https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#insert_statement)', () => {
  it('adds the rows of a query to rows that were just streamed, and says how many', async () => {
    await bigquery.client
      .dataset('d')
      .table('t')
      .insert([{ id: 'a', n: 1, ratio: 0.5, words: ['x'] }])
    const [job] = await bigquery.client.createQueryJob({
      query: "INSERT INTO `demo.d.t` (words, id, n) SELECT ['y', 'z'], CONCAT(id, 'b'), NULL FROM d.t",
      jobId: 'once',
    })
    await job.getQueryResults()
    expect((await job.getMetadata())[0].statistics.query).toMatchObject({
      statementType: 'INSERT',
      numDmlAffectedRows: '1',
      dmlStats: { insertedRowCount: '1' },
    })
    expect(await rows('t')).toEqual([
      { id: 'a', n: 1, ratio: 0.5, words: ['x'] },
      { id: 'ab', n: null, ratio: null, words: ['y', 'z'] },
    ])
  })

  it('runs once for a job ID', async () => {
    const again = bigquery.client.createQueryJob({ query: "INSERT INTO d.t (id) SELECT 'c'", jobId: 'once' })
    await expect(again).rejects.toMatchObject({ code: 409 })
    expect(await rows('t')).toHaveLength(2)
  })

  it('converts integers to a column of floating point numbers, and takes all columns without a list', async () => {
    await bigquery.client.query("INSERT d.other SELECT 'whole', 7, 3, CAST(NULL AS ARRAY<STRING>)")
    expect(await rows('other')).toEqual([{ id: 'whole', n: 7, ratio: 3, words: [] }])
  })

  it('leaves the table as it was in a dry run', async () => {
    const before = await rows('other')
    await bigquery.client.createQueryJob({ query: "INSERT INTO d.other (id) SELECT 'dry'", dryRun: true })
    expect(await rows('other')).toEqual(before)
  })

  it.each([
    [
      "INSERT INTO d.other (id, n) SELECT 'a', 'b'",
      'Query column 2 has type STRING which cannot be inserted into column n, which has type INT64',
    ],
    ["INSERT INTO d.other (id, n) SELECT 'a'", 'Inserted row has wrong column count; Has 1, expected 2'],
    ["INSERT INTO d.other (id, ID) SELECT 'a', 'b'", 'INSERT has columns with duplicate name: id'],
    ["INSERT INTO d.other (nope) SELECT 'a'", 'Column nope is not present in table d.other'],
    ['INSERT INTO d.other (n) SELECT 1', 'Required field id cannot be null'],
    ["INSERT INTO d.v (id) SELECT 'a'", 'is not allowed for this operation because it is currently a VIEW'],
    ["INSERT INTO d.other (id) SELECT 'a' extra words", 'Syntax error'],
  ])('refuses %s and adds nothing', async (query, message) => {
    await expect(bigquery.client.query(query)).rejects.toEqual(failure(message))
    expect(await rows('other')).toHaveLength(1)
  })

  it('refuses a destination, and VALUES by name', async () => {
    const destination = bigquery.client.dataset('d').table('elsewhere')
    await expect(
      bigquery.client.createQueryJob({ query: "INSERT INTO d.other (id) SELECT 'a'", destination }),
    ).rejects.toEqual(failure('Cannot set destination table in jobs with DML statements'))
    await expect(bigquery.client.query("INSERT INTO d.other (id) VALUES ('a')")).rejects.toMatchObject({ code: 501 })
  })

  it('is no query of a view', async () => {
    const view = { query: "INSERT INTO d.other (id) SELECT 'a'", useLegacySql: false }
    await expect(bigquery.client.dataset('d').createTable('w', { view })).rejects.toEqual(
      failure('A view must be defined by a query'),
    )
  })
})
