import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

beforeAll(async () => {
  bigquery = await startBigQuery({ streamingWarmUpMs: 2_000 })
  await bigquery.client.createDataset('d')
  await bigquery.client.dataset('d').createTable('t', {
    schema: [
      { name: 'id', type: 'STRING', mode: 'REQUIRED' },
      { name: 'n', type: 'INTEGER' },
      { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      { name: 'at', type: 'RECORD', fields: [{ name: 'lat', type: 'FLOAT' }] },
    ],
  })
})
afterAll(() => bigquery.close())

interface Answer {
  status: number
  body: {
    insertErrors?: { index: number; errors: { reason: string; location: string; message: string }[] }[]
    error?: { message: string; errors: { reason: string }[] }
  }
}

/** tabledata.insertAll as it goes over the wire. */
async function insertAll(body: object, table = 't'): Promise<Answer> {
  const response = await fetch(`${bigquery.url}/bigquery/v2/projects/demo/datasets/d/tables/${table}/insertAll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const rows = (...json: object[]): { json: object }[] => json.map((row) => ({ json: row }))
const count = async (): Promise<number> =>
  ((await bigquery.client.query('SELECT COUNT(*) AS n FROM d.t'))[0][0] as { n: number }).n

describe('tabledata.insertAll (https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/insertAll)', () => {
  it('answers 404 for a while after the table is created', async () => {
    expect(await insertAll({ rows: rows({ id: 'early' }) })).toMatchObject({
      status: 404,
      body: { error: { errors: [{ reason: 'notFound' }] } },
    })
    await bigquery.clock.advance(2_000)
    expect(await insertAll({ rows: rows({ id: 'a', n: '9007199254740993', tags: ['x'], at: { lat: 1.5 } }) })).toEqual({
      status: 200,
      body: { kind: 'bigquery#tableDataInsertAllResponse' },
    })
    expect((await bigquery.client.query({ query: 'SELECT * FROM d.t', wrapIntegers: true }))[0]).toEqual([
      { id: 'a', n: expect.objectContaining({ value: '9007199254740993' }), tags: ['x'], at: { lat: 1.5 } },
    ])
  })

  // https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting, googleapis/google-cloud-python#3822
  it('accepts and loses rows for a while after a table is deleted and created again', async () => {
    const again = bigquery.client.dataset('d').table('again')
    const schema = [{ name: 'id', type: 'STRING' }]
    await bigquery.client.dataset('d').createTable('again', { schema })
    await bigquery.clock.advance(2_000)
    await again.delete()
    await bigquery.client.dataset('d').createTable('again', { schema })
    expect(await insertAll({ rows: rows({ id: 'lost' }) }, 'again')).toMatchObject({ status: 200 })
    await bigquery.clock.advance(2_000)
    expect(await insertAll({ rows: rows({ id: 'kept' }) }, 'again')).toMatchObject({ status: 200 })
    expect((await bigquery.client.query('SELECT id FROM d.again'))[0]).toEqual([{ id: 'kept' }])
  })

  it('keeps an integer beyond 2^53 sent as a JSON number', async () => {
    const response = await fetch(`${bigquery.url}/bigquery/v2/projects/demo/datasets/d/tables/t/insertAll`, {
      method: 'POST',
      body: '{"rows":[{"json":{"id":"long","n":9007199254740993}}]}',
    })
    expect(response.status).toBe(200)
    expect((await bigquery.client.query("SELECT CAST(n AS STRING) AS n FROM d.t WHERE id = 'long'"))[0]).toEqual([
      { n: '9007199254740993' },
    ])
  })

  it('refuses all rows when one is invalid and marks the others as stopped', async () => {
    const before = await count()
    const { body } = await insertAll({
      rows: rows(
        { id: 'ok' },
        { id: 'b', n: 'abc' },
        { n: 1 },
        { id: 'c', nope: 1 },
        { id: 'd', tags: 'x' },
        { id: 'e', at: { lng: 1 } },
        { id: ['f'] },
      ),
    })
    expect(
      body.insertErrors?.map(({ index, errors }) => [
        index,
        errors[0]!.reason,
        errors[0]!.location,
        errors[0]!.message,
      ]),
    ).toEqual([
      [0, 'stopped', '', ''],
      [1, 'invalid', 'n', 'Cannot convert value to integer (bad value): abc'],
      [2, 'invalid', 'id', 'Missing required field: id.'],
      [3, 'invalid', 'nope', 'no such field: nope.'],
      [4, 'invalid', 'tags', 'Repeated field must be imported as a JSON array. Field: tags.'],
      [5, 'invalid', 'at.lng', 'no such field: at.lng.'],
      [6, 'invalid', 'id', 'Array specified for non-repeated field: id.'],
    ])
    expect(await count()).toBe(before)
  })

  it('makes the official client throw PartialFailureError', async () => {
    const insert = bigquery.client
      .dataset('d')
      .table('t')
      .insert([{ id: 'x', n: 'many' }])
    await expect(insert).rejects.toMatchObject({
      name: 'PartialFailureError',
      errors: [{ row: { id: 'x' }, errors: [{ reason: 'invalid' }] }],
    })
  })

  it('keeps the valid rows with skipInvalidRows and drops unknown fields with ignoreUnknownValues', async () => {
    const before = await count()
    const { body } = await insertAll({
      skipInvalidRows: true,
      ignoreUnknownValues: true,
      rows: rows({ id: 'g', zzz: 1 }, { n: 2 }),
    })
    expect(body.insertErrors?.map(({ index }) => index)).toEqual([1])
    expect(await count()).toBe(before + 1)
  })

  it('inserts a repeated insertId once within a minute, even when both requests arrive at once', async () => {
    const before = await count()
    const row = { rows: [{ insertId: 'attempt-1', json: { id: 'once' } }] }
    await Promise.all([insertAll(row), insertAll(row)])
    await insertAll(row)
    expect(await count()).toBe(before + 1)
    await bigquery.clock.advance(60_000)
    await insertAll(row)
    expect(await count()).toBe(before + 2)
  })

  it('does not treat a refused row as a duplicate', async () => {
    const before = await count()
    await insertAll({ rows: [{ insertId: 'again', json: { id: 'again' } }, { json: {} }] })
    await insertAll({ rows: [{ insertId: 'again', json: { id: 'again' } }] })
    expect(await count()).toBe(before + 1)
  })

  it('refuses an empty request, more than 50,000 and more than 10 MB (https://cloud.google.com/bigquery/quotas#streaming_inserts)', async () => {
    expect(await insertAll({ rows: [] })).toMatchObject({
      status: 400,
      body: { error: { message: 'No rows present in the request.' } },
    })
    const many = Array.from({ length: 50_001 }, () => ({ json: { id: 'm' } }))
    expect(await insertAll({ rows: many })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/^Too many rows present/) as string } },
    })
    expect(await insertAll({ rows: rows({ id: 'x'.repeat(10 * 1024 * 1024) }) })).toMatchObject({ status: 413 })
  })

  it('keeps every acknowledged row when the store is reopened', async () => {
    const before = await count()
    await Promise.all(Array.from({ length: 20 }, (_, index) => insertAll({ rows: rows({ id: `p${index}` }) })))
    await bigquery.restart()
    expect(await count()).toBe(before + 20)
  })

  it('adds no row to a page whose total does not count them', async () => {
    await bigquery.client.dataset('d').createTable('growing', { schema: [{ name: 'n', type: 'INTEGER' }] })
    await bigquery.clock.advance(2_000)
    const url = `${bigquery.url}/bigquery/v2/projects/demo/datasets/d/tables/growing/data`
    for (let n = 1; n <= 40; n++) {
      const added = insertAll({ rows: rows({ n }) }, 'growing')
      const page = (await (await fetch(url)).json()) as { totalRows: string; rows?: unknown[] }
      expect(page.rows?.length ?? 0).toBe(Number(page.totalRows))
      expect((await added).status).toBe(200)
    }
  })
})

describe('tabledata.list (https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list)', () => {
  it('pages through the rows in order', async () => {
    await bigquery.client.dataset('d').createTable('pages', {
      schema: [
        { name: 'i', type: 'INTEGER' },
        { name: 's', type: 'STRING' },
      ],
    })
    await bigquery.clock.advance(2_000)
    await insertAll({ rows: Array.from({ length: 25 }, (_, index) => ({ json: { i: index, s: 'x' } })) }, 'pages')
    const table = bigquery.client.dataset('d').table('pages')
    const [first, next] = await table.getRows({ maxResults: 10, autoPaginate: false })
    expect(first.map((row: { i: number }) => row.i)).toEqual(Array.from({ length: 10 }, (_, index) => index))
    const [second] = await table.getRows({ ...(next as object), autoPaginate: false })
    expect(second[0]).toEqual({ i: 10, s: 'x' })
    expect((await table.getRows())[0]).toHaveLength(25)
    expect((await table.getRows({ startIndex: '20', selectedFields: 'i' }))[0]).toEqual(
      [20, 21, 22, 23, 24].map((i) => ({ i })),
    )
  })
})
