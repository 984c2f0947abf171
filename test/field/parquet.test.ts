import { chmod, mkdtemp, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { parquetFile, plain, type WrittenColumn } from '@imagery/local-cloud/test/bigquery/parquet-fixture'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { prepareSource } from '../../src/services/source/local-files.ts'
import { LocalTables, type TableOptions } from './local-table.ts'

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

/** A file with the rows of a SELECT. */
async function selected(select: string, options = ''): Promise<string> {
  const file = path.join(tables.folder, `rows-${++files}.parquet`)
  await duckdb.run(`COPY (SELECT ${select}) TO '${file}' (FORMAT parquet${options})`)
  return file
}

const taken = (file: string, options: TableOptions = {}): ReturnType<LocalTables['takeFile']> =>
  tables.takeFile(file, options)
const assets = (units: { asset: string | null; images: string[] }[]): unknown[] =>
  units.map(({ asset, images }) => [asset, images])

const text = (name: string, ...values: string[]): WrittenColumn => ({
  name,
  type: 6,
  converted: 0,
  values: values.map(plain.text),
})
const ROWS = [text('asset_id', '007', '7'), text('image', 'a.jpg', 'b.jpg')]
const bytes = (length: number): Buffer[] => [Buffer.alloc(length, 1), Buffer.alloc(length, 2)]

describe('a Parquet column that imagery does not use', () => {
  const USED = "'007' AS asset_id, 'a.jpg' AS image"

  it.each([
    ['a UUID', 'uuid()', 'UUID'],
    ['nanoseconds', "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", 'TIMESTAMP_NANOS'],
    ['a time of day', "TIME '12:00:00'", 'TIME_MICROS'],
    ['an interval', 'INTERVAL 1 DAY', 'INTERVAL'],
    ['JSON', `'{"a":1}'::JSON`, 'JSON'],
    ['a large unsigned number', '18446744073709551615::UBIGINT', 'UINT_64'],
    ['lists of lists', '[[1], [2]]', 'LIST of lists or maps'],
    ['a union', 'union_value(k := 1)', 'a member named ""'],
    ['a struct with a UUID', "{'a': uuid()}", 'UUID'],
    ['a list of times', "[TIME '12:00:00']", 'TIME_MICROS'],
  ])('is left out if it is %s', async (_, value, shown) => {
    const { units, warnings } = await taken(await selected(`${USED}, ${value} AS x`))
    expect(assets(units)).toEqual([['007', ['a.jpg']]])
    expect(warnings).toEqual([
      expect.stringMatching(/^1 column is left out of .*\.parquet, because BigQuery does not load its type: x \(/),
    ])
    expect(warnings[0]).toContain(`x (${shown})`)
  })

  it.each([
    ['a map', "MAP {'a': 1}"],
    ['decimals', '1.5::DECIMAL(38,12)'],
    ['decimals of 38 digits', '12345678901234567890123456789012345678::DECIMAL(38,0)'],
    ['a list', "['a', 'b']"],
    ['a list of structs', "[{'a': 1}]"],
    ['an unsigned number', '7::UINTEGER'],
    ['a nested struct', "{'a': {'b': [1]}}"],
    ['bytes', "'\\xFF'::BLOB"],
    ['missing everywhere', 'NULL'],
  ])('is loaded if it is %s', async (_, value) => {
    const { units, warnings } = await taken(await selected(`${USED}, ${value} AS x`))
    expect(assets(units)).toEqual([['007', ['a.jpg']]])
    expect(warnings).toEqual([])
  })

  it.each<[string, Partial<WrittenColumn> & Pick<WrittenColumn, 'type' | 'values'>, string | undefined]>([
    ['INT96', { type: 3, values: [plain.int96(0n, 2_440_588), plain.int96(0n, 2_440_589)] }, undefined],
    ['fixed bytes', { type: 7, length: 3, values: bytes(3) }, undefined],
    ['an enumeration', { type: 6, converted: 4, values: ['red', 'blue'].map(plain.text) }, undefined],
    ['FLOAT16', { type: 7, length: 2, logical: [15, []], values: bytes(2) }, 'FLOAT16'],
    ['BSON', { type: 6, converted: 20, values: ['a', 'b'].map(plain.text) }, 'BSON'],
    [
      'decimals of 76 digits',
      { type: 7, length: 32, converted: 5, precision: 76, scale: 38, values: bytes(32) },
      'DECIMAL of 76 digits',
    ],
    [
      'a type of a later version',
      { type: 6, logical: [99, []], values: ['a', 'b'].map(plain.text) },
      'logical type 99',
    ],
  ])('refuses no file if it is %s', async (_, column, leftOut) => {
    const file = await tables.file(`hand-${++files}.parquet`, parquetFile([{ name: 'x', ...column }, ...ROWS], 2))
    const { units, warnings } = await taken(file)
    expect(assets(units)).toEqual([
      ['007', ['a.jpg']],
      ['7', ['b.jpg']],
    ])
    expect(warnings.join()).toContain(leftOut === undefined ? '' : `x (${leftOut})`)
    expect(warnings).toHaveLength(leftOut === undefined ? 0 : 1)
  })

  test('is left out of a file that must not be written', async () => {
    const file = await selected(`${USED}, uuid() AS x`)
    await chmod(file, 0o444)
    const scratch = await mkdtemp(path.join(tables.folder, 'scratch-'))
    const source = { kind: 'file', given: file, file, format: 'PARQUET', imageFolder: tables.folder } as const
    const images = { max_per_unit: 6, pick: 'latest' } as const
    const flags = { asset: undefined, image: undefined, unit: 'asset' } as const
    const { load } = await prepareSource(source, { unit: 'asset', images, flags, scratch })
    // No mode stops root, who can run the tests.
    expect((await stat(load.file)).mode & 0o600).toBe(0o600)
  })

  test('can be between others, in many row groups', async () => {
    const file = await selected(
      "uuid() AS u, i::VARCHAR AS asset_id, {'a': i, 'b': uuid()} AS s, ('p' || i) AS image, [i] AS l FROM range(5000) t(i)",
      ', ROW_GROUP_SIZE 2048, COMPRESSION zstd',
    )
    const { units } = await taken(file, { where: 'l[OFFSET(0)] >= 4998' })
    expect(assets(units)).toEqual([
      ['4998', ['p4998']],
      ['4999', ['p4999']],
    ])
  })

  test('can have a name that BigQuery does not take; the others are found by their own', async () => {
    const file = await selected('\'7\' AS "Asset ID", \'a.jpg\' AS photo, 1 AS "höhe (m)", uuid() AS "a`b"')
    const { units, warnings } = await taken(file, { asset: 'Asset ID', where: 'hohe_m_ = 1' })
    expect(assets(units)).toEqual([['7', ['a.jpg']]])
    expect(warnings).toHaveLength(2)
  })

  test('can have the name of another one, in another case', async () => {
    const columns = [...ROWS, text('path', 'x', 'y'), text('PATH', 'z', 'v')]
    const file = await tables.file('twins.parquet', parquetFile(columns, 2))
    expect(assets((await taken(file)).units)).toEqual([
      ['007', ['a.jpg']],
      ['7', ['b.jpg']],
    ])
  })

  test('can be a shape of GeoParquet that is no point', async () => {
    const polygon = Buffer.from('01030000000000000000', 'hex')
    const geometry: WrittenColumn = { name: 'geometry', type: 6, values: [polygon, polygon].map(plain.text) }
    const geo = {
      version: '1.1.0',
      primary_column: 'geometry',
      columns: { geometry: { encoding: 'WKB', geometry_types: [] } },
    }
    const file = await tables.file('geo.parquet', parquetFile([...ROWS, geometry], 2, { geo: JSON.stringify(geo) }))
    expect(assets((await taken(file)).units)).toEqual([
      ['007', ['a.jpg']],
      ['7', ['b.jpg']],
    ])
  })
})

describe('a Parquet column that imagery uses', () => {
  test('is refused by name if BigQuery does not load its type, with the command that converts it', async () => {
    const file = await selected("uuid() AS asset_id, '1' AS id, 'a.jpg' AS image, TIMESTAMP_NS '2024-01-01' AS seen")
    await expect(taken(file)).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringMatching(
        /a column whose type BigQuery does not load from Parquet: asset_id \(UUID\)$/,
      ) as string,
      suggestions: [
        `duckdb -c 'COPY (SELECT * REPLACE ("asset_id"::VARCHAR AS "asset_id", "seen"::TIMESTAMP AS "seen") FROM '\\''${file}'\\'') TO '\\''rows.parquet'\\'''   (then --table rows.parquet)`,
      ],
    })
  })

  test('can be a time that is left out; the warning has the command that converts it', async () => {
    const file = await selected("'7' AS asset_id, 'a.jpg' AS image, TIMESTAMP_NS '2024-01-01' AS capture_time")
    const { units, warnings } = await taken(file)
    expect(units[0]!.captured).toEqual([null])
    expect(warnings.join()).toMatch(/To use capture_time: duckdb -c .*"capture_time"::TIMESTAMP/)
  })

  test('can be a time as text, which is read and counted like that of a table', async () => {
    const rows = "('a', '1.jpg', '2026:11:03 20:58:37'), ('b', '2.jpg', '03/11/2026')"
    const file = await selected(`* FROM (VALUES ${rows}) AS rows(asset_id, image, capture_time)`)
    const { units, warnings } = await taken(file)
    expect(units.map(({ captured }) => captured)).toEqual([['2026-11-03T20:58:37.000Z'], [null]])
    expect(warnings).toEqual([
      expect.stringMatching(/^capture_time of 1 image cannot be read .* "03\/11\/2026"; day\//),
    ])
  })

  test('can be the point of GeoParquet that is the location', async () => {
    const point = plain.text(Buffer.from('0101000000000000000000f03f0000000000000040', 'hex'))
    const geo = {
      version: '1.1.0',
      primary_column: 'location',
      columns: { location: { encoding: 'WKB', geometry_types: ['Point'] } },
    }
    const columns = [
      ...ROWS,
      { name: 'u', type: 7, length: 16, logical: [14, []], values: bytes(16) } satisfies WrittenColumn,
      { name: 'location', type: 6, values: [point, point] },
    ]
    const file = await tables.file('point.parquet', parquetFile(columns, 2, { geo: JSON.stringify(geo), pandas: '{}' }))
    const { units } = await taken(file)
    expect(units.map(({ location }) => location)).toEqual([
      { latitude: 2, longitude: 1 },
      { latitude: 2, longitude: 1 },
    ])
  })

  test('is missing by name, with the names of the file', async () => {
    await expect(taken(await selected("'7' AS asset, 'a.jpg' AS bild"))).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
      message: expect.stringMatching(/has no column gcs_uri .* Its columns: asset, bild$/) as string,
    })
  })
})

describe('a damaged Parquet file', () => {
  const READ = /cannot be read as PARQUET: /

  test('is refused wherever it is cut', async () => {
    const whole = await readFile(await selected("'7' AS asset_id, 'a.jpg' AS image"))
    for (const end of [1, 4, 12, whole.length - 9, whole.length - 1]) {
      const file = await tables.file(`cut-${end}.parquet`, whole.subarray(0, end))
      await expect(taken(file)).rejects.toMatchObject({
        code: 'SOURCE_UNSUPPORTED',
        message: expect.stringMatching(READ) as string,
      })
    }
  })

  test('is refused or read whatever byte of its description is another one', async () => {
    const whole = await readFile(await selected("'7' AS asset_id, 'a.jpg' AS image"))
    const start = whole.length - 8 - whole.readUInt32LE(whole.length - 8)
    const messages: string[] = []
    for (let at = start; at < whole.length; at += 7) {
      const changed = Buffer.from(whole)
      changed[at]! ^= 0xff
      await taken(await tables.file('changed.parquet', changed)).catch((error: unknown) => messages.push(String(error)))
    }
    expect(messages.length).toBeGreaterThan(5)
    expect(
      messages.filter((message) => !/PARQUET|Parquet|has no column|Error while reading data/.test(message)),
    ).toEqual([])
  })
})

test('a Parquet location of decimals with many digits is read, and such a number can be an ID', async () => {
  const file = await selected(
    "'7.0000000001'::DECIMAL(18,10) AS asset_id, 'a.jpg'::BLOB AS image, 59.9123456789::DECIMAL(18,10) AS lat, 10.7 AS lon",
  )
  const { units, warnings } = await taken(file)
  expect(units).toMatchObject([
    { asset: '7.0000000001', images: ['a.jpg'], location: { latitude: 59.9123456789, longitude: 10.7 } },
  ])
  expect(warnings[0]).toMatch(/^Column image holds bytes, which are read as paths or addresses/)
})
