import { BigQuery, Geography } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.client.createDataset('d')
})
afterAll(() => bigquery.close())

const FIELDS = [
  { name: 's', type: 'STRING' },
  { name: 'b', type: 'BYTES' },
  { name: 'i', type: 'INT64' },
  { name: 'f', type: 'FLOAT64' },
  { name: 'o', type: 'BOOL' },
  { name: 'n', type: 'NUMERIC' },
  { name: 'big', type: 'BIGNUMERIC' },
  { name: 'ts', type: 'TIMESTAMP' },
  { name: 'd', type: 'DATE' },
  { name: 'dt', type: 'DATETIME' },
  { name: 'ti', type: 'TIME' },
  { name: 'j', type: 'JSON' },
  { name: 'g', type: 'GEOGRAPHY' },
  {
    name: 'r',
    type: 'STRUCT',
    fields: [
      { name: 'x', type: 'INT64' },
      { name: 'l', type: 'STRING', mode: 'REPEATED' },
    ],
  },
  { name: 'a', type: 'STRUCT', mode: 'REPEATED', fields: [{ name: 'y', type: 'TIMESTAMP' }] },
]

const ROW = {
  s: "quote ' and \u0000 and 😀",
  b: Buffer.from([0, 255, 10]).toString('base64'),
  i: '-9223372036854775808',
  f: 0.1,
  o: false,
  n: '-123456789.123456789',
  big: '0.00000000000000000000000000000000000001',
  ts: '2024-05-08T13:14:15.678901Z',
  d: '0001-01-01',
  dt: '2024-05-08T13:14:15.5',
  ti: '23:59:59.999999',
  j: '{"b": [1, 2.50], "a": null}',
  g: 'POINT(-122.35 47.62)',
  r: { x: 7, l: ['p', 'q'] },
  a: [{ y: '1969-12-31 23:59:59.5+00' }, { y: null }],
}

/** How the REST API writes that row: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata/list */
const CELLS = (ts: string, y: string): unknown[] => [
  ROW.s,
  'AP8K',
  '-9223372036854775808',
  '0.1',
  'false',
  '-123456789.123456789',
  ROW.big,
  ts,
  '0001-01-01',
  '2024-05-08T13:14:15.500',
  '23:59:59.999999',
  '{"a":null,"b":[1,2.5]}',
  'POINT(-122.35 47.62)',
  { f: [{ v: '7' }, { v: [{ v: 'p' }, { v: 'q' }] }] },
  [{ v: { f: [{ v: y }] } }, { v: { f: [{ v: null }] } }],
]

async function get(path: string): Promise<{ rows: { f: { v: unknown }[] }[] }> {
  return (await (await fetch(`${bigquery.url}/bigquery/v2/projects/demo/${path}`)).json()) as {
    rows: { f: { v: unknown }[] }[]
  }
}

describe('values of every type', () => {
  it("are written to a table and read back in the REST API's encoding", async () => {
    await bigquery.client.dataset('d').createTable('all', { schema: FIELDS })
    await bigquery.client.dataset('d').table('all').insert([ROW, {}])
    const integers = await get('datasets/d/tables/all/data?formatOptions.useInt64Timestamp=true')
    expect(integers.rows[0]!.f.map(({ v }) => v)).toEqual(CELLS('1715174055678901', '-500000'))
    expect(integers.rows[1]!.f.map(({ v }) => v)).toEqual([...Array.from({ length: 14 }, () => null), []])
    const floats = await get('datasets/d/tables/all/data')
    expect(floats.rows[0]!.f.map(({ v }) => v)).toEqual(CELLS('1.715174055678901E9', '-0.5'))
  })

  it('pass unchanged through a query and its destination', async () => {
    const [job] = await bigquery.client.createQueryJob({
      query: 'SELECT * FROM d.all',
      destination: bigquery.client.dataset('d').table('copy'),
    })
    await job.getQueryResults()
    const copied = await get('datasets/d/tables/copy/data?formatOptions.useInt64Timestamp=true')
    expect(copied.rows[0]!.f.map(({ v }) => v)).toEqual(CELLS('1715174055678901', '-500000'))
    const [before] = await bigquery.client.dataset('d').table('all').getMetadata()
    const [after] = await bigquery.client.dataset('d').table('copy').getMetadata()
    expect(after.schema).toEqual(before.schema)
    expect(after.numBytes).toBe(before.numBytes)
  })

  it('are decoded by the official client', async () => {
    const [[row]] = await bigquery.client.query(
      'SELECT s, b, f, o, n, ts, d, dt, ti, g, r, a FROM d.all WHERE s IS NOT NULL',
    )
    expect(row).toMatchObject({
      s: ROW.s,
      b: Buffer.from([0, 255, 10]),
      f: 0.1,
      o: false,
      ts: { value: '2024-05-08T13:14:15.678901000Z' },
      d: { value: '0001-01-01' },
      dt: { value: '2024-05-08T13:14:15.500' },
      ti: { value: '23:59:59.999999' },
      g: { value: 'POINT(-122.35 47.62)' },
      r: { x: 7, l: ['p', 'q'] },
    })
    expect(String(row.n)).toBe('-123456789.123456789')
  })

  it('work as query parameters, named and positional', async () => {
    const params = {
      s: "it's \\ \n \u0000",
      i: 42,
      f: 1.5,
      o: true,
      bytes: 'AQI=',
      ts: BigQuery.timestamp('2024-01-02T03:04:05.678901Z'),
      d: BigQuery.date('2024-01-02'),
      dt: BigQuery.datetime('2024-01-02T03:04:05'),
      ti: BigQuery.time('03:04:05'),
      l: ['a', "b'"],
      st: { x: 1, y: ['z'] },
    }
    const names = Object.keys(params)
    const [[row]] = await bigquery.client.query({
      query: `SELECT ${names.map((name) => `@${name} AS ${name}`).join(', ')}`,
      params,
      types: { bytes: 'BYTES' },
    })
    expect(row).toMatchObject({
      s: params.s,
      i: 42,
      f: 1.5,
      o: true,
      bytes: Buffer.from([1, 2]),
      l: ['a', "b'"],
      st: { x: 1, y: ['z'] },
      ts: { value: '2024-01-02T03:04:05.678901000Z' },
      d: { value: '2024-01-02' },
    })
    const [[positional]] = await bigquery.client.query({
      query: 'SELECT ? AS a, ? AS b, ? IN UNNEST(?) AS c',
      params: [1, 'x', 2, [1, 2]],
    })
    expect(positional).toEqual({ a: 1, b: 'x', c: true })
  })

  it('work as typed NULL and empty array parameters', async () => {
    const [[row]] = await bigquery.client.query({
      query: 'SELECT @n AS n, @l AS l, ARRAY_LENGTH(@l) AS c, @num + 1 AS num, ST_X(@g) AS x',
      params: { n: null, l: [], num: 0, g: new Geography('POINT(3 4)') },
      types: { n: 'STRING', l: ['STRING'], num: 'INT64', g: 'GEOGRAPHY' },
    })
    expect(row).toEqual({ n: null, l: [], c: 0, num: 1, x: 3 })
  })

  it('are refused when a parameter is missing', async () => {
    await expect(bigquery.client.query({ query: 'SELECT @a, @b', params: { a: 1 } })).rejects.toMatchObject({
      message: "Query parameter 'b' not found at [1:12]",
    })
  })
})

describe('points (https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions)', () => {
  it('are created, read and written as WKT', async () => {
    const [[row]] = await bigquery.client.query(
      "SELECT ST_GEOGPOINT(-122.35, 47.62) AS p, ST_X(ST_GEOGPOINT(1.5, 2)) AS x, ST_Y(g) AS y, ST_ASTEXT(ST_GEOGFROMTEXT('POINT (3 4)')) AS t FROM d.all WHERE g IS NOT NULL",
    )
    expect(row).toMatchObject({ p: { value: 'POINT(-122.35 47.62)' }, x: 1.5, y: 47.62, t: 'POINT(3 4)' })
    await expect(bigquery.client.query('SELECT ST_GEOGPOINT(0, 91)')).rejects.toMatchObject({
      message: expect.stringMatching(/Latitude must be between -90 and 90/) as string,
    })
  })

  it('are read from WKB in both orders of bytes, and SAFE makes NULL of what is none', async () => {
    const [little, big] = ['01010000009a99999999955ec08fc2f5285ccf4740', '0000000001c05e96666666666640482a3d70a3d70a']
    const parsed = (hex: string, safe = 'SAFE.') => `ST_ASTEXT(${safe}ST_GEOGFROMWKB(FROM_HEX('${hex}')))`
    const far = '010100000000000000000000000000000000c05640'
    const [[row]] = await bigquery.client.query(
      `SELECT ${parsed(little)} AS l, ${parsed(big, '')} AS b, ${parsed(far)} AS f, ${parsed('0101000000')} AS c, ${parsed('01')} AS n, TO_HEX(FROM_HEX('aBc')) AS h`,
    )
    expect(row).toEqual({
      l: 'POINT(-122.3375 47.62)',
      b: 'POINT(-122.35 48.33)',
      f: null,
      c: null,
      n: null,
      h: '0abc',
    })
    await expect(bigquery.client.query(`SELECT ${parsed(far, '')}`)).rejects.toMatchObject({
      message: expect.stringContaining('ST_GeogFromWKB failed') as string,
    })
    await expect(bigquery.client.query("SELECT FROM_HEX('xy')")).rejects.toMatchObject({
      message: expect.stringContaining('hexadecimal') as string,
    })
    await expect(bigquery.client.query(`SELECT ${parsed('01030000000100000000000000')}`)).rejects.toMatchObject({
      message: expect.stringMatching(/anything but a point is not emulated/) as string,
    })
  })

  it('are the only supported geographies', async () => {
    await expect(
      bigquery.client
        .dataset('d')
        .table('all')
        .insert([{ g: 'LINESTRING(0 0, 1 1)' }]),
    ).rejects.toMatchObject({ name: 'PartialFailureError' })
    await expect(bigquery.client.query("SELECT ST_GEOGFROMTEXT('LINESTRING(0 0, 1 1)')")).rejects.toMatchObject({
      message: expect.stringMatching(/anything but a point is not emulated/) as string,
    })
  })
})
