import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readerOf, startBigQuery, type Harness } from './bigquery-fixture.ts'

const objects = new Map<string, Buffer>()
let bigquery: Harness
let tables = 0
beforeAll(async () => {
  bigquery = await startBigQuery({ readObject: readerOf(objects) })
  await bigquery.client.createDataset('d')
})
afterAll(() => bigquery.close())

const FIELDS = [
  { name: 'id', type: 'STRING' },
  { name: 'size', type: 'INTEGER' },
]
const create = (name: string, externalDataConfiguration: object, schema?: object) =>
  bigquery.client.dataset('d').createTable(name, { externalDataConfiguration, ...(schema ? { schema } : {}) } as object)
const rows = async (query: string): Promise<unknown[]> => (await bigquery.client.query(query))[0]

/** https://cloud.google.com/bigquery/docs/external-tables */
describe('an external table', () => {
  test('of CSV, JSON lines or Parquet is read with each query', async () => {
    const parquet = path.join(tmpdir(), `external-${process.pid}.parquet`)
    const duckdb = await (await DuckDBInstance.create()).connect()
    await duckdb.run(`COPY (SELECT 'a' AS id, 1::BIGINT AS size) TO '${parquet}'`)
    objects.set('gs://b/a.csv', Buffer.from('id,size\na,1\n'))
    objects.set('gs://b/a.jsonl', Buffer.from('{"id":"a","size":1}\n'))
    objects.set('gs://b/a.parquet', await readFile(parquet))
    await rm(parquet)
    await create(
      'csv',
      { sourceUris: ['gs://b/a.csv'], sourceFormat: 'CSV', csvOptions: { skipLeadingRows: '1' } },
      { fields: FIELDS },
    )
    await create('detected', { sourceUris: ['gs://b/a.csv'], sourceFormat: 'CSV', autodetect: true })
    await create('jsonl', { sourceUris: ['gs://b/a.jsonl'], sourceFormat: 'NEWLINE_DELIMITED_JSON', autodetect: true })
    await create('parquet', { sourceUris: ['gs://b/a.parquet'], sourceFormat: 'PARQUET' })
    for (const table of ['csv', 'detected', 'jsonl', 'parquet'])
      expect(await rows(`SELECT size, id FROM d.${table}`), table).toEqual([{ size: 1, id: 'a' }])
    objects.set('gs://b/a.csv', Buffer.from('id,size\nb,2\nc,3\n'))
    expect(await rows('SELECT id FROM d.detected WHERE size > 2')).toEqual([{ id: 'c' }])
    const [metadata] = await bigquery.client.dataset('d').table('csv').getMetadata()
    expect(metadata).toMatchObject({
      type: 'EXTERNAL',
      numRows: '0',
      externalDataConfiguration: { sourceUris: ['gs://b/a.csv'] },
    })
    const [job] = await bigquery.client.createQueryJob({ query: 'SELECT id FROM d.csv', dryRun: true })
    expect(job.metadata.statistics.query).toMatchObject({
      totalBytesProcessed: '0',
      totalBytesProcessedAccuracy: 'LOWER_BOUND',
    })
  })

  test.each([
    [
      'gs://closed/a.csv',
      /Permission denied while globbing file pattern\..* does not have storage\.objects\.list access/,
    ],
    ['gs://b/none.csv', /^Not found: URI gs:\/\/b\/none\.csv/],
    ['https://docs.google.com/spreadsheets/d/1', /Permission denied while getting Drive credentials/],
    [
      'gs://b/bad.csv',
      /^Error while reading table: demo\.d\.t\d, error message: CSV table encountered too many errors/,
    ],
  ])('over %s is refused when it is queried', async (uri, expected) => {
    objects.set('gs://b/bad.csv', Buffer.from('a,not a number\n'))
    const name = `t${++tables}`
    await create(name, { sourceUris: [uri], sourceFormat: 'CSV' }, { fields: FIELDS })
    await bigquery.client.createQueryJob({ query: `SELECT id FROM d.${name}`, dryRun: true })
    await expect(rows(`SELECT id FROM d.${name}`)).rejects.toThrow(expected)
  })

  test('takes no rows, and is part of no wildcard', async () => {
    await expect(
      bigquery.client
        .dataset('d')
        .table('csv')
        .insert([{ id: 'x' }]),
    ).rejects.toThrow(/external/)
    await expect(rows('SELECT id FROM `d.cs*`')).rejects.toThrow(/^External tables cannot be queried through prefix/)
  })
})
