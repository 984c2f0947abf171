import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'
import { TIMES } from './times.ts'
import { readTime } from '../../src/services/source/time-text.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

describe('a time', () => {
  test.each(TIMES)('%s is read as %s: %s', (text, time, _what) => {
    expect(readTime(text)).toEqual(time === undefined ? { fault: expect.any(String) } : { time })
  })

  test('chooses the latest image, however it is written', async () => {
    const csv = `asset_id,image,capture_time
a,oldest.jpg,2026:01:01 00:00:00
a,newest.jpg,1793739517250
a,middle.jpg,2026-05-01T00:00:00-0700
`
    const { units, warnings } = await tables.take('order.csv', csv, { perUnit: 2 })
    expect(units[0]!.images).toEqual(['newest.jpg', 'middle.jpg'])
    expect(warnings).toEqual([])
  })

  test('that cannot be read is counted, and costs no answer', async () => {
    const csv =
      'asset_id,image,capture_time,detection_time\na,1.jpg,03/11/2026,\nb,2.jpg,2026-01-01,soon\nc,3.jpg,2026-01-01,\n'
    const { units, warnings } = await tables.take('some.csv', csv)
    expect(units.map(({ asset, captured }) => [asset, captured])).toEqual([
      ['a', [null]],
      ['b', ['2026-01-01T00:00:00.000Z']],
      ['c', ['2026-01-01T00:00:00.000Z']],
    ])
    expect(warnings).toEqual([
      'capture_time of 1 row cannot be read and is left out, for example "03/11/2026" in line 2; day/month and month/day look alike, so write times like 2026-11-03T20:58:37Z',
      'detection_time of 1 row cannot be read and is left out, for example "soon" in line 3',
    ])
  })

  test('decides nothing if most cannot be read: the latest images are refused, other choices are not', async () => {
    const csv = 'asset_id,image,capture_time\na,1.jpg,03/11/2026\na,2.jpg,04/11/2026\na,3.jpg,\n'
    await expect(tables.take('mostly.csv', csv, { perUnit: 2 })).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringContaining(
        'capture_time cannot be read in 2 of 2 rows, for example "03/11/2026" in line 2',
      ),
      suggestions: [expect.any(String), expect.stringContaining('--pick spread')],
    })
    const spread = await tables.take('mostly.csv', csv, { perUnit: 2, pick: 'spread' })
    expect(spread.units[0]!.images).toHaveLength(2)
    // All images are used, whichever is the latest.
    expect((await tables.take('mostly.csv', csv, { perUnit: 3 })).units[0]!.images).toHaveLength(3)
  })
})

describe('a location', () => {
  test.each([
    ['numbers', '{"latitude":40.5,"longitude":-105.25}'],
    ['numbers as text', '{"latitude":"40.5","longitude":"-105.250"}'],
    ['short names', '{"lat":40.5,"lng":-105.25}'],
    ['GeoJSON', '{"type":"Point","coordinates":[-105.25,40.5]}'],
    ['WKT', '"POINT (-105.25 40.5)"'],
    ['GeoJSON as text', JSON.stringify('{"type": "Point", "coordinates": [-105.25, 40.5]}')],
    ['an object as text', JSON.stringify(' {"lat": "40.5", "lng": -105.25}')],
  ])('is read from %s', async (_form, location) => {
    const { units, warnings } = await tables.take(
      'place.jsonl',
      `{"asset_id":"a","image":"1.jpg","location":${location}}`,
    )
    expect(units[0]!.location).toEqual({ latitude: 40.5, longitude: -105.25 })
    expect(warnings).toEqual([])
  })

  test('is read from two columns', async () => {
    const csv = 'asset_id,image,Lat,lon\na,1.jpg,40.5,-105.25\nb,2.jpg,,\n'
    const { units, warnings } = await tables.take('two.csv', csv)
    expect(units.map(({ location }) => location)).toEqual([{ latitude: 40.5, longitude: -105.25 }, null])
    expect(warnings).toEqual(['Columns Lat and lon are used as the location'])
  })

  test('without values is no location', async () => {
    const rows =
      '{"asset_id":"a","image":"1.jpg","location":{"latitude":null,"longitude":null}}\n{"asset_id":"b","image":"2.jpg","location":null}\n'
    const { units, warnings } = await tables.take('nowhere.jsonl', rows)
    expect(units.map(({ location }) => location)).toEqual([null, null])
    expect(warnings).toEqual([])
  })

  test('that cannot be read or is not on Earth is counted, and costs no answer', async () => {
    const place = (latitude: unknown, longitude: unknown): string => JSON.stringify({ latitude, longitude })
    const places = [
      place("40°61'N", '105'),
      place(91, 0),
      place(0, -181),
      place(1, null),
      place('1.234,5', '2'),
      place([3], 4),
      place({}, true),
      place(1, 2),
    ]
    const rows = places.map((location, index) => `{"asset_id":"a${index}","image":"1.jpg","location":${location}}\n`)
    const { units, warnings } = await tables.take('bad.jsonl', rows.join(''))
    expect(units.map(({ location }) => location)).toEqual([
      ...Array.from({ length: 7 }, () => null),
      { latitude: 1, longitude: 2 },
    ])
    expect(warnings).toEqual([
      `location of 7 rows cannot be read and is left out, for example {"latitude":"40°61'N","longitude":"105"} in line 1`,
    ])
  })

  test.each(['{"city":"Oslo"}', '{"x":1,"y":2}', '{"lat":1}', '{}'])(
    'that is an object without coordinates is a column like others: %s',
    async (location) => {
      const { units, warnings } = await tables.take(
        'no-place.jsonl',
        `{"asset_id":"a","image":"1.jpg","location":${location}}`,
      )
      expect(units.map((unit) => [unit.asset, unit.location])).toEqual([['a', null]])
      expect(warnings).toEqual([])
    },
  )

  test.each([
    ['text', 'location', '"40.0149, -105.2705"'],
    ['degrees and minutes', 'gps', '"40°1\'N 105°16\'W"'],
    ['a list as text', 'Location', '"[-105.27,40.01]"'],
  ])('that does not say which number is the latitude is not used, with a word: %s', async (_form, name, value) => {
    const rows = `{"asset_id":"a","image":"1.jpg","${name}":${value}}\n`
    const { units, warnings } = await tables.take('pair.jsonl', rows)
    expect(units.map(({ location }) => location)).toEqual([null])
    expect(warnings).toEqual([
      `Column ${name} is not used as the location, because a text such as ${value} does not say which number is the latitude; write two columns, latitude and longitude`,
    ])
  })

  test.each([
    ['the asset ID', '"location":"40.0149, -105.2705"', { asset: 'location' }],
    ['the number of a section', '"asset_id":"a","location":"3.1.2"', {}],
    ['an address of the internet', '"asset_id":"a","location":"10.0.0.1"', {}],
  ])('has no word for a text that is %s', async (_what, members, options) => {
    expect((await tables.take('other.jsonl', `{${members},"image":"1.jpg"}\n`, options)).warnings).toEqual([])
  })

  test('that is a list of texts is not used, with a word', async () => {
    const { warnings } = await tables.take('texts.jsonl', '{"asset_id":"a","image":"1.jpg","location":["1.5","2.5"]}')
    expect(warnings).toEqual(['Column location is not used, because its values are no locations'])
  })

  test('that is a list is not used, with a word', async () => {
    const { units, warnings } = await tables.take('list.jsonl', '{"asset_id":"a","image":"1.jpg","location":[1.5,2.5]}')
    expect(units.map(({ location }) => location)).toEqual([null])
    expect(warnings).toEqual(['Column location is not used, because its values are no locations'])
  })

  test('that is an address is a column like others', async () => {
    const csv = 'asset_id,image,location\na,1.jpg,Main Street\nb,2.jpg,Side Street\n'
    const { units, warnings } = await tables.take('address.csv', csv, { where: "location LIKE 'Main%'" })
    expect(units.map(({ asset, location }) => [asset, location])).toEqual([['a', null]])
    expect(warnings).toEqual([])
  })
})
