import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startLocalCloud } from '@imagery/local-cloud'
import { expect, onTestFinished, test } from 'vitest'
import { runTables } from '../../src/contracts/names.ts'
import { ASSET_COLUMNS } from '../../src/contracts/tables.ts'
import { ensureDataset, ensureTable } from '../../src/google/bigquery/bigquery.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { imageBuckets } from '../../src/run-data/image-buckets.ts'
import { runTable } from '../../src/run-data/run-tables.ts'

test('takes only valid bucket names from a snapshot, so that no image cell chooses a path of the Cloud Storage API', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagery-buckets-'))
  const cloud = await startLocalCloud({ dataDir: folder, allServicesEnabled: true })
  onTestFinished(async () => {
    await cloud.stop()
    rmSync(folder, { recursive: true })
  })
  useLocalCloud(cloud.locator)
  const { projectId } = cloud.locator
  const tables = runTables({ projectId, dataset: 'images', profile: 'resolution', runId: '261123-00000001' })
  await ensureDataset({ projectId, dataset: 'images' }, { location: 'US', description: '' })
  const assets = runTable(tables, 'assets')
  await ensureTable(assets, { columns: ASSET_COLUMNS, description: '', labels: {} })
  const uris = [
    'gs://city-photos/1.jpg',
    'gs://city-photos/2.jpg',
    'gs://../x',
    'gs://./x',
    'gs://%2e%2e/y',
    'gs://abc?x/y',
    'gs://UPPER/x',
    'gs://ab/x',
    'https://city.example/1.jpg',
    'relative.jpg',
  ]
  await insertRows(
    assets,
    uris.map((gcs_uri, index) => ({
      insertId: `row-${index}`,
      json: {
        unit_id: `u${index}`,
        asset_id: `a${index}`,
        observations: [{ observation_id: `o${index}`, gcs_uri, capture_time: null }],
        bucket: 0,
      },
    })),
  )
  expect(await imageBuckets(tables)).toEqual(['city-photos'])
})
