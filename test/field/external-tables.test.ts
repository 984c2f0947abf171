import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImageryError } from '../../src/contracts/errors.ts'
import { expectedFailure } from '../../src/services/failures/cloud-failure.ts'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const field = (name: string, type = 'STRING') => ({ name, type })
const object = (uri: string, content: string | Buffer) => tables.objects.set(uri, Buffer.from(content))
const external = (name: string, configuration: object, fields?: readonly object[]) =>
  tables.create(name, { externalDataConfiguration: configuration, ...(fields ? { schema: { fields } } : {}) })
const COST = expect.stringContaining('what reading them costs is not known') as string

test('an external table over CSV has every row, whatever the file is written with', async () => {
  object(
    'gs://b/s.csv',
    'asset_id;gcs_uri;lat;lng;note\r\n007;gs://b/1.jpg;40.5;-105.25;"a;b\r\nc"\r\n7;gs://b/2.jpg;;;\r\n;gs://b/3.jpg;1;2;\r\n',
  )
  const table = await external(
    'separated',
    {
      sourceUris: ['gs://b/s.csv'],
      sourceFormat: 'CSV',
      csvOptions: { skipLeadingRows: '1', fieldDelimiter: ';', allowQuotedNewlines: true },
    },
    [field('asset_id'), field('gcs_uri'), field('lat', 'FLOAT'), field('lng', 'FLOAT'), field('note')],
  )
  const { units, warnings } = await tables.takeTable(table)
  expect(units.map(({ asset, images, location }) => [asset, ...images, location])).toEqual([
    ['007', 'gs://b/1.jpg', { latitude: 40.5, longitude: -105.25 }],
    ['7', 'gs://b/2.jpg', null],
  ])
  // The third row has no asset. To count such rows, the snapshot would have to read the file twice.
  expect(warnings).toEqual(['Columns lat and lng are used as the location', COST])
  expect(await tables.countTable(table)).toMatchObject({ units: 2, rows: 3, rowsWithoutAsset: 1 })
  expect((await tables.takeTable(table, { unit: 'observation' })).units).toHaveLength(3)
})

test('an external table over several CSV files, whose schema was detected, has the rows of all', async () => {
  object('gs://b/1.csv', 'asset_id,gcs_uri,height\np1,gs://b/1.jpg,3\n')
  object('gs://b/2.csv', 'asset_id,gcs_uri,height\np2,gs://b/2.jpg,4\n')
  const sourceUris = ['gs://b/1.csv', 'gs://b/2.csv']
  const table = await external('detected', { sourceUris, sourceFormat: 'CSV', autodetect: true })
  const taken = async (where?: string) =>
    (await tables.takeTable(table, where === undefined ? {} : { where })).units.map(({ asset }) => asset)
  expect(await taken()).toEqual(['p1', 'p2'])
  expect(await taken('height > 3')).toEqual(['p2'])
})

test('an external table over Parquet has every row, and one whose type is another in the file is named', async () => {
  const file = path.join(tables.folder, 'rows.parquet')
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  const rows = [
    "('007', 'gs://b/1.jpg', {'latitude': 40.5, 'longitude': -105.25}, TIMESTAMP '2026-01-02 03:04:05')",
    "('7', 'gs://b/2.jpg', NULL, NULL)",
  ]
  await duckdb.run(
    `COPY (SELECT * FROM (VALUES ${rows.join(', ')}) AS rows(asset_id, gcs_uri, location, capture_time)) TO '${file}'`,
  )
  duckdb.closeSync()
  object('gs://b/rows.parquet', await readFile(file))
  const configuration = { sourceUris: ['gs://b/rows.parquet'], sourceFormat: 'PARQUET' }
  const { units, warnings } = await tables.takeTable(await external('columnar', configuration))
  expect(units.map(({ asset, images, location, captured }) => [asset, ...images, location, ...captured])).toEqual([
    ['007', 'gs://b/1.jpg', { latitude: 40.5, longitude: -105.25 }, '2026-01-02T03:04:05.000Z'],
    ['7', 'gs://b/2.jpg', null, null],
  ])
  expect(warnings).toEqual([COST])
  const mistyped = await external('mistyped', configuration, [field('asset_id', 'INTEGER'), field('gcs_uri')])
  const refused = expectedFailure(await tables.refusal(mistyped)) as ImageryError
  expect(refused.message).toMatch(/^BigQuery cannot read the files .*asset_id/)
  expect(refused.suggestions[0]).toMatch(/^bq show --format=prettyjson demo:field\.mistyped /)
})
