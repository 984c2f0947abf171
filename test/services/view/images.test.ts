import { readdir, stat, utimes } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CloudError } from '../../../src/google/transport/errors.ts'
import { ThumbnailCache } from '../../../src/services/view/thumbnail-cache.ts'
import { FIELDS } from './generated-rows.ts'
import { serveRows, type ServedRun } from './served-run.ts'

const OBJECTS = new Map<string, Buffer | CloudError>()
const reads: string[] = []

let served: ServedRun

/** A photo whose left half is red, as a camera stores it that was turned by 90 degrees. */
async function photo(width: number, height: number, orientation = 1): Promise<Buffer> {
  const left = { width: width / 2, height, channels: 3 as const, background: '#ff0000' }
  return sharp({ create: { width, height, channels: 3, background: '#0000ff' } })
    .composite([{ input: await sharp({ create: left }).png().toBuffer(), left: 0, top: 0 }])
    .withMetadata({ orientation })
    .jpeg()
    .toBuffer()
}

beforeAll(async () => {
  const large = await photo(1_600, 800)
  OBJECTS.set('gs://photos/large.jpg', large)
  OBJECTS.set('gs://photos/turned.jpg', await photo(800, 400, 6))
  OBJECTS.set(
    'gs://photos/tiny.png',
    await sharp(await photo(16, 16))
      .png()
      .toBuffer(),
  )
  OBJECTS.set('gs://photos/cut.jpg', large.subarray(0, 200))
  const plain = (width: number, height: number): Promise<Buffer> =>
    sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
      .toColourspace('b-w')
      .png({ compressionLevel: 1 })
      .toBuffer()
  for (const name of ['huge1', 'huge2', 'huge3']) OBJECTS.set(`gs://photos/${name}.png`, await plain(5_200, 5_200))
  const bomb = Buffer.from(await plain(1, 1))
  // The width and height of a PNG are in its header.
  bomb.writeUInt32BE(20_000, 16)
  bomb.writeUInt32BE(10_001, 20)
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29)
  OBJECTS.set('gs://photos/bomb.png', bomb)
  OBJECTS.set(
    'gs://photos/evil.jpg',
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
  )
  OBJECTS.set('gs://photos/page.jpg', Buffer.from('<!doctype html><script>alert(1)</script>'))
  OBJECTS.set('gs://photos/xml.jpg', Buffer.from('\ufeff  \n<?xml version="1.0"?><svg/>'))
  OBJECTS.set('gs://photos/empty.jpg', Buffer.alloc(0))
  OBJECTS.set('gs://photos/secret.jpg', new CloudError('PERMISSION_DENIED', 'no storage.objects.get'))
  OBJECTS.set('gs://photos/slow.jpg', new CloudError('UNAVAILABLE', 'try again'))
  const uris = [
    ...OBJECTS.keys(),
    'gs://photos/none.jpg',
    'https://example.com/a.jpg',
    '/etc/passwd',
    'file:///etc/passwd',
  ]
  const row = { asset_id: 'pole', unit_id: 'pole', status: 'ok', location: null, gcs_uris: uris, parts: [] }
  served = await serveRows(FIELDS, [row, { ...row, unit_id: 'bare', gcs_uris: [] }], {
    readImage: async (uri) => {
      reads.push(uri)
      const object = OBJECTS.get(uri) ?? new CloudError('NOT_FOUND', 'no such object')
      if (object instanceof CloudError) throw object
      return object
    },
  })
})

afterAll(() => served.close())

const uris = [
  'large',
  'turned',
  'tiny',
  'cut',
  'huge1',
  'huge2',
  'huge3',
  'bomb',
  'evil',
  'page',
  'xml',
  'empty',
  'secret',
  'slow',
  'none',
  'https',
  'path',
  'file',
] as const

const image = (name: (typeof uris)[number], size: 'thumbnail' | 'full') =>
  served.ask(`/api/image?unit=pole&index=${uris.indexOf(name)}&size=${size}`)

describe('an image', () => {
  test('is sent as it is stored, with the type of its bytes', async () => {
    const answer = await image('tiny', 'full')
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('image/png')
    expect(answer.headers['cache-control']).toBe('private, max-age=3600')
    expect(answer.body.equals(OBJECTS.get('gs://photos/tiny.png') as Buffer)).toBe(true)
  })

  test('becomes a thumbnail of at most 320 pixels, with its shape, and a small one is not enlarged', async () => {
    const large = await image('large', 'thumbnail')
    expect(large.headers['content-type']).toBe('image/jpeg')
    expect(await sharp(large.body).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 160 })
    expect(await sharp((await image('tiny', 'thumbnail')).body).metadata()).toMatchObject({ width: 16, height: 16 })
  })

  test('is turned in its thumbnail as EXIF says', async () => {
    const { body } = await image('turned', 'thumbnail')
    const { data, info } = await sharp(body).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 160, height: 320 })
    // The left half is the upper half after a turn to the right.
    expect(data[0]).toBeGreaterThan(200)
    expect(data.at(-1)).toBeGreaterThan(200)
    expect((await sharp(body).metadata()).orientation ?? 1).toBe(1)
  })

  test('is read once for its thumbnail, which only the user may read', async () => {
    await image('large', 'thumbnail')
    const before = reads.length
    expect((await image('large', 'thumbnail')).status).toBe(200)
    expect(reads.length).toBe(before)
    const folder = path.join(served.folder, 'cache', 'view', 'thumbnails')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) expect((await stat(path.join(folder, name))).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['evil', 415, 'is an XML, HTML or SVG file'],
    ['page', 415, 'is an XML, HTML or SVG file'],
    ['xml', 415, 'is not an image'],
    ['empty', 415, 'is empty'],
    ['secret', 403, 'Your account may not read gs://photos/secret.jpg'],
    ['slow', 502, 'cannot be read'],
    ['none', 404, 'does not exist any more'],
    ['https', 415, 'is a web address'],
    ['path', 415, 'is not a gs:// URI'],
    ['file', 415, 'is a file on one machine'],
  ] as const)(
    'that cannot be shown (%s) is a JSON error that says why, and nothing that a browser runs',
    async (name, status, reason) => {
      for (const size of ['full', 'thumbnail'] as const) {
        const answer = await image(name, size)
        expect(answer.status).toBe(status)
        expect(answer.headers['content-type']).toMatch(/^application\/json/)
        expect(answer.headers['x-content-type-options']).toBe('nosniff')
        expect(answer.headers['cache-control']).toBe('no-store')
        expect((answer.json() as { error: { message: string } }).error.message).toContain(reason)
      }
    },
  )

  test('with very many pixels is decoded when no other of that kind is: each can take 0.8 GB', async () => {
    const answers = Promise.all((['huge1', 'huge2', 'huge3'] as const).map((name) => image(name, 'thumbnail')))
    let isOver = false
    void answers.finally(() => (isOver = true))
    const atOnce = new Set<number>()
    while (!isOver) {
      atOnce.add(sharp.counters().process)
      await setImmediate()
    }
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(Math.max(...atOnce)).toBe(1)
  })

  test('with more pixels than can be decoded says so', async () => {
    const answer = await image('bomb', 'thumbnail')
    expect(answer.status).toBe(415)
    expect(answer.text).toContain('gs://photos/bomb.png has 20000 × 10001 pixels')
  })

  test('that is damaged has no thumbnail', async () => {
    const answer = await image('cut', 'thumbnail')
    expect(answer.status).toBe(415)
    expect(answer.text).toContain('gs://photos/cut.jpg is damaged')
  })

  test.each([
    'unit=pole&index=99&size=full',
    'unit=bare&index=0&size=full',
    'unit=nothing&index=0&size=full',
    'unit=&index=0&size=full',
  ])('is only one of the run: %s is not found', async (query) => {
    expect((await served.ask(`/api/image?${query}`)).status).toBe(404)
  })

  test.each([
    'unit=pole&index=-1&size=full',
    'unit=pole&index=../0&size=full',
    'unit=pole&index=gs://photos/large.jpg&size=full',
    'unit=pole&index=0&size=huge',
    'uri=gs://photos/large.jpg&size=full',
  ])('cannot be asked for by %s', async (query) => {
    const before = reads.length
    expect((await served.ask(`/api/image?${query}`)).status).toBe(400)
    expect(reads.length).toBe(before)
  })
})

describe('the thumbnails on the disk', () => {
  test('make room for new ones: those that were used longest ago are removed', async () => {
    const folder = path.join(served.folder, 'bounded')
    const cache = new ThumbnailCache(folder, 'run', 2_500)
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      await cache.store(name, Buffer.alloc(1_000))
      for (const file of await readdir(folder)) {
        const { birthtimeMs } = await stat(path.join(folder, file))
        if (birthtimeMs >= 0 && (await cache.find(name)))
          await utimes(path.join(folder, file), 0, new Date(2026, 0, index + 1))
      }
    }
    await cache.store('e', Buffer.alloc(1_000))
    await cache.tidy()
    expect(await readdir(folder)).toHaveLength(2)
    expect(await cache.find('e')).toBeDefined()
    expect(await cache.find('a')).toBeUndefined()
  })
})
