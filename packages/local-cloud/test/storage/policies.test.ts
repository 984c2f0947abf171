import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

let storage: StorageFixture

beforeEach(async () => {
  storage = await startStorage()
})
afterEach(() => storage.stop())

const reader = {
  role: 'roles/storage.objectViewer',
  members: ['serviceAccount:runtime@imagery-local.iam.gserviceaccount.com'],
}

describe('the policy of a bucket', () => {
  it('grants a new bucket to the owners, editors and viewers of its project', async () => {
    const uniform = { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } }
    const [bucket] = await storage.client.createBucket('imagery-a', uniform)
    const [policy] = await bucket.iam.getPolicy()
    expect(policy).toMatchObject({ kind: 'storage#policy', resourceId: 'projects/_/buckets/imagery-a', etag: 'ACAB' })
    expect(policy.bindings).toEqual([
      {
        role: 'roles/storage.legacyBucketOwner',
        members: ['projectEditor:imagery-local', 'projectOwner:imagery-local'],
      },
      { role: 'roles/storage.legacyBucketReader', members: ['projectViewer:imagery-local'] },
      {
        role: 'roles/storage.legacyObjectOwner',
        members: ['projectEditor:imagery-local', 'projectOwner:imagery-local'],
      },
      { role: 'roles/storage.legacyObjectReader', members: ['projectViewer:imagery-local'] },
    ])
  })

  it('is replaced as a whole, but not by a writer with a stale etag, and survives a restart', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    const [before] = await bucket.iam.getPolicy()
    await bucket.iam.setPolicy({ ...before, bindings: [...before.bindings, reader] })
    await expect(bucket.iam.setPolicy({ ...before, bindings: [] })).rejects.toMatchObject({ code: 412 })
    storage = await storage.restart()
    const [after] = await storage.client.bucket('imagery-a').iam.getPolicy()
    expect(after.bindings).toContainEqual(reader)
    expect(after.etag).not.toBe(before.etag)
  })

  it('accepts only roles of Cloud Storage', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    for (const role of ['roles/run.invoker', 'roles/storage.emperor']) {
      await expect(bucket.iam.setPolicy({ bindings: [{ ...reader, role }] })).rejects.toMatchObject({ code: 400 })
    }
  })

  it('admits no public member where public access is prevented', async () => {
    const open = { bindings: [{ role: 'roles/storage.objectViewer', members: ['allUsers'] }] }
    const [prevented] = await storage.client.createBucket('imagery-a', {
      iamConfiguration: { publicAccessPrevention: 'enforced' },
    })
    await expect(prevented.iam.setPolicy(open)).rejects.toMatchObject({
      code: 412,
      message: expect.stringContaining('public access prevention') as string,
    })
    const [inherited] = await storage.client.createBucket('imagery-b')
    await inherited.iam.setPolicy(open)
  })

  it('is deleted with its bucket', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    await bucket.iam.setPolicy({ bindings: [reader] })
    await bucket.delete()
    const [made] = await storage.client.createBucket('imagery-a')
    const [policy] = await made.iam.getPolicy()
    expect(policy.bindings).not.toContainEqual(reader)
  })

  it('determines what testPermissions returns', async () => {
    const [bucket] = await storage.client.createBucket('imagery-a')
    const ask = async () =>
      (await bucket.iam.testPermissions(['storage.objects.get', 'storage.objects.list', 'storage.buckets.delete']))[0]
    expect(await ask()).toEqual({
      'storage.objects.get': true,
      'storage.objects.list': true,
      'storage.buckets.delete': true,
    })
    await bucket.iam.setPolicy({ bindings: [] })
    expect(await ask()).toMatchObject({ 'storage.objects.list': false, 'storage.buckets.delete': true })
  })
})
