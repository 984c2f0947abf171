import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import sharp from 'sharp'
import type { OfficialClients } from './official-clients.ts'

const IMAGE_BUCKET = 'imagery-bench-images'
const DATASET = 'bench'

/** One image of an asset in Street View Insights (the columns that imagery uses). */
const SCHEMA = [
  { name: 'asset_id', type: 'STRING' },
  { name: 'asset_type', type: 'STRING' },
  { name: 'observation_id', type: 'STRING' },
  { name: 'snapshot_id', type: 'STRING' },
  {
    name: 'location',
    type: 'RECORD',
    fields: [
      { name: 'latitude', type: 'FLOAT64' },
      { name: 'longitude', type: 'FLOAT64' },
    ],
  },
  { name: 'detection_time', type: 'TIMESTAMP' },
  { name: 'capture_time', type: 'TIMESTAMP' },
  { name: 'gcs_uri', type: 'STRING' },
]

/** Concurrent uploads: enough to keep the local Storage busy. */
const UPLOADS_AT_ONCE = 16

/**
 * Creates a table of `assets` generated assets with one image each, `bench.observations_<assets>`, with
 * a load job. Returns `project.dataset.table`.
 */
export async function loadObservations({ bigQuery }: OfficialClients, folder: string, assets: number): Promise<string> {
  const file = path.join(folder, `observations_${assets}.jsonl`)
  const lines = createWriteStream(file)
  for (let index = 0; index < assets; index++) {
    if (!lines.write(`${JSON.stringify(observation(index))}\n`)) await once(lines, 'drain')
  }
  lines.end()
  await once(lines, 'close')

  const dataset = bigQuery.dataset(DATASET)
  const [exists] = await dataset.exists()
  if (!exists) await bigQuery.createDataset(DATASET, { location: 'US' })
  const table = dataset.table(`observations_${assets}`)
  await table.load(file, {
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    schema: { fields: SCHEMA },
    writeDisposition: 'WRITE_TRUNCATE',
  })
  return `${bigQuery.projectId}.${DATASET}.${table.id}`
}

/**
 * Uploads the image of each generated asset to the local Storage, readable by `reader`: one tiny PNG under many names.
 */
export async function uploadImages(
  { storage }: OfficialClients,
  assets: number,
  reader: string,
): Promise<{ imageBytes: number }> {
  const bucket = storage.bucket(IMAGE_BUCKET)
  const [exists] = await bucket.exists()
  if (!exists) await storage.createBucket(IMAGE_BUCKET, { location: 'US' })
  const [policy] = await bucket.iam.getPolicy()
  const binding = { role: 'roles/storage.objectViewer', members: [`serviceAccount:${reader}`] }
  await bucket.iam.setPolicy({ ...policy, bindings: [...policy.bindings, binding] })
  const image = await tinyImage()
  const names = Array.from({ length: assets }, (_, index) => imageName(index)).values()
  const upload = async (): Promise<void> => {
    for (const name of names) await bucket.file(name).save(image, { resumable: false, contentType: 'image/png' })
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, upload))
  return { imageBytes: image.length }
}

function tinyImage(): Promise<Buffer> {
  const background = { r: 200, g: 30, b: 30 }
  return sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer()
}

function imageName(index: number): string {
  return `images/${index}.png`
}

function observation(index: number): object {
  return {
    asset_id: `asset-${String(index).padStart(7, '0')}`,
    asset_type: 'ASSET_CLASS_ROAD_SIGN',
    observation_id: `observation-${index}`,
    snapshot_id: '2026-01',
    location: { latitude: 40 + index / 1e6, longitude: -105 },
    detection_time: '2026-01-02T03:04:05Z',
    capture_time: '2026-01-01T03:04:05Z',
    gcs_uri: `gs://${IMAGE_BUCKET}/${imageName(index)}`,
  }
}
