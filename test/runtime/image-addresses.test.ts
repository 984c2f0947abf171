import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { runTables } from '../../src/contracts/names.ts'
import { ensureDataset } from '../../src/google/bigquery/bigquery.ts'
import { queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import { imageExpression } from '../../src/run-data/sql/snapshot.ts'
import { checkAddresses } from '../../src/services/run/image-addresses.ts'

const project = { projectId: 'imagery-local' }

/** A local table in a local cloud. */
const LOCAL = { target: { kind: 'local', flags: ' --local' }, source: { kind: 'file' } }

let directory: string
let cloud: LocalCloud

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-addresses-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
  await ensureDataset({ ...project, dataset: 'runs' }, { location: 'US', description: 'Runs.' })
})

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Checks the addresses of a run whose snapshot has one asset with these images, as its local table names them. */
async function check(runId: string, ...images: string[]) {
  return checkImages(runId, false, images)
}

async function checkImages(runId: string, fetches: boolean, images: string[]) {
  const tables = runTables({ ...project, dataset: 'runs', profile: 'resolution', runId })
  const expression = imageExpression('image', 'gs://own/images/', fetches)
  const named = images.map((image) => JSON.stringify(image)).join(', ')
  const sql = `SELECT ARRAY_AGG(STRUCT(${expression} AS gcs_uri)) AS observations, 1 AS bucket FROM UNNEST([${named}]) AS image`
  const jobId = `snapshot_${runId.replace('-', '_')}`
  await queryIntoTable(sql, {
    ...project,
    location: 'US',
    jobId,
    destination: runTable(tables, 'assets'),
    labels: {},
    clusterBy: ['bucket'],
  })
  const warnings: string[] = []
  const context = { spec: { tables, source: { location: 'US' } }, warnings, options: { table: 'obs.csv' }, ...LOCAL }
  const outcome = await checkAddresses.run(context as never, { detail: () => undefined })
  return { warnings, done: (outcome as { done?: string }).done }
}

describe('the addresses of a run’s images', () => {
  test('are all read: paths, objects, and URLs of objects', async () => {
    const images = ['a.jpg', 'b:c.jpg', 'gs://b/a.jpg', 'GS://b/a.jpg', ' gs://b/a.jpg', 'file:///photos/a.jpg']
    const urls = ['https://storage.googleapis.com/b/a.jpg', 'https://storage.cloud.google.com/b/a.jpg']
    expect(await check('261130-00000001', ...images, ...urls)).toEqual({ warnings: [], done: '8 images' })
  })

  test('of another kind are each counted once, with an example and what to do', async () => {
    const web = ['https://example.com/b.jpg', 'HTTPS://example.com/a.jpg']
    const { warnings } = await check('261130-00000002', 'a.jpg', ...web, 's3://b/a.jpg', 'data:image/png;base64,AAAA')
    expect(warnings).toEqual([
      '1 of 5 images cannot be read: data:image/png;base64,AAAA is the image itself, not its address: write it to a file, and use its path',
      expect.stringMatching(/^2 of 5 images cannot be read: HTTPS:\/\/example\.com\/a\.jpg is a web address.*: copy/),
      expect.stringMatching(/^1 of 5 images cannot be read: s3:\/\/b\/a\.jpg is an address of another service/),
    ])
  })

  test('end the run before a model is asked if none can be read', async () => {
    const images = ['https://example.com/a.jpg', 'https://example.com/b.jpg']
    await expect(check('261130-00000003', ...images)).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringMatching(/^2 of 2 images cannot be read: .* No model was called$/),
      suggestions: expect.arrayContaining(['imagery run --local --table obs.csv --fetch-images …']),
    })
  })

  test('on the web are staged too with --fetch-images, but not those of http and other services', async () => {
    const images = [
      'a.jpg',
      'HTTPS://example.com/a.jpg',
      ' https://storage.googleapis.com/b/a.jpg?x=1',
      'http://example.com/c.jpg',
    ]
    const { warnings, done } = await checkImages('261130-00000004', true, images)
    expect(done).toBe('3 images')
    expect(warnings).toEqual([
      expect.stringMatching(/^1 of 4 images cannot be read: http:\/\/example\.com\/c\.jpg is a web/),
    ])
  })
})
