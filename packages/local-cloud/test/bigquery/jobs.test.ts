import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.client.createDataset('d')
  await bigquery.client.createDataset('eu', { location: 'EU' })
  for (const dataset of ['d', 'eu']) {
    await bigquery.client.dataset(dataset).createTable('t', {
      schema: [
        { name: 'id', type: 'STRING' },
        { name: 'n', type: 'INTEGER' },
      ],
    })
    await bigquery.client
      .dataset(dataset)
      .table('t')
      .insert(Array.from({ length: 100 }, (_, n) => ({ id: `a${n % 10}`, n })))
  }
})
afterAll(() => bigquery.close())

const failure = (code: number, message: RegExp | string, reason: string): object =>
  expect.objectContaining({
    code,
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
    errors: [expect.objectContaining({ reason })],
  })

describe('jobs.query (https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query)', () => {
  it.each([
    ['SELECT x FROM d.t', failure(400, 'Unrecognized name: x at [1:8]', 'invalidQuery')],
    ['SELECT\n  id,\n  nope\nFROM d.t', failure(400, 'Unrecognized name: nope at [3:3]', 'invalidQuery')],
    ['SELEC 1', failure(400, 'Syntax error: Unexpected identifier "SELEC" at [1:1]', 'invalidQuery')],
    [
      'SELECT id FROM d.missing',
      failure(404, 'Not found: Table demo:d.missing was not found in location US', 'notFound'),
    ],
    [
      'SELECT id FROM nowhere.t',
      failure(404, 'Not found: Dataset demo:nowhere was not found in location US', 'notFound'),
    ],
    ['SELECT id FROM t', failure(400, 'Table "t" must be qualified with a dataset (e.g. dataset.table).', 'invalid')],
    ['SELECT 1 / (n - n) FROM d.t', failure(400, /^division by zero: 1 \/ 0$/, 'invalidQuery')],
    ['SELECT FOO(1)', failure(400, 'Function not found: FOO at [1:8]', 'invalidQuery')],
    [
      'SELECT APPROX_QUANTILES(n, 2) FROM d.t',
      failure(501, /^the aggregate function APPROX_QUANTILES is not emulated/, 'notImplemented'),
    ],
    [
      'SELECT ST_DISTANCE(ST_GEOGPOINT(1, 2), ST_GEOGPOINT(1, 2))',
      failure(501, /^the function ST_DISTANCE is not emulated/, 'notImplemented'),
    ],
    [
      'SELECT * FROM d.INFORMATION_SCHEMA.TABLES',
      failure(501, /^INFORMATION_SCHEMA is not emulated/, 'notImplemented'),
    ],
    ['SELECT * FROM `d.zzz*`', failure(400, 'demo:d.zzz* does not match any table.', 'invalidQuery')],
    ['DELETE FROM d.t WHERE TRUE', failure(501, /^the DELETE statement is not emulated/, 'notImplemented')],
    ['CREATE TABLE d.x (a INT64)', failure(501, /^the CREATE statement is not emulated/, 'notImplemented')],
    ['SELECT 1; SELECT 2', failure(501, /^a script of several statements is not emulated/, 'notImplemented')],
    ['SELECT [1, NULL]', failure(400, 'Array cannot have a null element; error in writing field f0_', 'invalidQuery')],
    ['SELECT 1 AS a, 2 AS a', failure(400, /^Duplicate column names in the result are not supported/, 'invalidQuery')],
  ])('answers %s as BigQuery does', async (sql, expected) => {
    await expect(bigquery.client.query(sql)).rejects.toEqual(expected)
  })

  it.each(['`demo.d.t`', '`demo`.`d`.`t`', 'demo.d.t', '`d.t`', 'd.t', '`demo.d`.t'])(
    'finds the table referenced %s',
    async (path) => {
      expect((await bigquery.client.query(`SELECT COUNT(*) AS n FROM ${path} AS x WHERE x.n < 5`))[0]).toEqual([
        { n: 5 },
      ])
    },
  )

  it('finds tables in the default dataset, and column names in any case', async () => {
    const [rows] = await bigquery.client.query({
      query: 'SELECT ID FROM t WHERE N = 3',
      defaultDataset: { datasetId: 'd' },
    })
    expect(rows).toEqual([{ ID: 'a3' }])
    await expect(bigquery.client.query('SELECT id FROM d.T')).rejects.toEqual(
      failure(404, /Table demo:d.T was not found/, 'notFound'),
    )
  })

  it("runs in the tables' location and finds none elsewhere", async () => {
    const [job] = await bigquery.client.createQueryJob('SELECT COUNT(*) AS n FROM eu.t')
    expect(job.metadata.jobReference.location).toBe('EU')
    expect((await job.getQueryResults())[0]).toEqual([{ n: 100 }])
    await expect(bigquery.client.query({ query: 'SELECT 1 FROM eu.t', location: 'US' })).rejects.toEqual(
      failure(404, 'Not found: Dataset demo:eu was not found in location US', 'notFound'),
    )
    await expect(bigquery.client.query('SELECT a.n FROM d.t AS a JOIN eu.t AS b USING (n)')).rejects.toEqual(
      failure(404, 'Not found: Dataset demo:eu was not found in location US', 'notFound'),
    )
  })

  it('pages results', async () => {
    const [job] = await bigquery.client.createQueryJob('SELECT n FROM d.t ORDER BY n')
    const [first, next] = await job.getQueryResults({ maxResults: 30, autoPaginate: false })
    expect(first).toHaveLength(30)
    const [second] = await job.getQueryResults({ ...(next as object), autoPaginate: false })
    expect(second[0]).toEqual({ n: 30 })
    const seen: number[] = []
    for await (const row of job.getQueryResultsStream()) seen.push((row as { n: number }).n)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  it('answers a repeated requestId with the same job', async () => {
    const send = async (): Promise<string> => {
      const body = JSON.stringify({ query: 'SELECT 1', useLegacySql: false, requestId: 'r-1' })
      const response = await fetch(`${bigquery.url}/bigquery/v2/projects/demo/queries`, { method: 'POST', body })
      return ((await response.json()) as { jobReference: { jobId: string } }).jobReference.jobId
    }
    expect(await send()).toBe(await send())
  })

  it('refuses legacy SQL, which is the default of the API', async () => {
    const response = await fetch(`${bigquery.url}/bigquery/v2/projects/demo/queries`, {
      method: 'POST',
      body: JSON.stringify({ query: 'SELECT 1' }),
    })
    expect(response.status).toBe(501)
  })
})

describe('jobs.insert (https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert)', () => {
  it('refuses a job ID that exists, in any state', async () => {
    await bigquery.client.createQueryJob({ query: 'SELECT 1', jobId: 'mine' })
    await expect(bigquery.client.createQueryJob({ query: 'SELECT 2', jobId: 'mine' })).rejects.toEqual(
      failure(409, 'Already Exists: Job demo:US.mine', 'duplicate'),
    )
    await expect(bigquery.client.createQueryJob({ query: 'SELECT z', jobId: 'failed' })).rejects.toEqual(
      failure(400, /Unrecognized name: z/, 'invalidQuery'),
    )
    await expect(bigquery.client.createQueryJob({ query: 'SELECT 1', jobId: 'failed' })).rejects.toEqual(
      failure(409, /^Already Exists: Job/, 'duplicate'),
    )
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => bigquery.client.createQueryJob({ query: 'SELECT 1', jobId: 'raced' })),
    )
    expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected'])
  })

  it("keeps a job's outcome across a restart", async () => {
    await bigquery.restart()
    const [rows] = await bigquery.client.job('mine', { location: 'US' }).getQueryResults()
    expect(rows).toEqual([{ f0_: 1 }])
    const [failed] = await bigquery.client.job('failed', { location: 'US' }).getMetadata()
    expect(failed.status).toMatchObject({
      state: 'DONE',
      errorResult: { reason: 'invalidQuery', message: 'Unrecognized name: z at [1:8]', location: 'query' },
    })
    await expect(bigquery.client.job('failed', { location: 'US' }).getQueryResults()).rejects.toEqual(
      failure(400, /Unrecognized name: z/, 'invalidQuery'),
    )
    await expect(bigquery.client.job('unknown', { location: 'US' }).getMetadata()).rejects.toEqual(
      failure(404, 'Not found: Job demo:US.unknown', 'notFound'),
    )
  })

  it('measures a query without running it (https://cloud.google.com/bigquery/docs/running-queries#dry-run)', async () => {
    const [job] = await bigquery.client.createQueryJob({ query: 'SELECT n FROM d.t', dryRun: true })
    expect(job.metadata.status.state).toBe('DONE')
    expect(job.metadata.statistics).toMatchObject({
      totalBytesProcessed: String(100 * 8),
      query: {
        statementType: 'SELECT',
        totalBytesProcessed: String(100 * 8),
        totalBytesBilled: String(10 * 1024 * 1024),
        referencedTables: [{ projectId: 'demo', datasetId: 'd', tableId: 't' }],
        schema: { fields: [{ name: 'n', type: 'INTEGER', mode: 'NULLABLE' }] },
      },
    })
    await expect(bigquery.client.createQueryJob({ query: 'SELECT nope FROM d.t', dryRun: true })).rejects.toEqual(
      failure(400, /Unrecognized name/, 'invalidQuery'),
    )
    const [limited] = await Promise.allSettled([
      bigquery.client.createQueryJob({ query: 'SELECT n FROM d.t', maximumBytesBilled: '1000' }),
    ])
    expect(limited).toMatchObject({
      status: 'rejected',
      reason: { code: 400, errors: [{ reason: 'bytesBilledLimitExceeded' }] },
    })
  })

  const destination = (): ReturnType<ReturnType<Harness['client']['dataset']>['table']> =>
    bigquery.client.dataset('d').table('out')
  const write = async (query: string, options: object = {}): Promise<void> => {
    const [job] = await bigquery.client.createQueryJob({ query, destination: destination(), ...options })
    await job.getQueryResults()
  }
  const out = async (): Promise<unknown[]> => (await bigquery.client.query('SELECT * FROM d.out ORDER BY n'))[0]

  it('writes rows to a table according to the write disposition', async () => {
    const range = { field: 'n', range: { start: '0', end: '10', interval: '1' } }
    await write('SELECT id, n FROM d.t WHERE n < 2', { rangePartitioning: range, clustering: { fields: ['n'] } })
    expect((await destination().getMetadata())[0]).toMatchObject({
      numRows: '2',
      rangePartitioning: range,
      clustering: { fields: ['n'] },
    })
    await expect(write('SELECT id, n FROM d.t')).rejects.toEqual(
      failure(409, 'Already Exists: Table demo:d.out', 'duplicate'),
    )
    await write("SELECT 5 AS n, 'z' AS id", { writeDisposition: 'WRITE_APPEND' })
    expect(await out()).toEqual([
      { id: 'a0', n: 0 },
      { id: 'a1', n: 1 },
      { id: 'z', n: 5 },
    ])
    await expect(write('SELECT 1 AS other', { writeDisposition: 'WRITE_APPEND' })).rejects.toEqual(
      failure(400, /Provided Schema does not match Table demo:d.out/, 'invalid'),
    )
    await destination().setMetadata({
      schema: {
        fields: [
          { name: 'id', type: 'STRING', description: 'Kept.' },
          { name: 'n', type: 'INTEGER' },
        ],
      },
    })
    await write('SELECT id, n FROM d.t WHERE n = 9', { writeDisposition: 'WRITE_TRUNCATE' })
    expect(await out()).toEqual([{ id: 'a9', n: 9 }])
    expect((await destination().getMetadata())[0].schema.fields[0]).toEqual({
      name: 'id',
      type: 'STRING',
      mode: 'NULLABLE',
      description: 'Kept.',
    })
    await write('SELECT 1 AS m', { writeDisposition: 'WRITE_TRUNCATE' })
    expect((await destination().getMetadata())[0].schema.fields).toEqual([
      { name: 'm', type: 'INTEGER', mode: 'NULLABLE' },
    ])
    await expect(
      write('SELECT 1 AS m', {
        destination: bigquery.client.dataset('d').table('never'),
        createDisposition: 'CREATE_NEVER',
      }),
    ).rejects.toEqual(failure(404, 'Not found: Table demo:d.never', 'notFound'))
  })

  it('can replace the table it reads', async () => {
    await write('SELECT id, n FROM d.t WHERE n < 3', { writeDisposition: 'WRITE_TRUNCATE' })
    await write('SELECT id, n * 10 AS n FROM d.out', { writeDisposition: 'WRITE_TRUNCATE' })
    expect(await out()).toEqual([
      { id: 'a0', n: 0 },
      { id: 'a1', n: 10 },
      { id: 'a2', n: 20 },
    ])
  })

  it('fails the job when a row has an invalid value', async () => {
    const [job] = await bigquery.client.createQueryJob({
      query: 'SELECT CAST(id AS INT64) FROM d.t',
      jobId: 'bad-cast',
    })
    await expect(job.getQueryResults()).rejects.toEqual(failure(400, 'Bad int64 value: a0', 'invalidQuery'))
    expect((await job.getMetadata())[0].status.errorResult).toEqual({
      reason: 'invalidQuery',
      message: 'Bad int64 value: a0',
      location: 'query',
    })
  })

  it("keeps labels, statistics and the caller's email, and lists jobs newest first", async () => {
    await bigquery.clock.advance(5)
    const [job] = await bigquery.client.createQueryJob({
      query: 'SELECT id FROM d.t',
      labels: { 'imagery-run': 'r1' },
      jobId: 'labelled',
    })
    await job.getQueryResults()
    const [metadata] = await job.getMetadata()
    expect(metadata).toMatchObject({
      user_email: 'test@example.com',
      configuration: { jobType: 'QUERY', labels: { 'imagery-run': 'r1' } },
      status: { state: 'DONE' },
      statistics: { creationTime: String(bigquery.clock.now()), query: { statementType: 'SELECT', cacheHit: false } },
    })
    expect((await bigquery.client.getJobs({ maxResults: 1, autoPaginate: false }))[0][0]!.id).toBe('labelled')
  })

  it('forgets anonymous results after a day (https://cloud.google.com/bigquery/docs/cached-results)', async () => {
    await bigquery.clock.advance(25 * 3_600_000)
    await bigquery.restart()
    await expect(bigquery.client.job('labelled', { location: 'US' }).getQueryResults()).rejects.toEqual(
      failure(404, /have expired/, 'notFound'),
    )
    expect((await bigquery.client.job('labelled', { location: 'US' }).getMetadata())[0].status.state).toBe('DONE')
  })

  it('leaves a finished job unchanged when it is cancelled', async () => {
    const [answer] = await bigquery.client.job('mine', { location: 'US' }).cancel()
    expect(answer).toMatchObject({ kind: 'bigquery#jobCancelResponse', job: { status: { state: 'DONE' } } })
  })
})
