import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { parquetFile, plain, type WrittenColumn } from '@imagery/local-cloud/test/bigquery/parquet-fixture'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
let duckdb: DuckDBConnection
let files = 0
beforeAll(async () => {
  tables = await LocalTables.start()
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})
afterAll(async () => {
  duckdb.closeSync()
  await tables.close()
})

const text = (name: string, ...values: (string | Buffer)[]): WrittenColumn => ({
  name,
  type: 6,
  ...(typeof values[0] === 'string' ? { converted: 0 } : {}),
  values: values.map(plain.text),
})
const numbers = (isLittle: boolean, ...values: number[]): string => {
  const view = new DataView(new ArrayBuffer(values.length * 8))
  for (const [index, value] of values.entries()) view.setFloat64(index * 8, value, isLittle)
  return Buffer.from(view.buffer).toString('hex')
}
/** https://libgeos.org/specifications/wkb/ */
const POINT = {
  little: '0101000000',
  big: '0000000001',
  z: '01e9030000',
  ewkbZ: '0101000080',
  srid: '0101000020e6100000',
}
const EMPTY = `${POINT.little}${'000000000000f87f'.repeat(2)}`
const POLYGON = '01030000000100000000000000'
const [oslo, denver] = [POINT.little + numbers(true, 10.75, 59.9), POINT.little + numbers(true, -105.25, 40.5)]

const geo = (column: string, more: object = {}) =>
  JSON.stringify({
    version: '1.1.0',
    primary_column: column,
    columns: { [column]: { encoding: 'WKB', geometry_types: ['Point'], ...more } },
  })

/** Takes a file with two rows, whose shapes are these bytes. */
async function taken(
  shapes: readonly [string, string],
  { name = 'geometry', metadata = {}, more = [] as WrittenColumn[] } = {},
) {
  const columns = [
    text('asset_id', 'a', 'b'),
    text('image', 'a.jpg', 'b.jpg'),
    text(name, ...shapes.map((shape) => Buffer.from(shape, 'hex'))),
    ...more,
  ]
  const file = parquetFile(columns, 2, { geo: geo(name, metadata), pandas: '{}' })
  const { units, warnings } = await tables.take(`geo-${++files}.parquet`, file)
  return { places: units.map(({ location }) => location && [location.latitude, location.longitude]), warnings }
}

const used = (column: string) => `Column ${column} is used as the location (in a list, the longitude comes first)`

describe('the points of a GeoParquet file', () => {
  test.each([
    ['geometry', {}],
    ['shape', { crs: null, geometry_types: [] }],
    ['geom', { crs: { type: 'GeographicCRS', name: 'WGS 84', id: { authority: 'EPSG', code: 4326 } } }],
    ['centre', { crs: { id: { authority: 'OGC', code: 'CRS84' } }, geometry_types: ['Point', 'Point Z'] }],
  ])('are the location, with a word, in column %s with %j', async (name, metadata) => {
    expect(await taken([oslo, denver], { name, metadata })).toEqual({
      places: [
        [59.9, 10.75],
        [40.5, -105.25],
      ],
      warnings: [used(name)],
    })
  })

  test.each([
    ['the big end first', POINT.big + numbers(false, 10.75, 59.9)],
    ['a height', POINT.z + numbers(true, 10.75, 59.9, 120)],
    ["a height, in PostGIS's form", POINT.ewkbZ + numbers(true, 10.75, 59.9, 120)],
    ['the number of WGS 84', POINT.srid + numbers(true, 10.75, 59.9)],
  ])('can have %s', async (_what, point) => {
    expect((await taken([point, denver])).places).toEqual([
      [59.9, 10.75],
      [40.5, -105.25],
    ])
  })

  test.each([
    ['a polygon', POLYGON],
    ['bytes that are cut', oslo.slice(0, 30)],
    ['a latitude beyond 90', POINT.little + numbers(true, 1, 91)],
  ])('cost only a row its location where there is %s', async (_what, shape) => {
    const example = shape.length > 59 ? `0x${shape.slice(0, 59)}…` : `0x${shape}`
    expect(await taken([shape, denver], { metadata: { geometry_types: [] } })).toEqual({
      places: [null, [40.5, -105.25]],
      warnings: [used('geometry'), `location of 1 image cannot be read and is left out, for example ${example}`],
    })
  })

  test('are found in a file with the extension that results are written with', async () => {
    const columns = [text('asset_id', 'a'), text('image', 'a.jpg'), text('geometry', Buffer.from(oslo, 'hex'))]
    const { units } = await tables.take('results.geoparquet', parquetFile(columns, 1, { geo: geo('geometry') }))
    expect(units.map(({ location }) => location)).toEqual([{ latitude: 59.9, longitude: 10.75 }])
  })

  test('can be empty', async () => {
    expect(await taken([EMPTY, denver])).toEqual({ places: [null, [40.5, -105.25]], warnings: [used('geometry')] })
  })

  test('are not used where a latitude and a longitude are', async () => {
    const more = [text('lat', '1', '2'), text('lng', '3', '4')]
    expect(await taken([oslo, denver], { more })).toEqual({
      places: [
        [1, 3],
        [2, 4],
      ],
      warnings: ['Columns lat and lng are used as the location'],
    })
  })

  test.each([
    [{ geometry_types: ['Polygon', 'MultiPoint'] }, 'its values are no locations'],
    [
      { crs: { type: 'ProjectedCRS', id: { authority: 'EPSG', code: 3857 } } },
      'its coordinates are of EPSG:3857; in GeoPandas, to_crs(4326) makes degrees of them',
    ],
  ])('are not used, with the reason, with %j', async (metadata, reason) => {
    expect(await taken([oslo, denver], { metadata })).toEqual({
      places: [null, null],
      warnings: [`Column geometry is not used, because ${reason}`],
    })
  })

  test('can be structs, or of a type of Parquet of their own', async () => {
    const file = path.join(tables.folder, 'struct.parquet')
    const metadata = geo('geometry', { encoding: 'point' }).replaceAll("'", "''")
    await duckdb.run(
      `COPY (SELECT 'a' AS asset_id, 'a.jpg' AS image, {'x': 10.75, 'y': 59.9} AS geometry) TO '${file}' (FORMAT parquet, KV_METADATA {geo: '${metadata}'})`,
    )
    const { units, warnings } = await tables.takeFile(file)
    expect(units.map(({ location }) => location)).toEqual([{ latitude: 59.9, longitude: 10.75 }])
    expect(warnings).toEqual([used('geometry')])
    const native: WrittenColumn = {
      ...text('geometry', Buffer.from(oslo, 'hex'), Buffer.from(denver, 'hex')),
      logical: [17, []],
    }
    const rows = [text('asset_id', 'a', 'b'), text('image', 'a.jpg', 'b.jpg'), native]
    const taking = await tables.take('native.parquet', parquetFile(rows, 2))
    expect(taking.units.map(({ location }) => location?.latitude)).toEqual([59.9, 40.5])
    expect(taking.warnings).toEqual([used('geometry')])
  })
})

describe('the command for images inside of a Parquet column', () => {
  test.each([
    ['structs, as Hugging Face writes them', "{'bytes': NULL::BLOB, 'path': 'a.jpg'}", ['a', 'a.jpg']],
    ['lists', "['a.jpg', 'b.jpg']", ['a', 'a.jpg', 'b.jpg']],
  ])('makes a column that is found, of %s', async (_what, value, expected) => {
    const file = path.join(tables.folder, `inside-${++files}.parquet`)
    await duckdb.run(`COPY (SELECT 'a' AS asset_id, ${value} AS image) TO '${file}'`)
    const refused = (await tables.takeFile(file).catch((error: unknown) => error)) as { suggestions: string[] }
    const [, quoted = ''] = /^duckdb -c '(.*)'$/.exec(refused.suggestions[0]!) ?? []
    const made = path.join(tables.folder, `made-${files}.parquet`)
    await duckdb.run(quoted.replaceAll(String.raw`'\''`, "'").replace("'rows.parquet'", `'${made}'`))
    expect(refused.suggestions[1]).toBe('imagery run --table rows.parquet --image-column image …')
    const { units } = await tables.takeFile(made, { image: 'image' })
    expect(units.flatMap(({ asset, images }) => [asset, ...images])).toEqual(expected)
  })
})
