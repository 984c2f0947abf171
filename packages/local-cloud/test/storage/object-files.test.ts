import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '../../src/contract/object-file.ts'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

let storage: StorageFixture

beforeEach(async () => {
  storage = await startStorage()
})

afterEach(() => storage.stop())

describe('a download', () => {
  it('of a large object names its file instead to a client that can open it', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    const bytes = randomBytes(1_000_000)
    await bucket.file('large').save(bytes)
    await bucket.file('small').save('small')
    await bucket.file('packed').save(bytes, { metadata: { contentEncoding: 'gzip' } })
    const ask = async (name: string, headers: Record<string, string> = {}) => {
      const url = `/storage/v1/b/imagery-a/o/${name}?alt=media`
      const answer = await storage.request(url, { headers: { [TAKES_FILE_HEADER]: 'yes', ...headers } })
      return { answer, file: answer.headers.get(OBJECT_FILE_HEADER) }
    }
    const { answer, file } = await ask('large')
    expect([answer.status, answer.headers.get('x-goog-stored-content-length')]).toEqual([200, '1000000'])
    expect(answer.headers.get('x-goog-hash')).toMatch(/^crc32c=\S+,md5=\S+$/)
    expect((await answer.arrayBuffer()).byteLength).toBe(0)
    expect(readFileSync(decodeURIComponent(file!)).equals(bytes)).toBe(true)
    expect((await ask('small')).file).toBeNull()
    expect((await ask('packed', { 'accept-encoding': 'gzip' })).file).toBeNull()
    const part = await ask('large', { range: 'bytes=10-99999' })
    expect([part.answer.status, part.file, part.answer.headers.get('content-range')]).toEqual([
      206,
      file,
      'bytes 10-99999/1000000',
    ])
    expect((await part.answer.arrayBuffer()).byteLength).toBe(0)
    const few = await ask('large', { range: 'bytes=10-99' })
    expect([few.file, Buffer.from(await few.answer.arrayBuffer()).equals(bytes.subarray(10, 100))]).toEqual([
      null,
      true,
    ])
  })
})
