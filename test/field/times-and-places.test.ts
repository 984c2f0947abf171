import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'
import { readTime } from '../../src/services/source/time-text.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

describe('a time', () => {
  test.each([
    ['2026:11:03 20:58:37', '2026-11-03T20:58:37.000000Z', 'EXIF'],
    ['2026:11:03 20:58:37.25+01:00', '2026-11-03T19:58:37.250000Z', 'EXIF with an offset'],
    ['2026-11-03T20:58:37-0700', '2026-11-04T03:58:37.000000Z', 'an offset without a colon'],
    ['2026-11-03T20:58:37+05:30', '2026-11-03T15:28:37.000000Z', 'an offset with minutes'],
    ['2026-11-03 20:58:37 UTC', '2026-11-03T20:58:37.000000Z', 'BigQuery'],
    ['2026-11-03 20:58:37.123456789', '2026-11-03T20:58:37.123456Z', 'nanoseconds'],
    ['2026-11-03T20:58', '2026-11-03T20:58:00.000000Z', 'no seconds'],
    ['2026-11-03', '2026-11-03T00:00:00.000000Z', 'a date'],
    ['2026/1/2 3:04:05', '2026-01-02T03:04:05.000000Z', 'slashes, year first'],
    ['2019-05', '2019-05-01T00:00:00.000000Z', 'a month'],
    ['1793739517', '2026-11-03T20:58:37.000000Z', 'epoch seconds'],
    ['1793739517.5', '2026-11-03T20:58:37.500000Z', 'epoch seconds with a fraction'],
    ['1793739517250', '2026-11-03T20:58:37.250000Z', 'epoch milliseconds'],
    ['1793739517250125', '2026-11-03T20:58:37.250125Z', 'epoch microseconds'],
    ['1793739517250125999', '2026-11-03T20:58:37.250125Z', 'epoch nanoseconds'],
    ['20261103T205837Z', '2026-11-03T20:58:37.000000Z', 'no separators'],
    ['20261103205837', '2026-11-03T20:58:37.000000Z', 'digits only'],
    ['20261103', '2026-11-03T00:00:00.000000Z', 'eight digits'],
    ['202611032058', '2026-11-03T20:58:00.000000Z', 'twelve digits'],
    ['20261103205837250', '2026-11-03T20:58:37.250000Z', 'digits with milliseconds'],
    ['20261103T2058+0100', '2026-11-03T19:58:00.000000Z', 'no separators and no seconds'],
    ['179373951725', '1975-09-08T02:05:51.725000Z', 'twelve digits that are no date: milliseconds'],
    ['Tue Nov 03 2026 20:58:37 GMT+0100 (Central European Standard Time)', '2026-11-03T19:58:37.000000Z', 'a browser'],
    ['12:15 am', undefined, 'a time without a day'],
    ['2026-11-03 12:15 am', '2026-11-03T00:15:00.000000Z', 'midnight'],
    ['2026-11-03 13:15 pm', undefined, 'an hour that half a day does not have'],
    ['3-Nov-2026', '2026-11-03T00:00:00.000000Z', 'a month in letters between dashes'],
    ['3 Nob 2026', undefined, 'a month that does not exist'],
    ['2026-11-03T20:58:37+15:00', undefined, 'a zone that does not exist'],
    ['2026-11/03', undefined, 'two separators'],
    ['2026110320', undefined, 'a year, month, day and hour, or seconds'],
    ['Tue, 03 Nov 2026 20:58:37 GMT', '2026-11-03T20:58:37.000000Z', 'mail'],
    ['3 November 2026', '2026-11-03T00:00:00.000000Z', 'a month in words'],
    ['Nov 3, 2026 8:58 PM', '2026-11-03T20:58:00.000000Z', 'half a day'],
    ['12:30 AM is not alone', undefined, 'no date'],
    ['0000:00:00 00:00:00', undefined, 'an empty EXIF time'],
    ['2026-02-30', undefined, 'a day that does not exist'],
    ['2026-11-03 25:00:00', undefined, 'an hour that does not exist'],
    ['03/11/2026', undefined, 'day and month look alike'],
    ['25.12.2026 10:00', undefined, 'day first'],
    ['yesterday', undefined, 'words'],
    ['0', undefined, 'zero'],
  ] as [string, string | undefined, string][])('%s is read as %s: %s', (text, time, _what) => {
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
    expect(warnings).toEqual([])
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
      place("40°1'N", '105'),
      place(91, 0),
      place(0, -181),
      place(1, null),
      place('1,5', '2'),
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
      `location of 7 rows cannot be read and is left out, for example {"latitude":"40°1'N","longitude":"105"} in line 1`,
    ])
  })

  test('that is an address is a column like others', async () => {
    const csv = 'asset_id,image,location\na,1.jpg,Main Street\nb,2.jpg,Side Street\n'
    const { units, warnings } = await tables.take('address.csv', csv, { where: "location LIKE 'Main%'" })
    expect(units.map(({ asset, location }) => [asset, location])).toEqual([['a', null]])
    expect(warnings).toEqual([])
  })
})
