import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runDuckdbCommand } from './duckdb-command.ts'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const BOSTON = { latitude: 42.3601, longitude: -71.0589 }

/** WKB of that point (https://libgeos.org/specifications/wkb/), made with another program's functions. */
function pointBytes(
  { isLittle, type, system }: { isLittle: boolean; type: number; system?: number },
  ...numbers: number[]
): string {
  const view = new DataView(new ArrayBuffer(5 + (system === undefined ? 0 : 4) + numbers.length * 8))
  view.setUint8(0, Number(isLittle))
  view.setUint32(1, type, isLittle)
  if (system !== undefined) view.setUint32(5, system, isLittle)
  for (const [index, number] of numbers.toReversed().entries())
    view.setFloat64(view.byteLength - 8 * (index + 1), number, isLittle)
  return Buffer.from(view.buffer).toString('hex')
}

const EAST_NORTH = [BOSTON.longitude, BOSTON.latitude] as const
const WKB = pointBytes({ isLittle: true, type: 1 }, ...EAST_NORTH)
const EWKB = pointBytes({ isLittle: true, type: 0x20_00_00_01, system: 4326 }, ...EAST_NORTH)
const METERS = pointBytes({ isLittle: true, type: 0x20_00_00_01, system: 3857 }, -7_910_240.6, 5_215_074.5)
const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`

async function placed(columns: string, ...cells: string[]): Promise<{ places: unknown[]; warnings: string[] }> {
  const csv = `asset_id,image,${columns}\n${cells.map((row, index) => `a${index},${index}.jpg,${row}\n`).join('')}`
  const { units, warnings } = await tables.take('places.csv', csv)
  return { places: units.map(({ location }) => location), warnings }
}

describe('a point in a text is the location, whatever program wrote it', () => {
  test.each([
    ['QGIS', 'WKT', 'POINT (-71.0589 42.3601)'],
    ['PostGIS', 'geom', EWKB.toUpperCase()],
    ['psql, for bytes', 'wkb_geometry', `\\x${WKB}`],
    ['SQL', 'the_geom', `0x${WKB}`],
    ['with the big end first', 'geom', pointBytes({ isLittle: false, type: 1 }, ...EAST_NORTH)],
    [
      'a height, in the form of PostGIS',
      'geom',
      pointBytes({ isLittle: true, type: 0xa0_00_00_01, system: 4326 }, ...EAST_NORTH, 12),
    ],
    ['a height, in the form of the standard', 'geom', pointBytes({ isLittle: true, type: 1_001 }, ...EAST_NORTH, 12)],
    ['a height and a measure', 'geom', pointBytes({ isLittle: false, type: 3_001 }, ...EAST_NORTH, 12, 7)],
    ['a height in WKT', 'geom', 'POINT ZM (-71.0589 42.3601 12 7)'],
    ['one point of a layer with several', 'geom', 'MULTIPOINT ((-71.0589 42.3601))'],
    ['the same in GeoJSON', 'geometry', '{"type":"MultiPoint","coordinates":[[-71.0589,42.3601]]}'],
    ['Earth Engine', '.geo', '{"geodesic":false,"type":"Point","coordinates":[-71.0589,42.3601]}'],
    ['a name that says nothing, with WKT', 'spot', 'SRID=4326;POINT(-71.0589 42.3601)'],
    ['a name that says nothing, with GeoJSON', 'spot', '{"type":"Point","coordinates":[-71.0589,42.3601]}'],
    ['a name that says nothing, with WKB', 'spot', EWKB],
  ])('%s: %s', async (_program, column, text) => {
    expect(await placed(column, cell(text), '')).toEqual({
      places: [BOSTON, null],
      warnings: [`Column ${column} is used as the location (in a list, the longitude comes first)`],
    })
  })

  test('in an object of any name', async () => {
    const row = { asset_id: 'a', image: '1.jpg', camera: { Lat: 42.3601, lon: -71.0589, heading: 12 } }
    const { units, warnings } = await tables.take('camera.jsonl', JSON.stringify(row))
    expect(units[0]!.location).toEqual(BOSTON)
    expect(warnings).toEqual(['Column camera is used as the location (in a list, the longitude comes first)'])
  })

  test('and without coordinates no location, without a word', async () => {
    const empty = pointBytes({ isLittle: true, type: 1 }, NaN, NaN)
    expect(await placed('geom', 'POINT(-71.0589 42.3601)', 'POINT EMPTY', empty)).toEqual({
      places: [BOSTON, null, null],
      warnings: ['Column geom is used as the location (in a list, the longitude comes first)'],
    })
  })

  test('unless it is of another coordinate system, which is counted', async () => {
    const { places, warnings } = await placed('geom', EWKB, METERS, 'SRID=3857;POINT(-71.0589 42.3601)')
    expect(places).toEqual([BOSTON, null, null])
    expect(warnings[1]).toContain(
      `location of 2 rows cannot be read and is left out, for example "${METERS.slice(0, 60)}`,
    )
  })

  test.each([
    ['a line', 'geom', 'LINESTRING (-71 42, -72 43)'],
    ['meters', 'geom', 'SRID=3857;POINT(-7910240.6 5215074.5)'],
    ['meters as WKB', 'the_geom', METERS],
    ['an area in GeoJSON', 'geometry', '{"type":"Polygon","coordinates":[[[0,0],[0,1],[1,1],[0,0]]]}'],
  ])('unless all are something else, which has a word: %s', async (_what, column, text) => {
    const { places, warnings } = await placed(column, cell(text))
    expect(places).toEqual([null])
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
    expect(warnings).toEqual([
      `Column ${column} is not used as the location, because ${shown} is no point in degrees; in GeoPandas, to_crs(4326) makes degrees, and centroid points`,
    ])
  })

  test('unless several columns have one, and no name says which is meant', async () => {
    const point = cell('POINT(-71.0589 42.3601)')
    const { places, warnings } = await placed('from_here,to_there', `${point},${point}`)
    expect(places).toEqual([null])
    expect(warnings).toEqual([
      'No column is used as the location, because several could be it: from_here, to_there; name the right ones latitude and longitude, or the right one location',
    ])
    expect((await placed('from_here,location', `POINT(1 2),${point}`)).places).toEqual([BOSTON])
    expect((await placed('from_here,lat,lon', `POINT(1 2),42.3601,-71.0589`)).places).toEqual([BOSTON])
  })
})

describe('two columns', () => {
  test.each([
    ['decimalLatitude', 'decimalLongitude'],
    ['lat_wgs84', 'lon_wgs84'],
    ['Latitude (deg)', 'Longitude (deg)'],
    ['pole_lat', 'pole_lng'],
    ['poleLat', 'poleLong'],
    ['latitud', 'longitud'],
    ['Breitengrad', 'Längengrad'],
    ['geo.lat', 'geo.lon'],
  ])('named %s and %s are the location, with a word', async (north, east) => {
    expect(await placed(`${east},${north},lat_error,lon_error`, '-71.0589,42.3601,3,4')).toEqual({
      places: [BOSTON],
      warnings: [`Columns ${north} and ${east} are used as the location`],
    })
  })

  test('are not, if there are two such pairs', async () => {
    expect(await placed('start_lat,start_lon,end_lat,end_lon', '1,2,3,4')).toEqual({
      places: [null],
      warnings: [
        'No column is used as the location, because several could be it: start_lat and start_lon, end_lat and end_lon; name the right ones latitude and longitude, or the right one location',
      ],
    })
  })

  test.each([
    ['decimal commas', '42,3601', '-71,0589', BOSTON],
    ['the minus sign of typography', '42.3601', '−71.0589', BOSTON],
    ['degree signs', '42.3601°', '-71.0589°', BOSTON],
    ['letters', '42.3601 N', 'W71.0589', BOSTON],
    ['minutes and seconds', `42°21'36"N`, '71°3’36″W', { latitude: 42.36, longitude: -71.06 }],
    ['minutes with a fraction', "N 42° 21.6'", "71° 03,6' w", { latitude: 42.36, longitude: -71.06 }],
    ['ExifTool', `42 deg 21' 36.00" N`, `71 deg 3' 36.00" W`, { latitude: 42.36, longitude: -71.06 }],
    ['a sign and a letter', '-42.36 S', '71.06', null],
    ['the letter of the other coordinate', '42.36 W', '71.06 N', null],
    ['a letter that is east in German and west in Spanish', '42.36 N', '71.06 O', null],
    ['60 minutes', "42°60'N", '71.06', null],
    ['points for thousands', '42.360.100', '-71.058.900', null],
    ['no marks', '42 21 36', '-71 3 36', null],
    ['whole numbers of ten-millionths', '423601000', '-710589000', null],
  ])('with %s: %s, %s', async (_what, north, east, place) => {
    const { places, warnings } = await placed('latitude,longitude', `${cell(north)},${cell(east)}`)
    expect(places).toEqual([
      place && { latitude: expect.closeTo(place.latitude, 9), longitude: expect.closeTo(place.longitude, 9) },
    ])
    expect(warnings).toEqual(place ? [] : [expect.stringMatching(/^location of 1 row cannot be read and is left out/)])
  })

  test('of a file with semicolons can have decimal commas', async () => {
    const csv = 'asset_id;image;latitude;longitude\na;1.jpg;42,3601;-71,0589\n'
    expect((await tables.take('commas.csv', csv)).units[0]!.location).toEqual(BOSTON)
  })
})

describe('the axes of a map are not used, because they can be meters', () => {
  test.each([
    ['X', 'Y'],
    ['POINT_X', 'POINT_Y'],
    ['x_coord', 'y_coord'],
  ])('and the command for %s and %s names them', async (x, y) => {
    const csv = `asset_id,image,${x},${y}\n0031,1.jpg,-71.0589,42.3601\nb,"2,3.jpg",,\n`
    const { units, warnings } = await tables.take('axes.csv', csv)
    expect(units.map(({ location }) => location)).toEqual([null, null])
    expect(warnings).toEqual([
      expect.stringContaining(
        `Columns ${x} and ${y} are not used as the location, because their names do not say degrees`,
      ),
    ])
    const made = await runDuckdbCommand(warnings[0]!, await mkdtemp(path.join(tables.folder, 'axes-')))
    const { units: named } = await tables.take('named.csv', await readFile(made))
    expect(named.map(({ asset, images, location }) => [asset, images, location])).toEqual([
      ['0031', ['1.jpg'], BOSTON],
      ['b', ['2,3.jpg'], null],
    ])
  })

  test.skipIf(spawnSync('jq', ['--version']).status !== 0)('and so does the one for JSON lines', async () => {
    const rows = '{"asset_id":"a","image":"1.jpg","x":-71.0589,"y":42.3601}\n'
    const { warnings } = await tables.take('axes.jsonl', rows)
    const command = /latitude: (jq .*)$/.exec(warnings[0]!)![1]!
    const cwd = await mkdtemp(path.join(tables.folder, 'axes-'))
    expect(spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
    const { units } = await tables.take('named.jsonl', await readFile(path.join(cwd, 'rows.jsonl')))
    expect(units[0]!.location).toEqual(BOSTON)
  })

  test('with another word where the values are no degrees', async () => {
    expect(await placed('POINT_X,POINT_Y', '-71.1,42.3', '-7910240.6,5215074.5')).toEqual({
      places: [null, null],
      warnings: [
        'Columns POINT_X and POINT_Y are not used as the location, because values such as -7910240.6, 5215074.5 are no degrees; in GeoPandas, to_crs(4326) makes degrees of them',
      ],
    })
    const { warnings } = await tables.take(
      'point.jsonl',
      '{"asset_id":"a","image":"1.jpg","geometry":{"x":-71.5,"y":42.5}}',
    )
    expect(warnings).toEqual([
      'Column geometry is not used as the location, because a value such as {"x":-71.5,"y":42.5} does not say which number is the latitude; write two columns, latitude and longitude',
    ])
  })

  test.each([
    ['pixels', 'x,y', '17,42'],
    ['parts of an image', 'x,y', '0.25,0.5'],
    ['the corner of a box', 'x,y,w,h', '17.5,42.5,3,4'],
    ['no numbers', 'x,y', 'a,b'],
  ])('with no word for %s', async (_what, columns, cells) => {
    expect(await placed(columns, cells)).toEqual({ places: [null], warnings: [] })
  })

  test('nor where the file has a location', async () => {
    expect(await placed('X,Y,lat,lon', '236000.5,901000.5,42.3601,-71.0589')).toEqual({
      places: [BOSTON],
      warnings: ['Columns lat and lon are used as the location'],
    })
  })
})

describe('a table in BigQuery', () => {
  const USUAL = [
    { name: 'asset_id', type: 'STRING' },
    { name: 'gcs_uri', type: 'STRING' },
  ]
  const row = { asset_id: 'a', gcs_uri: 'gs://b/1.jpg' }

  test('has its location in a GEOGRAPHY or in a struct of any name, if there is one', async () => {
    const geography = { name: 'spot', type: 'GEOGRAPHY' }
    const struct = { name: 'camera', type: 'RECORD', fields: ['lat', 'lng'].map((name) => ({ name, type: 'FLOAT' })) }
    for (const [field, value] of [
      [geography, 'POINT(-71.0589 42.3601)'],
      [struct, { lat: 42.3601, lng: -71.0589 }],
    ] as const) {
      const table = await tables.table(
        [...USUAL, { name: 'location', type: 'STRING' }, field],
        [{ ...row, location: 'Main Street', [field.name]: value }],
      )
      const { units, warnings } = await tables.takeTable(table)
      expect(units[0]!.location).toEqual(BOSTON)
      expect(warnings).toEqual([expect.stringContaining(`Column ${field.name} is used as the location`)])
    }
    const both = await tables.table(
      [...USUAL, geography, struct],
      [{ ...row, spot: 'POINT(1 2)', camera: { lat: 3, lng: 4 } }],
    )
    const { units, warnings } = await tables.takeTable(both)
    expect(units[0]!.location).toBeNull()
    expect(warnings).toEqual([expect.stringContaining('several could be it: spot, camera')])
  })

  test('has a word for the axes of a map, with the view that names them', async () => {
    const axes = ['POINT_X', 'POINT_Y'].map((name) => ({ name, type: 'FLOAT' }))
    const table = await tables.table([...USUAL, ...axes], [{ ...row, POINT_X: -71.0589, POINT_Y: 42.3601 }])
    const { units, warnings } = await tables.takeTable(table)
    expect(units[0]!.location).toBeNull()
    const [, view = '', query = ''] = /'CREATE VIEW `(.*)` AS (SELECT .*)' {3}\(then --table/.exec(warnings[0]!) ?? []
    expect(view).toBe(`${table}_rows`)
    await tables.view(view, query)
    expect((await tables.takeTable(view)).units[0]!.location).toEqual(BOSTON)
    const pixels = await tables.table(
      [...USUAL, { name: 'x', type: 'INTEGER' }, { name: 'y', type: 'INTEGER' }],
      [{ ...row, x: 1, y: 2 }],
    )
    expect((await tables.takeTable(pixels)).warnings).toEqual([])
  })

  test('has a word for coordinates whose sign is in another column', async () => {
    const names = ['GPSLatitude', 'GPSLatitudeRef', 'GPSLongitude', 'GPSLongitudeRef']
    const signs = names.map((name, index) => ({ name, type: index % 2 === 0 ? 'FLOAT' : 'STRING' }))
    const table = await tables.table(
      [...USUAL, ...signs],
      [{ ...row, GPSLatitude: 42.5, GPSLatitudeRef: 'S', GPSLongitude: 7.5, GPSLongitudeRef: 'E' }],
    )
    const { units, warnings } = await tables.takeTable(table)
    expect(units[0]!.location).toBeNull()
    expect(warnings).toEqual([
      'Columns GPSLatitude and GPSLongitude are not used as the location, because other columns tell north from south or east from west; write signed numbers (with ExifTool: -n)',
    ])
  })

  test('has a word for a text with other shapes', async () => {
    const table = await tables.table(
      [...USUAL, { name: 'geom', type: 'STRING' }],
      [{ ...row, geom: 'LINESTRING(1 2, 3 4)' }],
    )
    expect((await tables.takeTable(table)).warnings[1]).toBe(
      'location of 1 image cannot be read and is left out, for example LINESTRING(1 2, 3 4)',
    )
  })
})
