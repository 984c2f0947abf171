import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SUPPORT as IDENTITY_SUPPORT } from '../../src/apis/identity/support.ts'
import { SUPPORT as STORAGE_SUPPORT } from '../../src/apis/storage/support.ts'
import { startStorage, type StorageFixture } from './storage-fixture.ts'

let storage: StorageFixture

beforeAll(async () => {
  storage = await startStorage()
  await storage.client.createBucket('imagery-a')
  await storage.client.bucket('imagery-a').file('a').save('a', { resumable: false })
})

afterAll(() => storage.stop())

// Every method of https://cloud.google.com/storage/docs/json_api/v1 that is not emulated. One that
// starts to work fails its case, and then `support.ts` must say so.
describe('an unsupported method is refused by name', () => {
  it.each([
    ['POST', '/storage/v1/b/imagery-a/lockRetentionPolicy'],
    ['POST', '/storage/v1/b/imagery-a/relocate'],
    ['POST', '/storage/v1/b/imagery-a/restore'],
    ['GET', '/storage/v1/b/imagery-a/storageLayout'],
    ['GET', '/storage/v1/b/imagery-a/acl'],
    ['GET', '/storage/v1/b/imagery-a/defaultObjectAcl'],
    ['GET', '/storage/v1/b/imagery-a/notificationConfigs'],
    ['GET', '/storage/v1/b/imagery-a/folders'],
    ['GET', '/storage/v1/b/imagery-a/managedFolders'],
    ['GET', '/storage/v1/b/imagery-a/anywhereCaches'],
    ['GET', '/storage/v1/b/imagery-a/operations'],
    ['GET', '/storage/v1/b/imagery-a/o/a/acl'],
    ['POST', '/storage/v1/b/imagery-a/o/a/compose'],
    ['POST', '/storage/v1/b/imagery-a/o/a/restore'],
    ['POST', '/storage/v1/b/imagery-a/o/a/moveTo/o/b'],
    ['POST', '/storage/v1/b/imagery-a/o/bulkRestore'],
    ['POST', '/storage/v1/b/imagery-a/o/watch'],
    ['GET', '/storage/v1/projects/p/hmacKeys'],
    ['GET', '/storage/v1/projects/p/serviceAccount'],
    ['POST', '/storage/v1/channels/stop'],
    ['POST', '/batch/storage/v1'],
    ['GET', '/imagery-a/a'],
  ])('%s %s', async (method, route) => {
    const answer = await storage.request(route, { method })
    const path = route.split('?')[0]
    expect([answer.status, await answer.json()]).toMatchObject([
      501,
      {
        error: { code: 501, status: 'UNIMPLEMENTED', message: expect.stringContaining(`${method} ${path}`) as string },
      },
    ])
  })

  it.each([
    [
      'storage.objects.insert',
      'POST',
      '/upload/storage/v1/b/imagery-a/o?uploadType=media&name=b&predefinedAcl=publicRead',
    ],
    ['storage.objects.list', 'GET', '/storage/v1/b/imagery-a/o?matchGlob=**'],
    ['storage.objects.list', 'GET', '/storage/v1/b/imagery-a/o?softDeleted=true'],
  ])('%s with an unsupported option that would change its result', async (_, method, route) => {
    expect((await storage.request(route, { method })).status).toBe(501)
    expect(await storage.api.describe()).toMatchObject({ objects: 1 })
  })
})

it('lists each line of the support matrix once, with a note wherever something is missing', () => {
  for (const entries of [STORAGE_SUPPORT, IDENTITY_SUPPORT]) {
    expect(new Set(entries.map(({ method }) => method)).size).toBe(entries.length)
    expect(entries.filter(({ state, note }) => state === 'partly' && note === '')).toEqual([])
  }
})
