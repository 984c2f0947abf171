import type { CreateBucketRequest } from '@google-cloud/storage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

let storage: StorageFixture

beforeEach(async () => {
  storage = await startStorage()
})

afterEach(() => storage.stop())

describe('a bucket', () => {
  it('is created, read, listed and deleted', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a', {
      location: 'europe-west1',
      iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
      labels: { team: 'trees' },
      lifecycle: { rule: [{ action: { type: 'Delete' }, condition: { age: 7 } }] },
    } as CreateBucketRequest)
    // https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
    expect(bucket.metadata).toMatchObject({
      kind: 'storage#bucket',
      id: 'imagery-a',
      name: 'imagery-a',
      projectNumber: '123456789012',
      location: 'EUROPE-WEST1',
      locationType: 'region',
      storageClass: 'STANDARD',
      metageneration: '1',
      labels: { team: 'trees' },
      lifecycle: { rule: [{ action: { type: 'Delete' }, condition: { age: 7 } }] },
      iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
    })
    await storage.client.createBucket('imagery-b')
    const [buckets] = await storage.client.getBuckets()
    expect(buckets.map(({ name }) => name)).toEqual(['imagery-a', 'imagery-b'])
    expect((await storage.client.getBuckets({ prefix: 'imagery-b' }))[0].map(({ name }) => name)).toEqual(['imagery-b'])
    await bucket.delete()
    expect((await bucket.exists())[0]).toBe(false)
  })

  it('is in the US when no location is given', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    expect(bucket.metadata).toMatchObject({ location: 'US', locationType: 'multi-region' })
  })

  it('merges labels, removes them by null, and counts both in its metageneration', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a', {
      labels: { one: '1', two: '2' },
    } as CreateBucketRequest)
    const [metadata] = await bucket.setMetadata({ labels: { two: null, three: '3' } })
    expect(metadata).toMatchObject({ labels: { one: '1', three: '3' }, metageneration: '2' })
    expect(metadata.labels).not.toHaveProperty('two')
  })

  it('is refused a second time with 409, for every caller', async () => {
    await storage.client.createBucket('imagery-a')
    await expect(storage.client.createBucket('imagery-a')).rejects.toMatchObject({
      code: 409,
      message: expect.stringContaining('you already own it') as string,
    })
    const other = await storage.request('/storage/v1/b?project=other', {
      method: 'POST',
      body: JSON.stringify({ name: 'imagery-a' }),
    })
    expect(other.status).toBe(409)
    expect(await other.text()).toContain('namespace is shared by all users')
  })

  // https://cloud.google.com/storage/docs/deleting-buckets: a bucket must be empty.
  it('cannot be deleted while it has objects', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    await bucket.file('x').save('x')
    await expect(bucket.delete()).rejects.toMatchObject({ code: 409 })
  })

  it('answers 404 when it does not exist', async () => {
    await expect(storage.client.bucket('imagery-none').getMetadata()).rejects.toMatchObject({
      code: 404,
      message: expect.stringContaining('The specified bucket does not exist.') as string,
    })
    await expect(storage.client.bucket('imagery-none').getFiles()).rejects.toMatchObject({ code: 404 })
    await expect(storage.client.bucket('imagery-none').file('x').save('x')).rejects.toMatchObject({ code: 404 })
  })

  // https://cloud.google.com/storage/docs/buckets#naming
  it.each([
    ['ab', 'two characters'],
    ['a'.repeat(64), '64 characters'],
    ['Imagery', 'upper case'],
    ['-imagery', 'a dash at the beginning'],
    ['imagery_', 'an underscore at the end'],
    ['192.168.5.4', 'an IP address'],
    ['goog-imagery', 'the prefix goog'],
    ['my-google-images', 'the word google'],
    ['my-g00gle-images', 'a misspelling of google'],
    ['a..b', 'an empty part'],
    ['imagery bucket', 'a space'],
  ])('may not be called %s: %s', async (name) => {
    const answer = await storage.request('/storage/v1/b?project=imagery-local', {
      method: 'POST',
      body: JSON.stringify({ name }),
    })
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { message: `Invalid bucket name: '${name}'`, errors: [{ reason: 'invalid' }] } },
    ])
  })

  it.each([['a'.repeat(63)], ['abc'], ['my-travel-maps'], ['0f75d593-e7b4'], ['example.com']])(
    'may be called %s',
    async (name) => {
      await storage.client.createBucket(name)
      expect((await storage.client.bucket(name).exists())[0]).toBe(true)
    },
  )

  it('refuses an unknown location, and unsupported features by name', async () => {
    await expect(storage.client.createBucket('imagery-a', { location: 'the moon' })).rejects.toMatchObject({
      code: 400,
    })
    await expect(storage.client.createBucket('imagery-a', { versioning: { enabled: true } })).rejects.toMatchObject({
      code: 501,
      message: expect.stringContaining('versioning') as string,
    })
  })

  it('must match the metageneration that the caller names', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    await expect(bucket.setMetadata({ labels: { a: 'b' } }, { ifMetagenerationMatch: 7 })).rejects.toMatchObject({
      code: 412,
    })
    await bucket.setMetadata({ labels: { a: 'b' } }, { ifMetagenerationMatch: 1 })
    const unchanged = await storage.request('/storage/v1/b/imagery-a?ifMetagenerationNotMatch=2')
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
  })
})
