import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

const chunk = 256 * 1024
let storage: StorageFixture
const clock = new ManualClock()

beforeEach(async () => {
  storage = await startStorage({ clock })
  await storage.client.createBucket('imagery-a')
})

afterEach(() => storage.stop())

async function begin(query = ''): Promise<string> {
  const answer = await storage.request(`/upload/storage/v1/b/imagery-a/o?uploadType=resumable&name=big${query}`, {
    method: 'POST',
    headers: { 'x-upload-content-type': 'image/jpeg' },
  })
  expect(answer.status).toBe(200)
  const location = new URL(String(answer.headers.get('location')))
  return location.pathname + location.search
}

async function put(session: string, contentRange: string, body?: Uint8Array): Promise<[number, string | null]> {
  const answer = await storage.request(session, {
    method: 'PUT',
    headers: { 'content-range': contentRange },
    ...(body ? { body: body as Uint8Array<ArrayBuffer> } : {}),
  })
  return [answer.status, answer.headers.get('range')]
}

// https://cloud.google.com/storage/docs/performing-resumable-uploads
describe('a resumable upload', () => {
  it('accepts chunks, reports its progress, and ends with the last one', async () => {
    const bytes = randomBytes(2 * chunk + 5)
    const session = await begin()
    expect(await put(session, 'bytes */*')).toEqual([308, null])
    expect(await put(session, `bytes 0-${chunk - 1}/*`, bytes.subarray(0, chunk))).toEqual([
      308,
      `bytes=0-${chunk - 1}`,
    ])
    expect(await put(session, 'bytes */*')).toEqual([308, `bytes=0-${chunk - 1}`])
    expect(await put(session, `bytes ${chunk}-${2 * chunk + 4}/${2 * chunk + 5}`, bytes.subarray(chunk))).toEqual([
      200,
      null,
    ])
    expect((await storage.api.readObject('gs://imagery-a/big')).equals(bytes)).toBe(true)
  })

  it('continues after a restart of the local cloud', async () => {
    const bytes = randomBytes(chunk + 100)
    const session = await begin()
    await put(session, `bytes 0-${chunk - 1}/*`, bytes.subarray(0, chunk))
    storage = await storage.restart()
    expect(await put(session, 'bytes */*')).toEqual([308, `bytes=0-${chunk - 1}`])
    expect(await put(session, `bytes ${chunk}-${chunk + 99}/${chunk + 100}`, bytes.subarray(chunk))).toEqual([
      200,
      null,
    ])
    expect((await storage.api.readObject('gs://imagery-a/big')).equals(bytes)).toBe(true)
  })

  it('answers a repeated last request with the existing object', async () => {
    const session = await begin()
    expect(await put(session, 'bytes 0-2/3', Buffer.from('abc'))).toEqual([200, null])
    expect(await put(session, 'bytes */3')).toEqual([200, null])
    expect(await put(session, 'bytes 0-2/3', Buffer.from('abc'))).toEqual([200, null])
    expect(await storage.api.describe()).toMatchObject({ objects: 1 })
  })

  it('keeps whole multiples of 256 KiB and refuses a smaller chunk that is not the last', async () => {
    const session = await begin()
    const [status] = await put(session, `bytes 0-${chunk - 2}/*`, randomBytes(chunk - 1))
    expect(status).toBe(400)
    expect(await put(session, `bytes 0-${chunk}/*`, randomBytes(chunk + 1))).toEqual([308, `bytes=0-${chunk - 1}`])
  })

  it('accepts repeated bytes without duplicating them, and refuses a gap', async () => {
    const bytes = randomBytes(chunk + 3)
    const session = await begin()
    await put(session, `bytes 0-${chunk - 1}/*`, bytes.subarray(0, chunk))
    expect((await put(session, `bytes ${chunk + 1}-${chunk + 2}/${chunk + 3}`, bytes.subarray(chunk + 1)))[0]).toBe(400)
    expect(await put(session, `bytes 0-${chunk + 2}/${chunk + 3}`, bytes)).toEqual([200, null])
    expect((await storage.api.readObject('gs://imagery-a/big')).equals(bytes)).toBe(true)
  })

  it('checks its precondition again at the end', async () => {
    const session = await begin('&ifGenerationMatch=0')
    await storage.client.bucket('imagery-a').file('big').save('someone else was faster', { resumable: false })
    expect((await put(session, 'bytes 0-2/3', Buffer.from('abc')))[0]).toBe(412)
  })

  it('ends when it is canceled', async () => {
    const session = await begin()
    expect((await storage.request(session, { method: 'DELETE' })).status).toBe(499)
    expect((await put(session, 'bytes */*'))[0]).toBe(404)
  })

  // https://cloud.google.com/storage/docs/resumable-uploads#session-uris: one week.
  it('ends after a week', async () => {
    const session = await begin()
    await clock.advance(7 * 24 * 3_600_000 - 1)
    expect((await put(session, 'bytes */*'))[0]).toBe(308)
    await clock.advance(1)
    expect((await put(session, 'bytes */*'))[0]).toBe(404)
  })
})

describe('after a crash', () => {
  it('files without metadata are deleted and everything else is kept', async () => {
    await storage.client.bucket('imagery-a').file('kept').save('kept', { resumable: false })
    const { directory } = storage
    const orphan = path.join(directory, 'content', 'ab', 'abandoned')
    const half = path.join(directory, 'incoming', 'half-written')
    mkdirSync(path.dirname(orphan), { recursive: true })
    writeFileSync(orphan, 'x')
    writeFileSync(half, 'x')
    storage = await storage.restart()
    const left = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(left.filter(({ name }) => !name.startsWith('storage.sqlite'))).toHaveLength(1)
    expect((await storage.api.readObject('gs://imagery-a/kept')).toString()).toBe('kept')
  })

  it('generations keep growing when the clock goes back', async () => {
    const file = storage.client.bucket('imagery-a').file('a')
    await clock.advance(3_600_000)
    await file.save('1', { resumable: false })
    const first = Number((await file.getMetadata())[0].generation)
    storage = await storage.restart(new ManualClock(0))
    await storage.client.bucket('imagery-a').file('a').save('2', { resumable: false })
    const [after] = await storage.client.bucket('imagery-a').file('a').getMetadata()
    expect(Number(after.generation)).toBeGreaterThan(first)
  })
})
