import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, ROOT, type Environment, type ImageryUser } from '../cli/imagery-process.ts'
import expected from '../fixtures/street-signs/expected.json' with { type: 'json' }
import { rowsDocument, runReport } from './documents.ts'

const IMAGES = path.join(ROOT, 'samples', 'street-signs', 'images')

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  for (const folder of ['photos', 'photos/corner', 'photos/deep/er'])
    await mkdir(path.join(user.folder, folder), { recursive: true })
  await copyFile(path.join(IMAGES, 'stop-1.jpg'), path.join(user.folder, 'photos', 'Single.JPG'))
  await copyFile(path.join(IMAGES, 'stop-4.jpg'), path.join(user.folder, 'photos', 'corner', 'a.jpg'))
  await copyFile(path.join(IMAGES, 'yield-1.jpg'), path.join(user.folder, 'photos', 'corner', 'b.jpg'))
  await copyFile(path.join(IMAGES, 'yield-2.jpg'), path.join(user.folder, 'photos', 'deep', 'er', 'c.jpg'))
  await writeFile(path.join(user.folder, 'photos', 'notes.txt'), 'no image')
})

afterAll(() => user.leave())

async function run(args: string[], environment?: Environment): Promise<Map<unknown, Record<string, unknown>>> {
  const outcome = await user.run(['run', '--local', '--profile', 'resolution', '--json', ...args], environment)
  expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(0)
  const { run_id: runId } = runReport.parse(outcome.json())
  const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
  return new Map(rows.map((row) => [row['asset_id'], row]))
}

const size = (image: keyof typeof expected.images): object => ({
  width: expected.images[image].width,
  height: expected.images[image].height,
})

test('a folder has one asset per image, and one per subfolder', async () => {
  const rows = await run(['--table', 'photos'])
  expect([...rows.keys()].map(String).toSorted()).toEqual(['Single.JPG', 'corner', 'deep/er'])
  expect(rows.get('Single.JPG')).toMatchObject(size('stop-1.jpg'))
  expect(rows.get('corner')).toMatchObject({ observation_ids: ['corner/a.jpg', 'corner/b.jpg'] })
  expect(rows.get('deep/er')).toMatchObject(size('yield-2.jpg'))
})

test('a CSV file has its images next to it, under any column name', async () => {
  await writeFile(
    path.join(user.folder, 'signs.csv'),
    'Schild,Bild,Ort\n"Vorfahrt, klein",photos/corner/b.jpg,"Haupt""straße"\nHalt,photos/Single.JPG,\n',
  )
  const rows = await run(['--table', 'signs.csv', '--asset-column', 'schild', '--image-column', 'Bild'])
  expect([...rows.keys()].map(String).toSorted()).toEqual(['Halt', 'Vorfahrt, klein'])
  expect(rows.get('Halt')).toMatchObject(size('stop-1.jpg'))
  expect(rows.get('Vorfahrt, klein')).toMatchObject(size('yield-1.jpg'))
})

test('an image on the web is taken from what was fetched before, and a private address fails only its row', async () => {
  const kept = 'https://example.com/signs/yield-1.jpg?width=1#top'
  const folder = path.join(user.dataDirectory, 'fetched-images')
  await mkdir(folder, { recursive: true })
  const name = createHash('sha256').update(kept).digest('hex')
  await copyFile(path.join(IMAGES, 'yield-1.jpg'), path.join(folder, name))
  await writeFile(
    path.join(user.folder, 'web.csv'),
    `id,image\nkept,${kept}\nprivate,https://127.0.0.1:9/a.jpg\npath,photos/Single.JPG\n`,
  )
  const flags = ['--local', '--table', 'web.csv', '--asset-column', 'id', '--profile', 'resolution', '--json']
  const outcome = await user.run(['run', ...flags, '--fetch-images'])
  expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(3)
  const { run_id: runId } = runReport.parse(outcome.json())
  const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
  const found = new Map(rows.map((row) => [row['asset_id'], row]))
  expect(found.get('kept')).toMatchObject(size('yield-1.jpg'))
  expect(found.get('path')).toMatchObject(size('stop-1.jpg'))
  expect(found.get('private')).toMatchObject({
    cause: 'unreadable_image',
    error_message: expect.stringMatching(
      /^no readable image: https:\/\/127\.0\.0\.1:9\/a\.jpg is not fetched: 127\.0\.0\.1 is an address of this machine/,
    ),
  })
})

test('a Parquet file keeps its types, and --where can filter on them', async () => {
  const file = path.join(user.folder, 'signs.parquet')
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  await duckdb.run(`COPY (
    SELECT 'a' AS asset_id, 'photos/Single.JPG' AS image, {latitude: 40.5, longitude: -105.25} AS location, TIMESTAMPTZ '2026-06-14 17:02:11+00' AS detection_time, 3 AS height_m
    UNION ALL SELECT 'b', 'photos/corner/a.jpg', NULL, NULL, 9
  ) TO '${file}' (FORMAT parquet)`)
  duckdb.closeSync()
  const rows = await run(['--table', file, '--where', 'height_m < 5 AND detection_time > "2026-01-01"'])
  expect([...rows.keys()]).toEqual(['a'])
  expect(rows.get('a')).toMatchObject({
    location: { latitude: 40.5, longitude: -105.25 },
    detection_time: expect.stringMatching(/^2026-06-14T17:02:11/),
  })
})

test('the user’s own Google settings are neither used nor a problem', async () => {
  const rows = await run(['--table', 'photos', '--limit', '1'], {
    GOOGLE_APPLICATION_CREDENTIALS: '/no/such/key.json',
    GOOGLE_CLOUD_PROJECT: 'somebody-elses-project',
    GCE_METADATA_HOST: '127.0.0.1:9',
    METADATA_SERVER_DETECTION: 'none',
    BIGQUERY_EMULATOR_HOST: 'http://127.0.0.1:9',
    STORAGE_EMULATOR_HOST: 'http://127.0.0.1:9',
    PUBSUB_EMULATOR_HOST: '127.0.0.1:9',
  })
  expect([...rows.keys()]).toEqual(['Single.JPG'])
})
