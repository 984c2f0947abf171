import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CloudError } from '../../../src/google/transport/errors.ts'
import type { Embedding } from '../../../src/services/report/embedded-image.ts'
import { reportPieces, type ReportProgress } from '../../../src/services/report/report-pieces.ts'
import { writeWholeFile } from '../../../src/services/results/whole-file.ts'
import { RunImages } from '../../../src/services/view/images.ts'
import { ThumbnailCache } from '../../../src/services/view/thumbnail-cache.ts'
import { randomRun } from '../../viewer/random-run.ts'

let folder: string
let picture: Buffer

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-report-'))
  picture = await sharp({ create: { width: 800, height: 400, channels: 3, background: '#3366aa' } })
    .jpeg()
    .toBuffer()
})

afterAll(() => rm(folder, { recursive: true }))

/** Units with two images each; the second ones of neighbors are the same. */
const ROWS = Array.from({ length: 40 }, (_, index) => ({
  unit_id: `unit-${index}`,
  gcs_uris: [`gs://bucket/${index}/first.jpg`, `gs://bucket/shared-${Math.floor(index / 2)}.jpg`],
}))

interface Written {
  images: ReportProgress['counts']
  text: string
  read: string[]
}

async function written(
  read: (uri: string) => Promise<Buffer>,
  { embedding = 'thumbnails', mostImages = 1_000 }: { embedding?: Embedding; mostImages?: number } = {},
): Promise<Written> {
  const asked: string[] = []
  const images = new RunImages(new ThumbnailCache(path.join(folder, `thumbnails-${Math.random()}`), 'run'), (uri) => {
    asked.push(uri)
    return read(uri)
  })
  const counts = { named: 0, embedded: 0, missing: 0, denied: 0, unreadable: 0, left_out: 0 }
  const pieces = reportPieces(
    {
      template: { before: '<html>', after: '</html>' },
      head: { run: randomRun([]), flags: '', is_on_google: true },
      rows: (async function* () {
        yield ROWS
      })(),
      rawAnswers: (async function* () {})(),
      images,
      embedding,
      mostImages,
    },
    { counts, rows: 0, detail: () => undefined },
  )
  const text = (await Array.fromAsync(pieces)).join('')
  return { images: counts, text, read: asked }
}

test('each image is in a report once, small, the first image of every unit before any second one', async () => {
  const { images, text, read } = await written(async () => picture, { mostImages: 45 })
  expect(images).toEqual({ named: 60, embedded: 45, missing: 0, denied: 0, unreadable: 0, left_out: 15 })
  expect(new Set(read).size).toBe(read.length)
  expect(read.slice(0, 40).every((uri) => uri.endsWith('/first.jpg'))).toBe(true)
  const found = [...text.matchAll(/data-report="image" id="([^"]+)">image\/jpeg;base64,([^<]+)</g)]
  expect(new Set(found.map(([, id]) => id)).size).toBe(45)
  const { width, height } = await sharp(Buffer.from(found[0]![2]!, 'base64')).metadata()
  expect([width, height]).toEqual([320, 160])
})

test('images that are not there, not allowed or not readable are counted, and leave their room to others', async () => {
  const { images } = await written(
    async (uri) => {
      if (uri.includes('/1/')) throw new CloudError('NOT_FOUND', 'no such object')
      if (uri.includes('/2/')) throw new CloudError('PERMISSION_DENIED', 'storage.objects.get denied')
      return uri.includes('/3/') ? Buffer.from('<svg onload="alert(1)"/>') : picture
    },
    { mostImages: 10 },
  )
  expect(images).toEqual({ named: 60, embedded: 10, missing: 1, denied: 1, unreadable: 1, left_out: 47 })
})

test('a failure that every image would have ends the report, and no file is left', async () => {
  const down = written(async () => {
    throw new CloudError('UNAVAILABLE', 'the service is down')
  })
  await expect(down).rejects.toMatchObject({
    code: 'CLOUD_ERROR',
    message: expect.stringContaining('is down') as string,
  })
  const file = path.join(folder, 'half.html')
  const pieces = (async function* () {
    yield 'half of a report'
    await down
  })()
  await expect(writeWholeFile(file, pieces)).rejects.toMatchObject({ code: 'CLOUD_ERROR' })
  expect([existsSync(file), (await readdir(folder)).filter((name) => name.includes('half'))]).toEqual([false, []])
})

test('few images are in memory at once', async () => {
  const flight = { now: 0, most: 0 }
  await written(
    async () => {
      flight.now += 1
      flight.most = Math.max(flight.most, flight.now)
      await new Promise((resolve) => setImmediate(resolve))
      flight.now -= 1
      return picture
    },
    { embedding: 'full' },
  )
  expect(flight.most).toBeGreaterThan(1)
  expect(flight.most).toBeLessThanOrEqual(3)
})
