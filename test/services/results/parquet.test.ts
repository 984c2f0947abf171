import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TableField } from '../../../src/google/bigquery/bigquery.ts'
import { parquetPieces, type ParquetOptions } from '../../../src/services/results/parquet.ts'
import { compressionOf } from '../../../src/services/results/parquet-compression.ts'
import type { Row } from '../../../src/services/results/read-rows.ts'

let folder: string
let duckdb: DuckDBConnection

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-parquet-'))
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  await duckdb.run("SET TimeZone = 'UTC'")
})

afterAll(async () => {
  duckdb.closeSync()
  await rm(folder, { recursive: true })
})

async function* pagesOf(rows: readonly Row[], each: number): AsyncGenerator<Row[]> {
  for (let at = 0; at < rows.length; at += each) yield rows.slice(at, at + each)
}

/** Writes rows to a file. Returns its path. */
async function written(
  fields: readonly TableField[],
  rows: readonly Row[],
  options: Partial<ParquetOptions> = {},
): Promise<string> {
  const file = path.join(folder, 'rows.parquet')
  await writeFile(file, parquetPieces(fields, pagesOf(rows, 100), { isGeo: false, ...options }))
  return file
}

async function read(sql: string): Promise<Record<string, unknown>[]> {
  return (await duckdb.runAndReadAll(sql)).getRowObjectsJson()
}

/** The rows of a file as DuckDB's own text of each value. */
async function readBack(fields: readonly TableField[], rows: readonly Row[]): Promise<Record<string, unknown>[]> {
  return read(`SELECT COLUMNS(*)::VARCHAR FROM '${await written(fields, rows)}'`)
}

const MICROS = 1_790_000_000_000_001

describe('a Parquet file of results', () => {
  test.each<[type: string, inDuckDb: string, values: [given: unknown, read: string][]]>([
    [
      'STRING',
      'VARCHAR',
      [
        ['', ''],
        ['a\0b', 'a\\0b'],
        ['Straße 🛑', 'Straße 🛑'],
      ],
    ],
    [
      'INTEGER',
      'BIGINT',
      [
        [-1, '-1'],
        [4_294_967_296, '4294967296'],
        [-4_294_967_297, '-4294967297'],
        [Number.MAX_SAFE_INTEGER, '9007199254740991'],
        [Number.MIN_SAFE_INTEGER, '-9007199254740991'],
        ['9223372036854775807', '9223372036854775807'],
        ['-9223372036854775808', '-9223372036854775808'],
      ],
    ],
    [
      'FLOAT',
      'DOUBLE',
      [
        [0.1, '0.1'],
        [-1e300, '-1e+300'],
        ['NaN', 'nan'],
        ['-Infinity', '-inf'],
      ],
    ],
    [
      'BOOLEAN',
      'BOOLEAN',
      [true, false, false, true, true, false, true, false, false, true].map((value) => [value, String(value)]),
    ],
    [
      'TIMESTAMP',
      'TIMESTAMP WITH TIME ZONE',
      [
        ['2026-06-14T17:02:11.080Z', '2026-06-14 17:02:11.08+00'],
        ['1969-12-31T23:59:59.999999Z', '1969-12-31 23:59:59.999999+00'],
        ['0001-01-01T00:00:00.000Z', '0001-01-01 00:00:00+00'],
        ['9999-12-31T23:59:59.999999Z', '9999-12-31 23:59:59.999999+00'],
      ],
    ],
    [
      'DATETIME',
      'TIMESTAMP',
      [
        ['2026-06-14T17:02:11', '2026-06-14 17:02:11'],
        ['2026-06-14 17:02:11.5', '2026-06-14 17:02:11.5'],
      ],
    ],
    [
      'DATE',
      'DATE',
      [
        ['0001-01-01', '0001-01-01'],
        ['1969-12-31', '1969-12-31'],
        ['9999-12-31', '9999-12-31'],
      ],
    ],
    [
      'TIME',
      'TIME',
      [
        ['00:00:00', '00:00:00'],
        ['23:59:59.999999', '23:59:59.999999'],
      ],
    ],
    [
      'NUMERIC',
      'DECIMAL(38,9)',
      [
        ['-12.345678901', '-12.345678901'],
        ['-0.000000001', '-0.000000001'],
        ['99999999999999999999999999999.999999999', '99999999999999999999999999999.999999999'],
        ['-99999999999999999999999999999.999999999', '-99999999999999999999999999999.999999999'],
      ],
    ],
    ['BYTES', 'BLOB', [['AAEC/w==', '\\x00\\x01\\x02\\xFF']]],
    [
      'JSON',
      'JSON',
      [
        [{ a: [1, null, 'ü'] }, '{"a":[1,null,"ü"]}'],
        ['text', '"text"'],
        [5, '5'],
      ],
    ],
    ['BIGNUMERIC', 'VARCHAR', [['1.23456789012345678901234567890', '1.23456789012345678901234567890']]],
    ['GEOGRAPHY', 'VARCHAR', [['POINT(1 2)', 'POINT(1 2)']]],
  ])('keeps each %s, alone and in lists', async (type, inDuckDb, values) => {
    const fields = [
      { name: 'one', type },
      { name: 'many', type, mode: 'REPEATED' },
    ]
    const rows: Row[] = [...values.map(([value]) => ({ one: value, many: [value, value] })), { one: null, many: [] }]
    const file = await written(fields, rows)
    const types = await read(`SELECT column_type FROM (DESCRIBE FROM '${file}')`)
    expect(types.map((row) => row['column_type'])).toEqual([inDuckDb, `${inDuckDb}[]`])
    expect(
      await read(`SELECT one::VARCHAR AS one, list_transform(many, lambda item: item::VARCHAR) AS many FROM '${file}'`),
    ).toEqual([
      ...values.map(([, value]) => {
        const shown = value === 'a\\0b' ? 'a\0b' : value
        return { one: shown, many: [shown, shown] }
      }),
      { one: null, many: [] },
    ])
    // Each value is found again, so no bound in the file leaves it out.
    for (const [, value] of type === 'JSON' || type === 'BYTES' ? [] : values) {
      const shown = value === 'a\\0b' ? 'a\0b' : value
      const found = await duckdb.runAndReadAll(`SELECT count(*) FROM '${file}' WHERE one = $1::${inDuckDb}`, [shown])
      expect(Number(found.getRows()[0]![0])).toBe(values.filter(([, other]) => other === value).length)
    }
  })

  test('keeps structs and lists in each other, and tells null from empty', async () => {
    const inner = {
      name: 'signs',
      type: 'RECORD',
      mode: 'REPEATED',
      fields: [
        { name: 'text', type: 'STRING' },
        { name: 'sizes', type: 'INTEGER', mode: 'REPEATED' },
      ],
    }
    const fields = [
      {
        name: 'pole',
        type: 'RECORD',
        fields: [{ name: 'height', type: 'FLOAT' }, { name: 'photo', type: 'BYTES' }, inner],
      },
      { ...inner, name: 'loose' },
    ]
    const signs = [
      { text: 'STOP', sizes: [1, 2] },
      { text: null, sizes: [] },
      { text: 'YIELD', sizes: [3] },
    ]
    const rows = [
      { pole: { height: 8.5, photo: 'AAEC', signs }, loose: [] },
      { pole: null, loose: signs },
      { pole: { height: null, photo: null, signs: [] }, loose: [signs[1]] },
    ]
    const file = await written(fields, rows)
    const texts = (each: typeof signs): object[] => each.map(({ text, sizes }) => ({ text, sizes: sizes.map(String) }))
    expect(await read(`FROM '${file}'`)).toEqual([
      { pole: { height: 8.5, photo: 'AAEC', signs: texts(signs) }, loose: [] },
      { pole: null, loose: texts(signs) },
      { pole: { height: null, photo: null, signs: [] }, loose: texts([signs[1]!]) },
    ])
  })

  test('has many row groups, whose bounds are those of their rows', async () => {
    const fields = [
      { name: 'id', type: 'STRING' },
      { name: 'n', type: 'INTEGER' },
      { name: 'share', type: 'FLOAT' },
      { name: 'text', type: 'STRING' },
      { name: 'none', type: 'STRING' },
      { name: 'seen_at', type: 'TIMESTAMP' },
    ]
    const rows = Array.from({ length: 9_000 }, (_, n) => ({
      id: `unit-${String(n).padStart(5, '0')}`,
      n: n - 100,
      share: n % 1_000 === 7 ? 'NaN' : n / 8,
      text: `${n} `.repeat(200),
      none: null,
      seen_at: new Date(MICROS / 1_000 + n).toISOString(),
    }))
    const file = await written(fields, rows)
    const [{ lines, texts, sum } = {}] = await read(
      `SELECT count(DISTINCT id)::INT AS lines, sum(length(text))::INT AS texts, sum(n)::INT AS sum FROM '${file}'`,
    )
    expect({ lines, texts, sum }).toEqual({
      lines: rows.length,
      texts: rows.reduce((total, { text }) => total + text.length, 0),
      sum: rows.reduce((total, { n }) => total + n, 0),
    })
    const metadata = `parquet_metadata('${file}')`
    const groups = await read(
      `SELECT DISTINCT row_group_id, row_group_num_rows::INT AS rows FROM ${metadata} ORDER BY ALL`,
    )
    expect(groups.length).toBeGreaterThan(1)
    let at = 0
    for (const { row_group_id: group, rows: count } of groups) {
      const [first, last] = [rows[at]!, rows[at + Number(count) - 1]!]
      at += Number(count)
      const columns = await read(
        `SELECT path_in_schema AS name, stats_min_value AS least, stats_max_value AS most, stats_null_count::INT AS nulls FROM ${metadata} WHERE row_group_id = ${String(group)} ORDER BY column_id`,
      )
      expect(columns).toMatchObject([
        { name: 'id', least: first.id, most: last.id, nulls: 0 },
        { name: 'n', least: String(first.n), most: String(last.n), nulls: 0 },
        // A reader may take NaN for the highest number, so a column that has one has no bounds.
        { name: 'share', least: null, most: null },
        { name: 'text', least: null, most: null },
        { name: 'none', least: null, most: null, nulls: count },
        { name: 'seen_at', nulls: 0 },
      ])
    }
    expect(at).toBe(rows.length)
  })

  test('is compressed with gzip where Node.js has no Zstandard', async () => {
    const fields = [{ name: 'text', type: 'STRING' }]
    const rows = [{ text: 'one' }, { text: null }, { text: 'three' }]
    const { gzip } = zlib
    const file = await written(fields, rows, { compression: () => compressionOf({ gzip }) })
    expect(await read(`FROM '${file}'`)).toEqual(rows)
    expect(await read(`SELECT compression FROM parquet_metadata('${file}')`)).toEqual([{ compression: 'GZIP' }])
    await written(fields, rows)
    expect(await read(`SELECT compression FROM parquet_metadata('${file}')`)).toEqual([{ compression: 'ZSTD' }])
  })

  test('keeps texts whose order UTF-16 and UTF-8 disagree on', async () => {
    const texts = ['\u{1f6d1}', '\uffee', 'a']
    const rows = await readBack(
      [{ name: 'text', type: 'STRING' }],
      texts.map((text) => ({ text })),
    )
    expect(rows.map((row) => row['text'])).toEqual(texts)
    const file = path.join(folder, 'rows.parquet')
    for (const text of texts)
      expect(await read(`SELECT text FROM '${file}' WHERE text = '${text}'`)).toEqual([{ text }])
  })

  test('has the column geometry under another name if a column has it already', async () => {
    const fields = [{ name: 'Geometry', type: 'STRING' }]
    const rows = [
      { Geometry: 'mine', location: { latitude: 1, longitude: 2 } },
      { Geometry: 'none', location: null },
    ]
    const file = await written(fields, rows, { isGeo: true })
    expect(await read(`SELECT Geometry, imagery_geometry::VARCHAR AS point FROM '${file}'`)).toEqual([
      { Geometry: 'mine', point: 'POINT (2 1)' },
      { Geometry: 'none', point: null },
    ])
  })

  test.each([
    ['TIMESTAMP', 'yesterday', /yesterday is no time/],
    ['DATE', '2026-13-01', /2026-13-01T00:00:00 is no time/],
    ['NUMERIC', '1e5', /1e5 is no NUMERIC/],
    ['FLOAT', 'many', /many is no number/],
    ['INTEGER', '1.5', /1\.5/],
  ])('has no %s that is none', async (type, value, message) => {
    await expect(written([{ name: 'value', type }], [{ value }])).rejects.toThrow(message)
  })
})
