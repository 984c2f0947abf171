import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const USUAL = ['asset_id', 'gcs_uri'].map((name) => ({ name, type: 'STRING' }))

describe('rows without an asset ID', () => {
  const rows = [
    { asset_id: 'a', gcs_uri: 'gs://b/1.jpg', district: 'north' },
    { asset_id: '', gcs_uri: 'gs://b/2.jpg', district: 'north' },
    { asset_id: null, gcs_uri: 'gs://b/3.jpg', district: 'south' },
    { asset_id: null, gcs_uri: null, district: 'north' },
    { asset_id: 'b', gcs_uri: 'gs://b/5.jpg', district: 'south' },
  ]
  const schema = [...USUAL, { name: 'district', type: 'STRING' }]
  const WORDS = '3 rows without an asset ID are left out'

  test('are counted alike in a table, a view, and files of each kind', async () => {
    const table = await tables.table(schema, rows)
    expect((await tables.takeTable(table)).warnings).toEqual([WORDS])
    await tables.view(`${table}_seen`, `SELECT * FROM \`${table}\``)
    expect((await tables.takeTable(`${table}_seen`)).warnings).toEqual([WORDS])
    const parquet = path.join(tables.folder, 'without.parquet')
    const list = rows.map(
      ({ asset_id, gcs_uri }) =>
        `(${[asset_id, gcs_uri].map((value) => (value === null ? 'NULL' : `'${value}'`)).join()})`,
    )
    const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
    await duckdb.run(`COPY (FROM (VALUES ${list.join()}) AS t(asset_id, gcs_uri)) TO '${parquet}'`)
    duckdb.closeSync()
    const file = await tables.takeFile(parquet)
    expect([file.units.length, file.warnings]).toEqual([2, [WORDS]])
    const jsonl = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    expect((await tables.take('without.jsonl', jsonl)).warnings).toEqual([`${WORDS}, for example line 2`])
    const csv = rows.map(({ asset_id, gcs_uri }) => `${asset_id ?? ''},${gcs_uri ?? 'x'}\n`).join('')
    expect((await tables.take('without.csv', `asset_id,image\n${csv}`)).warnings).toEqual([
      `${WORDS}, for example line 3`,
    ])
  })

  test('are counted among those that the condition selects', async () => {
    const table = await tables.table(schema, rows)
    const north = await tables.takeTable(table, { where: "district = 'north' OR FALSE" })
    expect([north.units.map(({ asset }) => asset), north.warnings]).toEqual([
      ['a'],
      ['2 rows without an asset ID are left out'],
    ])
    const south = await tables.takeTable(table, { where: "district = 'south' -- the rest" })
    expect([south.units.map(({ asset }) => asset), south.warnings]).toEqual([
      ['b'],
      ['1 row without an asset ID is left out'],
    ])
  })

  test.each([
    ['INTEGER', [7, null]],
    ['BYTES', ['YQ==', null]],
    ['DATE', ['2026-01-01', null]],
  ])('are counted if the IDs are of type %s', async (type, [id, none]) => {
    const table = await tables.table(
      [{ name: 'asset_id', type }, USUAL[1]!],
      [
        { asset_id: id, gcs_uri: 'gs://b/1.jpg' },
        { asset_id: none, gcs_uri: 'gs://b/2.jpg' },
      ],
    )
    const { units, warnings } = await tables.takeTable(table)
    expect([units.length, warnings]).toEqual([1, ['1 row without an asset ID is left out']])
  })

  test('are counted without more bytes to read', async () => {
    const table = await tables.table(schema, rows)
    const bytes = (unit: 'asset' | 'observation') => tables.snapshotBytes(table, { unit, where: "district = 'north'" })
    expect(await bytes('asset')).toBe(await bytes('observation'))
  })

  test('are units if each observation is one, and then have no word', async () => {
    const { units, warnings } = await tables.takeTable(await tables.table(schema, rows), { unit: 'observation' })
    expect([units.length, warnings]).toEqual([4, []])
  })
})
