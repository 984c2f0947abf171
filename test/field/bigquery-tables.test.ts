import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTime } from '../../src/services/source/time-text.ts'
import { LocalTables } from './local-table.ts'
import { seeded } from './seeded.ts'
import { TIMES } from './times.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const text = (name: string) => ({ name, type: 'STRING' })
const USUAL = [text('asset_id'), text('gcs_uri')]
const row = (asset: string, more: object = {}) => ({ asset_id: asset, gcs_uri: `gs://b/${asset}.jpg`, ...more })
/** BigQuery's client writes milliseconds or nanoseconds. */
const shown = (time: string | undefined): string | null =>
  time === undefined ? null : time.endsWith('000Z') ? time.replace(/000Z$/, 'Z') : time.replace(/Z$/, '000Z')

describe('a time of a table', () => {
  test('in text is read like the time of a file', async () => {
    const rows = TIMES.map(([time], index) => row(String(index), { detection_time: time }))
    const { units, warnings } = await tables.takeTable(await tables.table([...USUAL, text('detection_time')], rows))
    const found = new Map(units.map(({ asset, detected }) => [asset, detected]))
    for (const [index, [time, expected]] of TIMES.entries())
      expect(found.get(String(index)), time).toBe(shown(expected))
    const unread = TIMES.filter(([, expected]) => expected === undefined).length
    expect(warnings).toEqual([
      expect.stringMatching(`^detection_time of ${unread} images cannot be read and is left out, for example "`),
    ])
  })

  test('in any text is read or not like the time of a file', async () => {
    const random = seeded(20261130)
    const pieces = [...'0123456789', ...':-/. TZtz+', 'am', 'pm', 'Nov', '2026', '-11-', ':30', '00', 'UTC', ' ']
    const texts = Array.from({ length: 300 }, () => {
      const [base] = TIMES[Math.floor(random() * TIMES.length)]!
      const at = Math.floor(random() * (base.length + 1))
      const piece = pieces[Math.floor(random() * pieces.length)]!
      return `${base.slice(0, at)}${piece}${base.slice(at + Math.floor(random() * 3))}`
    })
    const rows = texts.map((time, index) => row(String(index), { detection_time: time }))
    const { units } = await tables.takeTable(await tables.table([...USUAL, text('detection_time')], rows))
    const found = new Map(units.map(({ asset, detected }) => [asset, detected]))
    for (const [index, time] of texts.entries()) {
      const read = readTime(time)
      expect(found.get(String(index)), JSON.stringify(time)).toBe(shown('time' in read ? read.time : undefined))
    }
  })

  test.each([
    ['INTEGER', 1793739517, '2026-11-03T20:58:37.000Z'],
    ['INTEGER', 1793739517250, '2026-11-03T20:58:37.250Z'],
    ['INTEGER', 20261103, '2026-11-03T00:00:00.000Z'],
    ['INTEGER', 12, null],
    ['FLOAT', 1793739517.5, '2026-11-03T20:58:37.500Z'],
    ['FLOAT', 1793739517250, '2026-11-03T20:58:37.250Z'],
    ['NUMERIC', '1793739517.25', '2026-11-03T20:58:37.250Z'],
    ['JSON', '"2026:11:03 20:58:37"', '2026-11-03T20:58:37.000Z'],
    ['JSON', '1793739517', '2026-11-03T20:58:37.000Z'],
    ['DATE', '2026-11-03', '2026-11-03T00:00:00.000Z'],
    ['DATETIME', '2026-11-03T20:58:37', '2026-11-03T20:58:37.000Z'],
    ['TIMESTAMP', '2026-11-03T20:58:37+01:00', '2026-11-03T19:58:37.000Z'],
    ['BOOLEAN', true, null],
    ['TIME', '20:58:37', null],
  ])('of type %s is read: %s', async (type, value, expected) => {
    const table = await tables.table([...USUAL, { name: 'capture_time', type }], [row('a', { capture_time: value })])
    const { units, warnings } = await tables.takeTable(table)
    expect(units[0]!.captured).toEqual([expected])
    expect(warnings).toEqual(
      expected !== null
        ? []
        : [expect.stringMatching(type === 'INTEGER' ? /^capture_time of 1 image/ : /^Column capture_time is not used/)],
    )
  })

  test('decides which images are the latest, unless most cannot be read', async () => {
    const image = (name: string, time: string | null) => ({
      asset_id: 'a',
      gcs_uri: `gs://b/${name}`,
      capture_time: time,
    })
    const good = [
      image('old', '2026:01:01 00:00:00'),
      image('new', '1793739517250'),
      image('middle', '2026-05-01T00:00:00-0700'),
    ]
    const schema = [...USUAL, text('capture_time')]
    const { units } = await tables.takeTable(await tables.table(schema, good), { perUnit: 2 })
    expect(units[0]!.images).toEqual(['gs://b/new', 'gs://b/middle'])

    const bad = await tables.table(schema, [image('1', '03/11/2026'), image('2', '04/11/2026'), image('3', null)])
    expect(await tables.refusal(bad, { perUnit: 2 })).toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringMatching(/capture_time cannot be read in 2 of 2 images, for example "03\/11\/2026"$/),
      suggestions: [expect.any(String), expect.stringContaining('--pick spread')],
    })
    const { warnings } = await tables.takeTable(bad, { perUnit: 2, pick: 'spread' })
    expect(warnings).toEqual([
      'capture_time of 1 image cannot be read and is left out, for example "03/11/2026"; day/month and month/day look alike, so write times like 2026-11-03T20:58:37Z',
    ])
    expect((await tables.takeTable(bad, { perUnit: 3 })).units[0]!.images).toHaveLength(3)
  })
})

describe('a location of a table', () => {
  const numbers = (...names: string[]) => names.map((name) => ({ name, type: 'FLOAT' }))
  const record = (name: string, fields: object[]) => ({ name, type: 'RECORD', fields }) as never
  const PLACE = { latitude: 40.5, longitude: -105.25 }

  test.each([
    ['latitude and longitude', numbers('latitude', 'longitude'), { latitude: 40.5, longitude: -105.25 }, []],
    [
      'lat and lng',
      numbers('lat', 'lng'),
      { lat: 40.5, lng: -105.25 },
      ['Columns lat and lng are used as the location'],
    ],
    [
      'text',
      [text('Lat'), text('lon')],
      { Lat: '40.5', lon: '-105.250' },
      ['Columns Lat and lon are used as the location'],
    ],
    ['a struct', [record('location', numbers('lat', 'lng'))], { location: { lat: 40.5, lng: -105.25 } }, []],
    [
      'a struct of another name',
      [record('gps', numbers('latitude', 'longitude'))],
      { gps: PLACE },
      [expect.stringMatching(/^Column gps is used as the location/)],
    ],
    ['WKT', [text('location')], { location: 'POINT (-105.25 40.5)' }, []],
    [
      'WKT of another name',
      [text('geom')],
      { geom: 'SRID=4326;POINT Z(-105.25 40.5 9)' },
      [expect.stringMatching(/^Column geom is used as the location/)],
    ],
    ['GeoJSON text', [text('location')], { location: '{"type":"Point","coordinates":[-105.25,40.5]}' }, []],
    [
      'GeoJSON',
      [{ name: 'location', type: 'JSON' }],
      { location: '{"type":"Point","coordinates":[-105.25,40.5]}' },
      [],
    ],
    [
      'a geography',
      [{ name: 'geom', type: 'GEOGRAPHY' }],
      { geom: 'POINT(-105.25 40.5)' },
      [expect.stringMatching(/^Column geom is used as the location/)],
    ],
    [
      'a GeoJSON record',
      [record('geometry', [text('type'), { name: 'coordinates', type: 'FLOAT', mode: 'REPEATED' }])],
      { geometry: { type: 'Point', coordinates: [-105.25, 40.5] } },
      [expect.stringMatching(/^Column geometry is used as the location/)],
    ],
  ])('is read from %s', async (_what, columns, values, warned) => {
    const table = await tables.table([...USUAL, ...columns], [row('a', values), row('b')])
    const { units, warnings } = await tables.takeTable(table)
    expect(units.map(({ location }) => location)).toEqual([PLACE, null])
    expect(warnings).toEqual(warned)
  })

  test('that cannot be read is counted and costs no answer; an address is no location', async () => {
    const rows = [
      row('a', { lat: "40°1'N", lng: '105' }),
      row('b', { lat: '91', lng: '0' }),
      row('c', { lat: '1', lng: '2' }),
      row('d'),
    ]
    const { units, warnings } = await tables.takeTable(await tables.table([...USUAL, text('lat'), text('lng')], rows))
    expect(units.map(({ location }) => location)).toEqual([null, null, { latitude: 1, longitude: 2 }, null])
    expect(warnings[1]).toMatch(/^location of 2 images cannot be read and is left out, for example 40°1'N, 105$/)
    const streets = await tables.table([...USUAL, text('location')], [row('a', { location: 'Main Street' })])
    expect((await tables.takeTable(streets)).warnings).toEqual([])
  })
})

describe('a column that should have the location and cannot', () => {
  test.each([
    ['an array', { name: 'location', type: 'FLOAT', mode: 'REPEATED' }, [40.5, -105.25]],
    ['texts', { name: 'location', type: 'STRING', mode: 'REPEATED' }, ['40.5', '-105.25']],
    ['structs', { name: 'Location', type: 'RECORD', mode: 'REPEATED', fields: [text('lat')] }, [{ lat: '40.5' }]],
    ['bytes', { name: 'location', type: 'BYTES' }, 'AQE='],
    ['a number', { name: 'location', type: 'INTEGER' }, 4_711],
    ['the bytes of a geometry', { name: 'geometry', type: 'BYTES' }, 'AQE='],
  ])('has a word, not an answer: %s', async (_what, column, value) => {
    const table = await tables.table([...USUAL, column], [row('a', { [column.name]: value })])
    const { units, warnings } = await tables.takeTable(table)
    expect(units.map(({ location }) => location)).toEqual([null])
    expect(warnings).toEqual([`Column ${column.name} is not used, because its values are no locations`])
  })

  test('has none where other columns have it, or it is used for something else', async () => {
    const bytes = { name: 'geometry', type: 'BYTES' }
    const pair = ['latitude', 'longitude'].map((name) => ({ name, type: 'FLOAT' }))
    const rows = [row('a', { geometry: 'AQE=', latitude: 40.5, longitude: -105.25 })]
    const { units, warnings } = await tables.takeTable(await tables.table([...USUAL, bytes, ...pair], rows))
    expect([units[0]!.location, warnings]).toEqual([{ latitude: 40.5, longitude: -105.25 }, []])
    const sites = await tables.table(
      [{ name: 'location', type: 'INTEGER' }, USUAL[1]!],
      [{ location: 7, gcs_uri: 'gs://b/1.jpg' }],
    )
    expect(await tables.takeTable(sites, { asset: 'location' })).toMatchObject({
      units: [{ asset: '7' }],
      warnings: [],
    })
    const places = await tables.table(
      [text('location'), USUAL[1]!],
      [{ location: '40.5, -105.2', gcs_uri: 'gs://b/1' }],
    )
    expect(await tables.takeTable(places, { asset: 'location' })).toMatchObject({
      units: [{ asset: '40.5, -105.2' }],
      warnings: [],
    })
  })

  test('is text that does not say which number is the latitude', async () => {
    for (const location of ['40.0149, -105.2705', "40°1'N 105°16'W", '[-105.27,40.01]'])
      expect(
        (await tables.takeTable(await tables.table([...USUAL, text('location')], [row('a', { location })]))).warnings,
      ).toEqual([`location of 1 image cannot be read and is left out, for example ${location}`])
  })
})

describe('a column of a table', () => {
  const properties = { name: 'properties', type: 'RECORD', fields: [text('id'), text('photo')] } as const
  const nested = { properties: { id: 'a', photo: 'gs://b/1.jpg' } }

  test('can be a field of a struct', async () => {
    const table = await tables.table([properties as never], [nested])
    const { units } = await tables.takeTable(table, { asset: 'properties.id', image: 'Properties.photo' })
    expect(units.map(({ asset, images }) => [asset, ...images])).toEqual([['a', 'gs://b/1.jpg']])
    const { message, suggestions } = await tables.refusal(table)
    expect(message).toContain('Its columns: properties (properties.id, properties.photo)')
    expect(suggestions[0]).toContain('--asset-column properties.id --image-column properties.photo')
  })

  test.each([
    [
      'ARRAY<STRING>',
      { name: 'photos', type: 'STRING', mode: 'REPEATED' },
      'photos',
      'SELECT row.*, item AS image FROM `T` AS row, UNNEST(row.`photos`) AS item',
    ],
    [
      'ARRAY<STRUCT>',
      { name: 'photos', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'width', type: 'INTEGER' }, text('url')] },
      'photos',
      'SELECT row.*, item.`url` AS image FROM `T` AS row, UNNEST(row.`photos`) AS item',
    ],
    [
      'a field of an ARRAY<STRUCT>',
      { name: 'photos', type: 'RECORD', mode: 'REPEATED', fields: [text('large'), text('small')] },
      'photos.small',
      'SELECT row.*, item.`small` AS image FROM `T` AS row, UNNEST(row.`photos`) AS item',
    ],
    [
      'STRUCT',
      { name: 'photo', type: 'RECORD', fields: [text('note'), text('uri')] },
      'photo',
      'SELECT *, `photo`.`uri` AS image FROM `T`',
    ],
    [
      'a field of JSON',
      { name: 'meta', type: 'JSON' },
      'meta.photo.url',
      "SELECT *, JSON_VALUE(`meta`, '$.photo.url') AS image FROM `T`",
    ],
  ])('of type %s is refused with the view that fixes it', async (_what, column, image, select) => {
    const table = await tables.table([text('asset_id'), column], [{ asset_id: 'a' }])
    const { code, suggestions } = await tables.refusal(table, { image })
    const statement = `CREATE VIEW \`${table}_rows\` AS ${select.replaceAll('T`', `${table}\``)}`
    expect(code).toBe('COLUMN_NOT_FOUND')
    expect(suggestions[0]).toBe(`bq query --use_legacy_sql=false '${statement.replaceAll("'", String.raw`'\''`)}'`)
    expect(suggestions[1]).toBe(`imagery run --table ${table}_rows --image-column image …`)
    // The local BigQuery accepts the view, and a run reads it.
    await tables.view(`${table}_rows`, select.replaceAll('T`', `${table}\``))
    await tables.takeTable(`${table}_rows`, { image: 'image' }).catch((error: { code?: string }) => {
      expect(error.code).toBe('NO_ASSETS')
    })
  })

  test('of texts is preferred to one of arrays when columns are guessed', async () => {
    const image = { name: 'image', type: 'STRING', mode: 'REPEATED' }
    const table = await tables.table(
      [text('asset_id'), image, text('photo')],
      [{ asset_id: 'a', image: ['x'], photo: 'gs://b/1.jpg' }],
    )
    expect((await tables.takeTable(table)).units[0]!.images).toEqual(['gs://b/1.jpg'])
  })
})

describe('a name of a table', () => {
  test.each([
    (path: string) => path.replace('.', ':'),
    (path: string) => `[${path.replace('.', ':')}]`,
    (path: string) => `\`${path}\``,
    (path: string) =>
      path
        .split('.')
        .map((part) => `\`${part}\``)
        .join('.'),
    (path: string) => `bq://${path}`,
  ])('can be written in another way: %s', async (written) => {
    const table = await tables.table(USUAL, [row('a')])
    expect((await tables.takeTable(written(table))).units.map(({ asset }) => asset)).toEqual(['a'])
  })

  test('with a missing dataset or table says which, and names a near one', async () => {
    const table = await tables.table(USUAL, [row('a')])
    expect(await tables.refusal('demo.fields.signs')).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: expect.stringContaining('dataset demo.fields does not exist'),
      suggestions: [expect.stringContaining('demo.field.signs'), 'bq ls demo:   (lists the datasets of the project)'],
    })
    const { message, suggestions } = await tables.refusal(`${table}x`)
    expect(message).toContain(`Table ${table}x does not exist`)
    expect(suggestions[0]).toMatch(/^imagery run --table demo\.field\.t\d+ …$/)
  })
})

describe('a partitioned table', () => {
  const day = { name: 'day', type: 'DATE' }
  const DAILY = { timePartitioning: { type: 'DAY', field: 'day' } }
  const rows = [row('a', { day: '2026-09-14' }), row('b', { day: '2026-09-15' })]

  test.each([
    ['20260914', "day = '2026-09-14'"],
    ['202609', "day >= '2026-09-01' AND day < '2026-10-01'"],
    ['__NULL__', 'day IS NULL'],
  ])('with the decorator $%s is refused with the filter that reads the partition', async (id, filter) => {
    const table = await tables.table([...USUAL, day], rows, DAILY)
    const { code, suggestions } = await tables.refusal(`${table}$${id}`)
    expect(code).toBe('INVALID_FLAG')
    expect(suggestions).toEqual([
      `imagery run --table ${table} --where ${filter.includes("'") ? `'${filter.replaceAll("'", String.raw`'\''`)}'` : `'${filter}'`} …`,
    ])
    await tables
      .takeTable(table, { where: filter })
      .catch((error: { code?: string }) => expect(error.code).toBe('NO_ASSETS'))
  })

  test.each([
    [
      'by timestamps',
      { name: 'at', type: 'TIMESTAMP' },
      { timePartitioning: { type: 'HOUR', field: 'at' } },
      '2026091405',
      "`at` >= TIMESTAMP('2026-09-14 05:00:00') AND `at` < TIMESTAMP('2026-09-14 06:00:00')",
    ],
    [
      'by ranges',
      { name: 'n', type: 'INTEGER' },
      { rangePartitioning: { field: 'n', range: { start: '0', end: '100', interval: '10' } } },
      '20',
      'n >= 20 AND n < 30',
    ],
    [
      'by ingestion',
      text('note'),
      { timePartitioning: { type: 'DAY' } },
      '20260914',
      "_PARTITIONTIME = TIMESTAMP('2026-09-14')",
    ],
  ])('%s is refused with its own filter', async (_what, column, properties, id, filter) => {
    const table = await tables.table([...USUAL, column], [row('a')], properties)
    const { suggestions } = await tables.refusal(`${table}$${id}`, { where: 'TRUE' })
    expect(suggestions[0]).toContain(`${filter} AND (TRUE)`.replaceAll("'", String.raw`'\''`))
  })

  test('that requires a filter is refused with one, and read with one', async () => {
    const table = await tables.table([...USUAL, day], rows, { ...DAILY, requirePartitionFilter: true })
    const { code, message, suggestions } = await tables.refusal(table)
    expect(code).toBe('INVALID_FILTER')
    expect(message).toBe(`${table} can be read only with a filter on day, by which it is partitioned`)
    expect(suggestions).toEqual([expect.stringMatching(/^--where 'day >= '\\''\d{4}-01-01'\\'''$/)])
    expect((await tables.refusal(table, { where: "asset_id = 'a'" })).suggestions[0]).toContain(
      `AND (asset_id = '\\''a'\\'')`,
    )
    const { units } = await tables.takeTable(table, { where: "day >= '2026-09-15'" })
    expect(units.map(({ asset }) => asset)).toEqual(['b'])
  })

  test('by ingestion that requires a filter is refused with the pseudocolumn', async () => {
    const table = await tables.table(USUAL, [row('a')], {
      timePartitioning: { type: 'DAY' },
      requirePartitionFilter: true,
    })
    expect((await tables.refusal(table)).suggestions[0]).toMatch(/^--where '_PARTITIONTIME >= TIMESTAMP\(/)
  })
})
