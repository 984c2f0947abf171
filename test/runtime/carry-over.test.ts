// First: it sets what gRPC reads when it is loaded.
import { PLACE, startLocalRun } from './local-run.ts'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bucketName, carriedPath, tablePath } from '../../src/contracts/names.ts'
import { answererOf, questionHash } from '../../src/contracts/question-hash.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { attemptColumns } from '../../src/contracts/tables.ts'
import { describeTable, ensureTable, queryRows } from '../../src/google/bigquery/bigquery.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { objectVersion } from '../../src/google/storage/object-version.ts'
import { deleteObject, readObjectRange, writeObject } from '../../src/google/storage/storage.ts'
import { imageVersion, statedHashes } from '../../src/contracts/image-version.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { carriedOf, versionsTable } from '../../src/run-data/carried.ts'
import { firstUnits } from '../../src/run-data/first-units.ts'
import { carryOver } from '../../src/services/run/carry-over.ts'
import { post } from './fixtures.ts'
import { mainService } from './main-service.ts'

const EARLIER = '261101-00000001'

let run: Awaited<ReturnType<typeof startLocalRun>>
let front: Server
let spec: RunSpec & { carry: NonNullable<RunSpec['carry']> }
/** What the services say about every image. */
let version: string | null
let asked = 0

beforeAll(async () => {
  run = await startLocalRun({ units: 3 })
  const ledger = {
    projectId: PLACE.projectId,
    dataset: 'results',
    table: `earlier_${EARLIER.replace('-', '_')}_attempts`,
  }
  await ensureTable(ledger, { columns: attemptColumns(run.spec.profile), description: 'Earlier.', labels: {} })
  const hash = questionHash(run.spec, answererOf(run.spec.gemini, undefined))
  const row = (unit: number) => ({
    ...run.attempt(unit).json,
    run_id: EARLIER,
    cost_usd: 0.5,
    category: 'Stop',
    observation_ids: ['o'],
    gcs_uris: ['gs://bucket/o.jpg'],
    question_hash: hash,
    input_images: [{ observation_id: 'o', gcs_uri: 'gs://bucket/o.jpg', version: 'md5:x' }],
  })
  await insertRows(
    ledger,
    [0, 1].map((unit) => ({ insertId: `earlier-${unit}`, json: row(unit) })),
  )
  const ledgers = [{ run_id: EARLIER, ...ledger, has_answers: true }]
  spec = { ...run.spec, carry: { mode: 'update', ledgers, trusts_addresses: false } }
  const target = new URL(run.cloud.locator.http)
  front = createServer((incoming, outgoing) => {
    if (incoming.url === '/image-versions') {
      asked += 1
      incoming.resume()
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ versions: [version] }))
      return
    }
    const { method, url, headers } = incoming
    const passed = request({ host: target.hostname, port: target.port, method, path: url, headers }, (response) => {
      outgoing.writeHead(response.statusCode!, response.headers)
      response.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  useLocalCloud({ ...run.cloud.locator, http: `http://127.0.0.1:${(front.address() as AddressInfo).port}` })
})
afterAll(async () => {
  front.close()
  await run.stop()
})

function carry() {
  const context = {
    runId: spec.run_id,
    spec,
    target: { kind: 'google', place: PLACE, flags: '' },
    deployment: { mainUrl: 'https://imagery-main-1.us-central1.run.app' },
    signal: new AbortController().signal,
    milestones: {},
    assets: 3,
  }
  return carryOver.run(context as never, { detail: () => undefined })
}

async function carriedUnits(): Promise<string[]> {
  const sql = `SELECT unit_id FROM \`${tablePath(spec.tables, spec.tables.attempts)}\` WHERE carried_from = '${EARLIER}' ORDER BY unit_id`
  const query = { projectId: PLACE.projectId, location: spec.source.location }
  return (await queryRows<{ unit_id: string }>(sql, query)).map(({ unit_id }) => unit_id)
}

test('images that the services may not look at stop the run before any answer is carried over', async () => {
  version = null
  await expect(carry()).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('may not look at 1 image, such as gs://bucket/o.jpg') as string,
    suggestions: expect.arrayContaining([expect.stringContaining('--trust-addresses')]) as string[],
  })
  expect(await carriedUnits()).toEqual([])
  expect(await carriedOf(spec)).toBeUndefined()
})

test('a replaced image is asked again: nothing is carried over, and each image is looked at once', async () => {
  version = 'md5:other'
  asked = 0
  await expect(carry()).resolves.toMatchObject({ adds: { pending: 3, toAsk: { units: 3, images: 3 } } })
  expect(asked).toBe(1)
  expect(await carriedUnits()).toEqual([])
  await deleteObject(`gs://${bucketName(PLACE)}/${carriedPath(spec.run_id)}`)
})

test('a command that dies after the rows are written, and one that repeats all, carry nothing twice', async () => {
  version = 'md5:x'
  const runId = spec.run_id
  // Another run, because a job's ID has been used by the test before this one.
  spec = { ...spec, run_id: '261130-0000000a' }
  const record = `gs://${bucketName(PLACE)}/runs/${spec.run_id}/run.json`
  await writeObject(record, JSON.stringify(spec), { contentType: 'application/json' })
  await carry()
  expect(await carriedUnits()).toEqual(['unit-0', 'unit-1'])
  await deleteObject(`gs://${bucketName(PLACE)}/${carriedPath(spec.run_id)}`)
  await expect(carry()).resolves.toMatchObject({
    done: '2 unchanged; 1 new, 0 changed; 0 gone',
    adds: { pending: 1, toAsk: { units: 1, images: 1 } },
  })
  expect(await carriedUnits()).toEqual(['unit-0', 'unit-1'])
  expect(await carriedOf(spec)).toMatchObject({ units: { unchanged: 2, new: 1 }, cost_usd: 1, from: [EARLIER] })
  expect(await describeTable(versionsTable(spec.tables))).toBeUndefined()
  // A resume finds that it is done.
  await expect(carry()).resolves.toMatchObject({ skipped: expect.any(String) as string, adds: { pending: 1 } })
  // Only a unit without an answer is probed.
  expect((await firstUnits(spec, 5)).map(({ unit_id }) => unit_id)).toEqual(['unit-2'])
  spec = { ...spec, run_id: runId }
})

test('the service tells the versions of images in order, and says of none more than it may see', async () => {
  const { app } = mainService({
    imageVersion: async (uri) => (uri.includes('denied') ? undefined : `md5:${uri}`),
  })
  const uris = ['gs://b/1.jpg', 'gs://denied/2.jpg', 'gs://b/3.jpg']
  const answer = await app.request('/image-versions', post({ v: 1, uris }))
  expect(await answer.json()).toEqual({ versions: ['md5:gs://b/1.jpg', null, 'md5:gs://b/3.jpg'] })
  expect((await app.request('/image-versions', post({ v: 1, uris: Array(501).fill('gs://b/1.jpg') }))).status).toBe(400)
})

test('an object has the version that a read of it states, and a new one when it is replaced', async () => {
  const uri = `gs://${bucketName(PLACE)}/image.jpg`
  const write = (text: string) => writeObject(uri, text, { contentType: 'image/jpeg' })
  expect(await objectVersion(uri)).toBe('missing')
  await write('one')
  const first = await objectVersion(uri)
  const { checksums, size } = await readObjectRange(uri, 0, 1)
  expect(imageVersion({ ...statedHashes(checksums), size })).toBe(first)
  await write('two')
  expect(await objectVersion(uri)).not.toBe(first)
  await write('one')
  expect(await objectVersion(uri)).toBe(first)
  expect(await objectVersion('https://example.com/a.jpg')).toBeUndefined()
})
