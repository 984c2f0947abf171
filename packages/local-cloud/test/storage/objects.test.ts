import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '@google-cloud/storage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

let storage: StorageFixture
let bucket: Bucket

beforeEach(async () => {
  storage = await startStorage()
  ;[bucket] = await storage.client.createBucket('imagery-a')
})

afterEach(() => storage.stop())

describe('an uploaded object', () => {
  it.each([
    ['in one multipart request', false],
    ['through a resumable session', true],
  ])('is returned as it was sent %s', async (_, resumable) => {
    const bytes = randomBytes(3_000_001)
    const file = bucket.file('signs/stop & go/ümläut.jpg')
    await file.save(bytes, { resumable, contentType: 'image/jpeg', metadata: { metadata: { asset: 'a1' } } })
    const [metadata] = await file.getMetadata()
    expect(metadata).toMatchObject({
      kind: 'storage#object',
      name: 'signs/stop & go/ümläut.jpg',
      bucket: 'imagery-a',
      contentType: 'image/jpeg',
      size: '3000001',
      metageneration: '1',
      metadata: { asset: 'a1' },
      generation: expect.stringMatching(/^\d{16}$/) as string,
    })
    // The client checks the CRC32C of what it downloads.
    const [downloaded] = await file.download()
    expect(downloaded.equals(bytes)).toBe(true)
  })

  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4 (32 bytes of zeroes: 8a9136aa) and RFC 1321 for "abc".
  it('has the CRC32C and MD5 of its bytes', async () => {
    await bucket.file('zeroes').save(Buffer.alloc(32))
    await bucket.file('abc').save('abc')
    const [zeroes] = await bucket.file('zeroes').getMetadata()
    const [abc] = await bucket.file('abc').getMetadata()
    expect(zeroes.crc32c).toBe(Buffer.from('8a9136aa', 'hex').toString('base64'))
    expect(abc.md5Hash).toBe(Buffer.from('900150983cd24fb0d6963f7d28e17f72', 'hex').toString('base64'))
  })

  it('may be empty', async () => {
    await bucket.file('empty').save('')
    expect((await bucket.file('empty').download())[0].byteLength).toBe(0)
    expect((await bucket.file('empty').getMetadata())[0]).toMatchObject({ size: '0', crc32c: 'AAAAAA==' })
  })

  it('is replaced as a whole by the next upload, with a higher generation', async () => {
    const file = bucket.file('a')
    await file.save('first', { contentType: 'text/plain', metadata: { metadata: { old: 'yes' } } })
    const [first] = await file.getMetadata()
    await file.save('second')
    const [second] = await file.getMetadata()
    expect(BigInt(String(second.generation))).toBeGreaterThan(BigInt(String(first.generation)))
    expect(second.metadata).toBeUndefined()
    expect((await file.download())[0].toString()).toBe('second')
    expect(await storage.api.describe()).toEqual({ buckets: 1, objects: 1, bytes: 6 })
  })

  it('is refused and leaves nothing behind if its bytes do not match the checksum', async () => {
    const answer = await storage.request('/upload/storage/v1/b/imagery-a/o?uploadType=media&name=a', {
      method: 'POST',
      headers: { 'x-goog-hash': 'crc32c=AAAAAA==' },
      body: 'abc',
    })
    expect(answer.status).toBe(400)
    expect(await storage.api.describe()).toMatchObject({ objects: 0 })
  })

  // https://cloud.google.com/storage/docs/objects#naming
  it.each([
    ['.', 400],
    ['..', 400],
    ['a\nb', 400],
    ['.well-known/acme-challenge/x', 400],
    ['é'.repeat(512) + 'x', 400],
    ['é'.repeat(512), 200],
    ['a/./b//c', 200],
  ])('named %j gets %i', async (name, status) => {
    const target = `/upload/storage/v1/b/imagery-a/o?uploadType=media&name=${encodeURIComponent(name)}`
    expect((await storage.request(target, { method: 'POST', body: 'x' })).status).toBe(status)
  })
})

describe('a download', () => {
  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['bytes=10-', 416, expect.any(String), null],
  ])('with Range %s gets %i', async (range, status, body, contentRange) => {
    await bucket.file('digits').save('0123456789')
    const answer = await storage.request('/storage/v1/b/imagery-a/o/digits?alt=media', { headers: { range } })
    expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([
      status,
      body,
      contentRange,
    ])
  })

  it('of a byte range through the official client returns that range', async () => {
    const bytes = randomBytes(2_000_000)
    await bucket.file('big').save(bytes)
    const [part] = await bucket.file('big').download({ start: 1_000_000, end: 1_900_000 })
    expect(part.equals(bytes.subarray(1_000_000, 1_900_001))).toBe(true)
  })

  it('of an unknown object gets 404 with its name', async () => {
    await expect(bucket.file('nothing').download()).rejects.toMatchObject({
      code: 404,
      message: expect.stringContaining('No such object: imagery-a/nothing') as string,
    })
  })

  it('follows mediaLink', async () => {
    await bucket.file('a b').save('hello')
    const [metadata] = await bucket.file('a b').getMetadata()
    const answer = await fetch(String(metadata.mediaLink), { headers: { authorization: 'Bearer token' } })
    expect(await answer.text()).toBe('hello')
  })

  // https://cloud.google.com/storage/docs/transcoding
  it('is decompressed only for a client that does not accept gzip', async () => {
    await bucket.file('log').save(gzipSync('plain text'), { metadata: { contentEncoding: 'gzip' } })
    const get = async (encoding: string): Promise<Buffer> => {
      const { request } = await import('node:http')
      return new Promise((resolve, reject) => {
        const headers = { authorization: 'Bearer token', 'accept-encoding': encoding }
        request(`${storage.base}/storage/v1/b/imagery-a/o/log?alt=media`, { headers }, (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
        })
          .on('error', reject)
          .end()
      })
    }
    expect((await get('identity')).toString()).toBe('plain text')
    expect(gunzipSync(await get('gzip')).toString()).toBe('plain text')
  })

  it('finishes with the old bytes if the object is replaced meanwhile', async () => {
    const bytes = Buffer.alloc(30_000_000, 'old')
    await bucket.file('big').save(bytes)
    const answer = await storage.request('/storage/v1/b/imagery-a/o/big?alt=media')
    await bucket.file('big').save('new')
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
  })
})

describe('preconditions', () => {
  // https://cloud.google.com/storage/docs/request-preconditions
  it('allow one creation of an object with ifGenerationMatch 0', async () => {
    const file = bucket.file('once')
    await file.save('first', { preconditionOpts: { ifGenerationMatch: 0 } })
    await expect(file.save('second', { preconditionOpts: { ifGenerationMatch: 0 } })).rejects.toMatchObject({
      code: 412,
    })
    await expect(
      file.save('third', { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
    ).rejects.toMatchObject({ code: 412, errors: [expect.objectContaining({ reason: 'conditionNotMet' })] })
    expect((await file.download())[0].toString()).toBe('first')
  })

  it('admit one of two simultaneous creations', async () => {
    const results = await Promise.allSettled(
      ['one', 'two'].map((text) =>
        bucket.file('race').save(text, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
      ),
    )
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await storage.api.describe()).toMatchObject({ objects: 1 })
  })

  it('guard delete, patch and read', async () => {
    const file = bucket.file('a')
    await file.save('x')
    const generation = Number((await file.getMetadata())[0].generation)
    await expect(file.delete({ ifGenerationMatch: generation + 1 })).rejects.toMatchObject({ code: 412 })
    await expect(file.setMetadata({ contentType: 'x/y' }, { ifMetagenerationMatch: 9 })).rejects.toMatchObject({
      code: 412,
    })
    const unchanged = await storage.request(`/storage/v1/b/imagery-a/o/a?ifGenerationNotMatch=${generation}`)
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
    await file.delete({ ifGenerationMatch: generation })
    expect((await file.exists())[0]).toBe(false)
  })

  it('answer 404 for a generation that is not live', async () => {
    await bucket.file('a').save('x')
    await expect(bucket.file('a', { generation: 7 }).getMetadata()).rejects.toMatchObject({ code: 404 })
  })
})

describe('metadata', () => {
  it('is patched key by key and raises only the metageneration', async () => {
    const file = bucket.file('a')
    await file.save('x', { contentType: 'text/plain', metadata: { metadata: { keep: '1', drop: '2' } } })
    const [before] = await file.getMetadata()
    const [after] = await file.setMetadata({ cacheControl: 'no-store', metadata: { drop: null, add: '3' } })
    expect(after).toMatchObject({
      contentType: 'text/plain',
      cacheControl: 'no-store',
      metadata: { keep: '1', add: '3' },
      generation: before.generation,
      metageneration: '2',
    })
    expect(after.metadata).not.toHaveProperty('drop')
  })

  it('is replaced as a whole by PUT', async () => {
    await bucket
      .file('a')
      .save('x', { resumable: false, contentType: 'text/plain', metadata: { cacheControl: 'no-store' } })
    const body = JSON.stringify({ contentType: 'image/png' })
    const answer = await storage.request('/storage/v1/b/imagery-a/o/a', { method: 'PUT', body })
    const updated = (await answer.json()) as Record<string, unknown>
    expect(updated).toMatchObject({ contentType: 'image/png', metageneration: '2', size: '1' })
    expect(updated).not.toHaveProperty('cacheControl')
  })

  // https://cloud.google.com/storage/quotas#objects
  it('holds at most 8 KiB of custom keys and values', async () => {
    const save = (bytes: number): Promise<void> =>
      bucket.file('a').save('x', { metadata: { metadata: { k: 'v'.repeat(bytes - 1) } } })
    await save(8 * 1024)
    await expect(save(8 * 1024 + 1)).rejects.toMatchObject({ code: 400 })
  })

  it('refuses unsupported features by name', async () => {
    await expect(bucket.file('a').save('x', { metadata: { temporaryHold: true } })).rejects.toMatchObject({
      code: 501,
      message: expect.stringContaining('temporaryHold') as string,
    })
    await expect(bucket.file('a').save('x', { predefinedAcl: 'publicRead' })).rejects.toMatchObject({ code: 501 })
  })
})

describe('a listing', () => {
  const names = ['a', 'b/1', 'b/2', 'b/c/3', 'd', 'e/', 'e/x', 'Z', 'é']

  beforeEach(async () => {
    await Promise.all(names.map((name) => bucket.file(name).save(name, { resumable: false })))
  })

  const list = async (query: string): Promise<{ names: string[]; prefixes: string[]; next: string | undefined }> => {
    const answer = await storage.request(`/storage/v1/b/imagery-a/o?${query}`)
    const body = (await answer.json()) as { items?: { name: string }[]; prefixes?: string[]; nextPageToken?: string }
    return {
      names: (body.items ?? []).map(({ name }) => name),
      prefixes: body.prefixes ?? [],
      next: body.nextPageToken,
    }
  }

  it("is sorted by the names' bytes", async () => {
    const [files] = await bucket.getFiles()
    expect(files.map(({ name }) => name)).toEqual(['Z', 'a', 'b/1', 'b/2', 'b/c/3', 'd', 'e/', 'e/x', 'é'])
  })

  // https://cloud.google.com/storage/docs/json_api/v1/objects/list#parameters
  it.each([
    ['prefix=b/', ['b/1', 'b/2', 'b/c/3'], []],
    ['prefix=b/&delimiter=/', ['b/1', 'b/2'], ['b/c/']],
    ['delimiter=/', ['Z', 'a', 'd', 'é'], ['b/', 'e/']],
    ['delimiter=/&includeTrailingDelimiter=true', ['Z', 'a', 'd', 'e/', 'é'], ['b/', 'e/']],
    ['startOffset=b/2&endOffset=e/', ['b/2', 'b/c/3', 'd'], []],
    ['prefix=nothing', [], []],
  ])('with %s', async (query, expectedNames, prefixes) => {
    expect(await list(query)).toEqual({ names: expectedNames, prefixes, next: undefined })
  })

  it('is split into pages that have each name and prefix once', async () => {
    const found: string[] = []
    let token: string | undefined
    do {
      const page = await list(`delimiter=/&maxResults=2${token ? `&pageToken=${token}` : ''}`)
      expect(page.names.length + page.prefixes.length).toBeLessThanOrEqual(2)
      found.push(...page.names, ...page.prefixes)
      token = page.next
    } while (token)
    expect(found.toSorted()).toEqual(['Z', 'a', 'b/', 'd', 'e/', 'é'])
  })

  // The server's own ceiling for maxResults (https://cloud.google.com/storage/docs/json_api/v1/objects/list).
  it('has at most 1,000 results per page and continues on the next', async () => {
    const many = Array.from({ length: 1_005 }, (_, index) => `many/${String(index).padStart(4, '0')}`)
    for (let start = 0; start < many.length; start += 50) {
      const batch = many.slice(start, start + 50)
      await Promise.all(
        batch.map((name) =>
          storage.request(`/upload/storage/v1/b/imagery-a/o?uploadType=media&name=${name}`, {
            method: 'POST',
            body: 'x',
          }),
        ),
      )
    }
    const first = await list('prefix=many/&maxResults=5000')
    expect(first.names).toEqual(many.slice(0, 1_000))
    expect(await list(`prefix=many/&pageToken=${first.next}`)).toEqual({
      names: many.slice(1_000),
      prefixes: [],
      next: undefined,
    })
    expect(await list('delimiter=/&startOffset=f')).toEqual({ names: ['é'], prefixes: ['many/'], next: undefined })
  })

  it('ends even when names use the last character of Unicode', async () => {
    for (const name of ['last/\u{10FFFF}', 'last/\u{10FFFF}\u{10FFFF}', 'last/x']) {
      await bucket.file(name).save('x', { resumable: false })
    }
    expect(await list('delimiter=/&prefix=last')).toEqual({ names: [], prefixes: ['last/'], next: undefined })
  })

  it('refuses a page token that it did not issue', async () => {
    expect((await storage.request('/storage/v1/b/imagery-a/o?pageToken=!!')).status).toBe(400)
  })
})

describe('other methods', () => {
  it('copy and move an object with its metadata', async () => {
    await bucket.file('a').save('bytes', { contentType: 'image/png', metadata: { metadata: { k: 'v' } } })
    await bucket.file('a').copy(bucket.file('sub/b'))
    const [copied] = await bucket.file('sub/b').getMetadata()
    expect(copied).toMatchObject({ contentType: 'image/png', metadata: { k: 'v' }, size: '5' })
    await bucket.file('a').move('c')
    expect((await bucket.getFiles())[0].map(({ name }) => name)).toEqual(['c', 'sub/b'])
    expect((await bucket.file('c').download())[0].toString()).toBe('bytes')
  })

  it('refuse compose by name', async () => {
    await bucket.file('a').save('1')
    await expect(bucket.combine(['a', 'a'], 'b')).rejects.toMatchObject({
      code: 501,
      message: expect.stringContaining('compose') as string,
    })
  })

  it('also work without /storage/v1, as with STORAGE_EMULATOR_HOST', async () => {
    await bucket.file('a').save('1')
    expect(await (await storage.request('/b/imagery-a/o/a?alt=media')).text()).toBe('1')
    expect((await storage.request('/b/imagery-a/o/a')).status).toBe(200)
  })

  it('delete a whole prefix through the official client', async () => {
    await Promise.all(['x/1', 'x/2', 'y'].map((name) => bucket.file(name).save(name, { resumable: false })))
    await bucket.deleteFiles({ prefix: 'x/' })
    expect((await bucket.getFiles())[0].map(({ name }) => name)).toEqual(['y'])
  })

  it('provide bytes by gs:// URI to the other APIs', async () => {
    await bucket.file('dir/a').save('1')
    expect((await storage.api.readObject('gs://imagery-a/dir/a')).toString()).toBe('1')
    const [{ generation }] = await bucket.file('dir/a').getMetadata()
    expect((await storage.api.readObject(`gs://imagery-a/dir/a#${generation}`)).toString()).toBe('1')
    await expect(storage.api.readObject('gs://imagery-a/dir/a#17')).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await bucket.file('odd#17').save('2')
    expect((await storage.api.readObject('gs://imagery-a/odd#17')).toString()).toBe('2')
    await expect(storage.api.readObject('gs://imagery-a/none')).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await expect(storage.api.readObject('http://x')).rejects.toMatchObject({ status: 'INVALID_ARGUMENT' })
  })
})
