import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { Storage } from '@google-cloud/storage'
import { PassThroughClient } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '@imagery/local-cloud/contract/object-file'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { createBucket } from '../../src/google/storage/bucket.ts'
import { downloadObject, downloadRange } from '../../src/google/storage/download.ts'
import { LocalFiles } from '../../src/google/storage/local-file.ts'
import { readObject, readObjectRange, storageClient, writeObject } from '../../src/google/storage/storage.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'

let directory: string
let cloud: LocalCloud

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-objects-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
})

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function callsOf(method: string): Promise<number> {
  const response = await fetch(`${cloud.locator.http}/_imagery/state`, {
    headers: { authorization: `Bearer ${cloud.locator.adminToken}` },
  })
  return ((await response.json()) as { calls: Record<string, number> }).calls[method] ?? 0
}

describe('an object', () => {
  beforeAll(async () => {
    const settings = { labels: {}, expiring: { prefix: 'deploy/', days: 1 } }
    await createBucket('imagery-download', { projectId: 'imagery-local', ...settings, location: 'US' })
  })

  test('is read with any character in its name', async () => {
    const uri = 'gs://imagery-download/a folder/ü?#%2F+.png'
    await writeObject(uri, 'bytes', { contentType: 'image/png' })
    expect((await readObject(uri)).toString()).toBe('bytes')
  })

  test('that is empty has no bytes', async () => {
    await writeObject('gs://imagery-download/empty', '', { contentType: 'image/png' })
    expect(await readObject('gs://imagery-download/empty')).toHaveLength(0)
  })

  test('is read in parts, each with the size and the checksums of the whole', async () => {
    const uri = 'gs://imagery-download/parts'
    await writeObject(uri, '0123456789', { contentType: 'image/png' })
    const whole = { size: 10, checksums: expect.stringMatching(/^crc32c=\S+,md5=\S+$/) as string }
    expect(await readObjectRange(uri, 0, 4)).toEqual({ bytes: Buffer.from('0123'), ...whole })
    expect(await readObjectRange(uri, 8, 64)).toEqual({ bytes: Buffer.from('89'), ...whole })
  })

  test('that is empty has no parts', async () => {
    await writeObject('gs://imagery-download/nothing', '', { contentType: 'image/png' })
    expect(await readObjectRange('gs://imagery-download/nothing', 0, 64)).toMatchObject({ bytes: Buffer.of(), size: 0 })
  })

  test('that is stored compressed is unpacked whole before a part of it is taken', async () => {
    const client = await storageClient()
    const file = client.bucket('imagery-download').file('packed')
    await file.save(gzipSync('0123456789'), { resumable: false, metadata: { contentEncoding: 'gzip' } })
    const part = await readObjectRange('gs://imagery-download/packed', 2, 3)
    expect([part.bytes.toString(), part.size]).toEqual(['234', 10])
  })

  test("that does not exist is refused in Cloud Storage's words", async () => {
    const missing = { status: 'NOT_FOUND', message: expect.stringContaining('No such object') as string }
    await expect(readObject('gs://imagery-download/missing')).rejects.toMatchObject(missing)
    await expect(readObjectRange('gs://imagery-download/missing', 0, 64)).rejects.toMatchObject(missing)
  })
})

describe('a file of this machine', () => {
  const uri = 'gs://imagery-download/from a file/ü.jpg'
  const fileOf = (content: string | Buffer) => {
    const file = path.join(directory, 'photo.jpg')
    writeFileSync(file, content)
    return { path: file, stats: statSync(file, { bigint: true }) }
  }

  test('becomes an object of the local cloud without an upload', async () => {
    expect(await new LocalFiles().store(uri, fileOf('photo'), 'image/jpeg')).toBe(true)
    expect((await readObject(uri)).toString()).toBe('photo')
    const uploads = await callsOf('storage.objects.insert')
    await writeObject(uri, 'uploaded', { contentType: 'image/jpeg' })
    expect(await new LocalFiles().store(uri, fileOf('again'), 'image/jpeg')).toBe(true)
    expect(await callsOf('storage.objects.insert')).toBe(uploads + 1)
    const whole = { size: 5, checksums: expect.stringMatching(/^crc32c=[^,\s]+$/) as string }
    expect(await readObjectRange(uri, 0, 2)).toEqual({ bytes: Buffer.from('ag'), ...whole })
  })

  test('shares a request with others, but not beyond what one copy may take', async () => {
    const sizes = [50_000_000, 50_000_000, 1_000, 2_000, 3_000]
    const files = sizes.map((size, index) => {
      const file = path.join(directory, `shared-${index}.jpg`)
      writeFileSync(file, Buffer.alloc(size, index))
      return { path: file, stats: statSync(file, { bigint: true }) }
    })
    const together: number[] = []
    const forwarder = createServer((request, response) => {
      void text(request).then(async (body) => {
        together.push((JSON.parse(body) as { files: unknown[] }).files.length)
        const headers = { authorization: request.headers.authorization ?? '' }
        const answer = await fetch(new URL(request.url ?? '', cloud.locator.http), { method: 'POST', headers, body })
        response.writeHead(answer.status).end(await answer.text())
      })
    })
    await new Promise<void>((resolve) => forwarder.listen(0, '127.0.0.1', resolve))
    try {
      useLocalCloud({ ...cloud.locator, http: `http://127.0.0.1:${(forwarder.address() as AddressInfo).port}` })
      const local = new LocalFiles()
      const store = (file: (typeof files)[0], index: number): Promise<boolean> =>
        local.store(`gs://imagery-download/shared-${index}.jpg`, file, 'image/jpeg')
      expect(await Promise.all(files.map(store))).toEqual(sizes.map(() => true))
    } finally {
      useLocalCloud(cloud.locator)
      forwarder.closeAllConnections()
      forwarder.close()
    }
    expect(together).toEqual([1, 4])
    for (const [index, size] of sizes.entries()) {
      const stored = await readObject(`gs://imagery-download/shared-${index}.jpg`)
      expect(stored.equals(Buffer.alloc(size, index))).toBe(true)
    }
  })

  test('is read in parts, whether they are small or large', async () => {
    const bytes = randomBytes(200_000)
    expect(await new LocalFiles().store(uri, fileOf(bytes), 'image/jpeg')).toBe(true)
    for (const [first, length] of [
      [0, 65_536],
      [65_536, 100_000],
      [150_000, 100_000],
      [199_990, 20],
      [200_000, 65_536],
    ] as const) {
      const read = await readObjectRange(uri, first, length)
      expect([first, read.bytes.equals(bytes.subarray(first, first + length)), read.size]).toEqual([
        first,
        true,
        200_000,
      ])
    }
  })

  test.each<[string, () => Promise<boolean>]>([
    [
      'it has changed since it was checked',
      async () => {
        const file = fileOf('before')
        writeFileSync(file.path, 'after, and longer')
        return new LocalFiles().store(uri, file, 'image/jpeg')
      },
    ],
    [
      'the caller acts as another account, whose permissions an upload checks',
      async () => {
        vi.stubEnv('GCE_METADATA_HOST', '127.0.0.1:1')
        return new LocalFiles().store(uri, fileOf('photo'), 'image/jpeg').finally(() => vi.unstubAllEnvs())
      },
    ],
    ['there is no bucket', () => new LocalFiles().store('gs://no-such-bucket/a.jpg', fileOf('photo'), 'image/jpeg')],
  ])('is left to an upload if %s', async (_when, store) => {
    await writeObject(uri, 'untouched', { contentType: 'image/jpeg' })
    expect(await store()).toBe(false)
    expect((await readObject(uri)).toString()).toBe('untouched')
  })
})

describe('a download', () => {
  const image = Buffer.from('the bytes of an image')
  let server: Server
  /** `unpacked` is for requests that do not accept compression (https://cloud.google.com/storage/docs/transcoding). */
  let answer: { headers: Record<string, string>; body: Buffer; unpacked?: Buffer }
  /** The file that the server names instead, to a client that takes one. */
  let file: string | undefined
  let storage: Storage

  beforeAll(async () => {
    server = createServer(({ headers }, response) => {
      const { unpacked } = answer
      if (file !== undefined && headers[TAKES_FILE_HEADER] !== undefined) {
        const size = { 'x-goog-stored-content-length': String(image.length) }
        const range = headers.range?.replace(/^bytes=/, 'bytes ')
        const part = range === undefined ? {} : { 'content-range': `${range}/${image.length}` }
        const named = { ...size, ...part, [OBJECT_FILE_HEADER]: encodeURIComponent(file) }
        response.writeHead(range === undefined ? 200 : 206, named).end()
      } else if (unpacked === undefined || headers['accept-encoding'] !== undefined) {
        response.writeHead(200, answer.headers).end(answer.body)
      } else {
        const { 'content-encoding': _, ...sent } = answer.headers
        response.writeHead(200, sent)
        response.write(unpacked)
        response.end()
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    storage = new Storage({
      projectId: 'demo',
      apiEndpoint: `http://127.0.0.1:${port}`,
      useAuthWithCustomEndpoint: true,
      authClient: new PassThroughClient(),
    })
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  /** CRC32C bit by bit, by its definition (https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4). */
  function crc32c(bytes: Buffer): string {
    let sum = 0xff_ff_ff_ff
    for (const byte of bytes) {
      sum ^= byte
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82_f6_3b_78 : sum >>> 1
    }
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE((sum ^ 0xff_ff_ff_ff) >>> 0)
    return checksum.toString('base64')
  }

  test('whose bytes match the checksum is accepted', async () => {
    answer = { headers: { 'x-goog-hash': `crc32c=${crc32c(image)},md5=abc=` }, body: image }
    expect(await downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).toEqual(image)
  })

  test('whose bytes do not match the checksum is refused as retryable', async () => {
    answer = { headers: { 'x-goog-hash': `crc32c=${crc32c(Buffer.from('others'))}` }, body: image }
    await expect(downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      retryable: true,
    })
  })

  test('of a compressed object returns the decompressed bytes', async () => {
    const stored = gzipSync(image)
    answer = {
      headers: {
        'content-encoding': 'gzip',
        'x-goog-stored-content-encoding': 'gzip',
        'x-goog-hash': `crc32c=${crc32c(stored)}`,
      },
      body: stored,
      unpacked: image,
    }
    expect(await downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).toEqual(image)
  })

  test('of an object that is too large after decompression is refused', async () => {
    const unpacked = Buffer.alloc(1_000_000)
    const headers = { 'content-encoding': 'gzip', 'x-goog-stored-content-encoding': 'gzip' }
    answer = { headers, body: gzipSync(unpacked), unpacked }
    await expect(downloadObject(storage, { bucket: 'bucket', path: 'object' }, 100_000)).rejects.toMatchObject({
      status: 'OUT_OF_RANGE',
    })
  })

  test('from a local cloud takes the file that it names, or the bytes if that cannot be read', async () => {
    const object = { bucket: 'bucket', path: 'object' }
    answer = { headers: {}, body: Buffer.from('newer bytes') }
    const named = path.join(directory, 'the file ü.jpg')
    writeFileSync(named, image)
    try {
      useLocalCloud({ ...cloud.locator, http: storage.apiEndpoint })
      file = named
      expect(await downloadObject(storage, object, 1_000)).toEqual(image)
      await expect(downloadObject(storage, object, 5)).rejects.toMatchObject({ status: 'OUT_OF_RANGE' })
      const part = await downloadRange(storage, object, { first: 4, length: 5, maxBytes: 1_000 })
      expect(part).toEqual({ bytes: image.subarray(4, 9), size: image.length, checksums: undefined })
      writeFileSync(named, 'shorter')
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
      file = path.join(directory, 'missing.jpg')
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
      file = named
      useLocalCloud(cloud.locator)
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
    } finally {
      file = undefined
      useLocalCloud(cloud.locator)
    }
  })
})
