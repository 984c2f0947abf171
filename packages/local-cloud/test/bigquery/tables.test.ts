import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOW_MS, startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

beforeAll(async () => {
  bigquery = await startBigQuery()
})
afterAll(() => bigquery.close())

const failure = (code: number, message: RegExp, reason?: string): object =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(message) as string,
    ...(reason ? { errors: [expect.objectContaining({ reason })] } : {}),
  })

describe('datasets (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets)', () => {
  it('keeps its properties, in the US by default', async () => {
    await bigquery.client.createDataset('first', { labels: { team: 'roads' }, description: 'First.' })
    const [metadata] = await bigquery.client.dataset('first').getMetadata()
    expect(metadata).toMatchObject({
      kind: 'bigquery#dataset',
      id: 'demo:first',
      datasetReference: { projectId: 'demo', datasetId: 'first' },
      location: 'US',
      labels: { team: 'roads' },
      description: 'First.',
      creationTime: String(NOW_MS),
    })
    await bigquery.client.createDataset('european', { location: 'eu' })
    expect((await bigquery.client.dataset('european').getMetadata())[0].location).toBe('EU')
  })

  it('refuses a second one with the same name, but allows one that differs in case', async () => {
    await expect(bigquery.client.createDataset('first')).rejects.toEqual(
      failure(409, /^Already Exists: Dataset demo:first$/, 'duplicate'),
    )
    await bigquery.client.createDataset('First')
    expect((await bigquery.client.getDatasets())[0].map((dataset) => dataset.id)).toEqual(
      expect.arrayContaining(['first', 'First']),
    )
  })

  it('refuses names with dashes (https://cloud.google.com/bigquery/docs/datasets#dataset-naming)', async () => {
    await expect(bigquery.client.createDataset('a-b')).rejects.toEqual(failure(400, /^Invalid dataset ID "a-b"/))
  })

  it('answers 404 for one that does not exist', async () => {
    await expect(bigquery.client.dataset('nowhere').getMetadata()).rejects.toEqual(
      failure(404, /^Not found: Dataset demo:nowhere$/, 'notFound'),
    )
  })

  it('patches labels one by one and removes those set to null', async () => {
    await bigquery.client.dataset('first').setMetadata({ labels: { stage: 'test', team: null } })
    expect((await bigquery.client.dataset('first').getMetadata())[0].labels).toEqual({ stage: 'test' })
  })

  it('is not deleted while it has tables, unless delete_contents is set', async () => {
    await bigquery.client.createDataset('full')
    await bigquery.client.dataset('full').createTable('t', { schema: [{ name: 'a', type: 'STRING' }] })
    await expect(bigquery.client.dataset('full').delete()).rejects.toEqual(
      failure(400, /^Dataset demo:full is still in use$/, 'resourceInUse'),
    )
    await bigquery.client.dataset('full').delete({ force: true })
    expect(await bigquery.client.dataset('full').exists()).toEqual([false])
  })
})

describe('tables (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables)', () => {
  const schema = {
    fields: [
      { name: 'id', type: 'STRING', mode: 'REQUIRED', description: 'The id.' },
      { name: 'bucket', type: 'INT64' },
      { name: 'parts', type: 'STRUCT', mode: 'REPEATED', fields: [{ name: 'x', type: 'FLOAT64' }] },
    ],
  }

  it('keeps schema, partitioning, clustering, labels and expiration, with legacy type names', async () => {
    const range = { field: 'bucket', range: { start: '0', end: '2000', interval: '1' } }
    await bigquery.client.dataset('first').createTable('assets', {
      schema,
      rangePartitioning: range,
      clustering: { fields: ['bucket'] },
      labels: { run: 'r1' },
      expirationTime: String(NOW_MS + 7 * 86_400_000),
    })
    const [metadata] = await bigquery.client.dataset('first').table('assets').getMetadata()
    expect(metadata).toMatchObject({
      id: 'demo:first.assets',
      type: 'TABLE',
      location: 'US',
      numRows: '0',
      numBytes: '0',
      rangePartitioning: range,
      clustering: { fields: ['bucket'] },
      labels: { run: 'r1' },
      expirationTime: String(NOW_MS + 7 * 86_400_000),
    })
    expect(metadata.schema.fields).toEqual([
      { name: 'id', type: 'STRING', mode: 'REQUIRED', description: 'The id.' },
      { name: 'bucket', type: 'INTEGER', mode: 'NULLABLE' },
      { name: 'parts', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'x', type: 'FLOAT', mode: 'NULLABLE' }] },
    ])
  })

  it('counts rows and logical bytes (https://cloud.google.com/bigquery/docs/estimate-costs#data_type_sizes)', async () => {
    await bigquery.client
      .dataset('first')
      .table('assets')
      .insert([{ id: 'ab', bucket: 1, parts: [{ x: 1 }, { x: 2 }] }, { id: 'é' }])
    const [metadata] = await bigquery.client.dataset('first').table('assets').getMetadata()
    // 2 strings of 2 bytes with 2 each on top, one INT64, two FLOAT64
    expect(metadata).toMatchObject({ numRows: '2', numBytes: String(8 + 8 + 16) })
  })

  it('adds nullable columns, and refuses to drop or change one', async () => {
    const table = bigquery.client.dataset('first').table('assets')
    await table.setMetadata({
      schema: { fields: [...schema.fields, { name: 'note', type: 'STRING', description: 'New.' }] },
    })
    const [rows] = await bigquery.client.query('SELECT note FROM first.assets')
    expect(rows).toEqual([{ note: null }, { note: null }])
    await expect(table.setMetadata({ schema: { fields: schema.fields.slice(1) } })).rejects.toEqual(
      failure(400, /Field id is missing in new schema/),
    )
    await expect(table.setMetadata({ schema: { fields: [{ name: 'id', type: 'INT64' }] } })).rejects.toEqual(
      failure(400, /Field id has changed type from STRING to INTEGER/),
    )
  })

  it('changes its etag with each update and refuses an update with a stale etag', async () => {
    const table = bigquery.client.dataset('first').table('assets')
    const [{ etag }] = await table.getMetadata()
    await table.setMetadata({ description: 'Changed.', etag })
    await expect(table.setMetadata({ description: 'Lost.', etag })).rejects.toEqual(
      expect.objectContaining({ code: 412 }),
    )
    expect((await table.getMetadata())[0].description).toBe('Changed.')
  })

  it('is deleted at its expiration', async () => {
    const table = bigquery.client.dataset('first').table('brief')
    await table.create({ schema: [{ name: 'a', type: 'STRING' }], expirationTime: String(bigquery.clock.now() + 1000) })
    expect(await table.exists()).toEqual([true])
    await bigquery.clock.advance(1000)
    expect(await table.exists()).toEqual([false])
    await expect(bigquery.client.query('SELECT a FROM first.brief')).rejects.toEqual(
      failure(404, /Not found: Table demo:first.brief was not found in location US/),
    )
    await table.create({ schema: [{ name: 'b', type: 'STRING' }] })
    expect((await table.getMetadata())[0].schema.fields).toEqual([{ name: 'b', type: 'STRING', mode: 'NULLABLE' }])
  })

  it.each([
    [{ name: 'a b', type: 'STRING' }, /^Invalid field name "a b"/],
    [{ name: 'a', type: 'TEXT' }, /TEXT is not a valid value/],
    [{ name: '_PARTITIONTIME', type: 'STRING' }, /^Invalid field name "_PARTITIONTIME"/],
    [{ name: 'r', type: 'RECORD', fields: [] }, /is type RECORD but has no schema/],
  ])('refuses the column %j', async (field, message) => {
    await expect(bigquery.client.dataset('first').createTable('bad', { schema: [field] })).rejects.toEqual(
      failure(400, message),
    )
  })

  it('refuses unsupported features by name', async () => {
    await expect(
      bigquery.client.dataset('first').createTable('copy', { materializedView: { query: 'SELECT 1' } } as object),
    ).rejects.toEqual(failure(501, /the table property materializedView is not emulated/))
    await expect(
      bigquery.client.dataset('first').createTable('i', { schema: [{ name: 'a', type: 'INTERVAL' }] }),
    ).rejects.toEqual(failure(501, /the column type INTERVAL/))
    await expect(bigquery.client.dataset('first').getRoutines()).rejects.toEqual(
      failure(501, /routines is not emulated/),
    )
  })
})

describe('views (https://cloud.google.com/bigquery/docs/views)', () => {
  const view = (query: string): object => ({ view: { query, useLegacySql: false } })

  it('run at query time and report their columns', async () => {
    await bigquery.client
      .dataset('first')
      .createTable('counts', view('SELECT bucket, COUNT(*) AS n FROM `demo.first.assets` GROUP BY bucket'))
    const [metadata] = await bigquery.client.dataset('first').table('counts').getMetadata()
    expect(metadata).toMatchObject({ type: 'VIEW', numRows: '0', view: { useLegacySql: false } })
    expect(metadata.schema.fields).toEqual([
      { name: 'bucket', type: 'INTEGER', mode: 'NULLABLE' },
      { name: 'n', type: 'INTEGER', mode: 'NULLABLE' },
    ])
    await bigquery.client
      .dataset('first')
      .table('assets')
      .insert([{ id: 'c', bucket: 1 }])
    expect((await bigquery.client.query('SELECT * FROM first.counts ORDER BY bucket'))[0]).toEqual([
      { bucket: null, n: 1 },
      { bucket: 1, n: 2 },
    ])
  })

  it('must be valid and refer to tables that exist', async () => {
    const create = (query: string): Promise<unknown> => bigquery.client.dataset('first').createTable('v', view(query))
    await expect(create('SELECT x FROM first.nothing')).rejects.toEqual(
      failure(404, /Not found: Table demo:first.nothing was not found in location US/),
    )
    await expect(create('SELECT nope FROM first.assets')).rejects.toEqual(
      failure(400, /Unrecognized name: nope at \[1:8\]/),
    )
    await expect(create('SELEC 1')).rejects.toEqual(
      failure(400, /Syntax error: Unexpected identifier "SELEC" at \[1:1\]/),
    )
  })

  it('cannot be written to or listed', async () => {
    await expect(
      bigquery.client
        .dataset('first')
        .table('counts')
        .insert([{ n: 1 }]),
    ).rejects.toEqual(failure(400, /Cannot insert rows into a view/))
    await expect(bigquery.client.dataset('first').table('counts').getRows()).rejects.toEqual(
      failure(400, /Cannot list a table of type VIEW/),
    )
  })
})

describe('the store', () => {
  it('keeps everything across a restart', async () => {
    const assets = () => bigquery.client.dataset('first').table('assets')
    const description = `the owner's "assets"; COMMIT --\n\u0000`
    await assets().setMetadata({ description })
    await bigquery.restart()
    expect((await assets().getMetadata())[0].description).toBe(description)
    expect((await bigquery.client.query('SELECT COUNT(*) AS n FROM first.assets'))[0]).toEqual([{ n: 3 }])
    expect((await bigquery.client.dataset('first').table('counts').getMetadata())[0].type).toBe('VIEW')
    expect((await bigquery.client.dataset('first').getTables())[0].map((table) => table.id)).toEqual([
      'assets',
      'brief',
      'counts',
    ])
  })
})
