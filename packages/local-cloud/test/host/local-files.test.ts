import { execFileSync } from 'node:child_process'
import { link, mkdtemp, open, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityOf, MOST_LOCAL_FILES, type LocalFile, type LocalFilesResponse } from '../../src/contract/local-file.ts'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '../../src/contract/object-file.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import { admin, callApi } from './local-cloud-fixture.ts'

let cloud: LocalCloud
let data: string
let photos: string

beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'imagery-cloud-'))
  photos = await mkdtemp(path.join(tmpdir(), 'imagery-photos-'))
  cloud = await startLocalCloud({ dataDir: data, allServicesEnabled: true })
  const body = JSON.stringify({ name: 'photos', location: 'US' })
  const headers = { 'content-type': 'application/json' }
  const made = await callApi(cloud, '/storage/v1/b?project=imagery-local', { method: 'POST', headers, body })
  expect(made.status).toBe(200)
})

afterAll(async () => {
  await cloud.stop()
  for (const folder of [data, photos]) await rm(folder, { recursive: true })
})

async function photo(name: string, content: string | Buffer): Promise<string> {
  const file = path.join(photos, name)
  await rm(file, { force: true })
  await writeFile(file, content)
  return file
}

async function describeFile(file: string, name = path.basename(file)): Promise<LocalFile> {
  const identity = identityOf(await stat(file, { bigint: true }))
  return { bucket: 'photos', name, contentType: 'image/jpeg', path: file, file: identity }
}

async function storeFiles(
  target: LocalCloud,
  files: readonly unknown[],
): Promise<{ status: number; objects: LocalFilesResponse['objects'] }> {
  const { status, body } = await admin(target, 'POST', 'objects', { files })
  return { status, objects: (body as Partial<LocalFilesResponse>).objects ?? [] }
}

/** Makes one object. Returns its generation. */
async function storeFile(target: LocalCloud, file: LocalFile): Promise<string> {
  const { status, objects } = await storeFiles(target, [file])
  expect({ status, objects }).toEqual({ status: 200, objects: [{ generation: expect.stringMatching(/^\d+$/) }] })
  return (objects[0] as { generation: string }).generation
}

async function download(name: string): Promise<{ bytes: Buffer; hash: string | null }> {
  const answer = await callApi(cloud, `/storage/v1/b/photos/o/${encodeURIComponent(name)}?alt=media`)
  expect(answer.status).toBe(200)
  return { bytes: Buffer.from(await answer.arrayBuffer()), hash: answer.headers.get('x-goog-hash') }
}

describe('a file of this machine', () => {
  it('becomes an object with its bytes and CRC32C, without an MD5, as a composite object', async () => {
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 7, 'photo')
    const file = await photo('whole.jpg', bytes)
    await storeFile(cloud, await describeFile(file, 'runs/1/a b.jpg'))
    expect((await download('runs/1/a b.jpg')).bytes.equals(bytes)).toBe(true)
    // An upload of the same bytes, whose checksums the official client checks elsewhere.
    const upload = '/upload/storage/v1/b/photos/o?uploadType=media&name=uploaded.jpg'
    const headers = { 'content-type': 'image/jpeg' }
    const uploaded = await callApi(cloud, upload, { method: 'POST', headers, body: new Uint8Array(bytes) })
    const { crc32c } = (await uploaded.json()) as { crc32c: string }
    const resource = (await (await callApi(cloud, '/storage/v1/b/photos/o/runs%2F1%2Fa%20b.jpg')).json()) as object
    expect(resource).toMatchObject({ crc32c, size: String(bytes.length), contentType: 'image/jpeg' })
    expect(resource).not.toHaveProperty('md5Hash')
    expect((await download('runs/1/a b.jpg')).hash).toBe(`crc32c=${crc32c}`)
  })

  it('can be edited in place, cut and deleted, and the object stays as it was', async () => {
    const file = await photo('edited.jpg', 'before')
    await storeFile(cloud, await describeFile(file))
    const handle = await open(file, 'r+')
    await handle.write('AFTER!', 0)
    await handle.close()
    expect((await download('edited.jpg')).bytes.toString()).toBe('before')
    await rm(file)
    expect((await download('edited.jpg')).bytes.toString()).toBe('before')
  })

  it('that is empty or has more than one name becomes an object too, and replaces an older one', async () => {
    const file = await photo('empty.jpg', '')
    const other = await photo('linked.jpg', 'linked')
    await link(other, path.join(photos, 'second-name.jpg'))
    await storeFile(cloud, await describeFile(file, 'same.jpg'))
    expect((await download('same.jpg')).bytes.length).toBe(0)
    const again = await describeFile(path.join(photos, 'second-name.jpg'), 'same.jpg')
    await storeFile(cloud, again)
    expect((await download('same.jpg')).bytes.toString()).toBe('linked')
  })
})

describe('a file that becomes an object again', () => {
  // Files of the test are too new to be known by their times.
  const HOUR_MS = 3_600_000
  let later: LocalCloud
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imagery-cloud-'))
    const clock = { ...systemClock, now: () => Date.now() + HOUR_MS }
    later = await startLocalCloud({ dataDir: folder, allServicesEnabled: true, clock })
    const body = JSON.stringify({ name: 'photos', location: 'US' })
    const headers = { 'content-type': 'application/json' }
    await callApi(later, '/storage/v1/b?project=imagery-local', { method: 'POST', headers, body })
  })

  afterAll(async () => {
    await later.stop()
    await rm(folder, { recursive: true })
  })

  async function store(file: string, name: string): Promise<void> {
    await storeFile(later, await describeFile(file, name))
  }

  async function stored(name: string): Promise<{ text: string; hash: string | null; inode: number }> {
    const url = `/storage/v1/b/photos/o/${name}?alt=media`
    const answer = await callApi(later, url, { headers: { [TAKES_FILE_HEADER]: 'yes' } })
    const file = decodeURIComponent(answer.headers.get(OBJECT_FILE_HEADER) ?? '')
    const { ino } = await stat(file)
    return { text: await readFile(file, 'latin1'), hash: answer.headers.get('x-goog-hash'), inode: ino }
  }

  it('shares its copy and checksum, which outlive the first object', async () => {
    const file = await photo('again.jpg', Buffer.alloc(600_000, 'a'))
    await store(file, 'first')
    await store(file, 'second')
    const [first, second] = [await stored('first'), await stored('second')]
    expect(second).toEqual(first)
    expect(first.inode).not.toBe((await stat(file)).ino)
    await callApi(later, '/storage/v1/b/photos/o/first', { method: 'DELETE' })
    expect(await stored('second')).toEqual(first)
  })

  it('is copied again after an edit that leaves its size and its time as they were', async () => {
    const file = await photo('same-times.jpg', Buffer.alloc(600_000, 'a'))
    const { atime, mtime } = await stat(file)
    await utimes(file, atime, mtime)
    const { mtimeNs } = await stat(file, { bigint: true })
    await store(file, 'before')
    const handle = await open(file, 'r+')
    await handle.write('b', 0)
    await handle.utimes(atime, mtime)
    await handle.close()
    expect((await stat(file, { bigint: true })).mtimeNs).toBe(mtimeNs)
    await store(file, 'after')
    expect([(await stored('before')).text[0], (await stored('after')).text[0]]).toEqual(['a', 'b'])
    expect((await stored('after')).hash).not.toBe((await stored('before')).hash)
  })

  it('is copied again if it has just changed, when its times may not tell', async () => {
    const file = await photo('new.jpg', Buffer.alloc(600_000, 'a'))
    const inodes = []
    for (const name of ['new-1.jpg', 'new-2.jpg']) {
      await storeFile(cloud, await describeFile(file, name))
      const url = `/storage/v1/b/photos/o/${name}?alt=media`
      const answer = await callApi(cloud, url, { headers: { [TAKES_FILE_HEADER]: 'yes' } })
      inodes.push((await stat(decodeURIComponent(answer.headers.get(OBJECT_FILE_HEADER) ?? ''))).ino)
    }
    expect(new Set(inodes).size).toBe(2)
  })
})

describe('a request for a file is refused, and leaves nothing behind,', () => {
  it.each<[string, (file: string) => Promise<Partial<LocalFile>>, number]>([
    ['when another file has taken its place', (file) => replaced(file), 400],
    ['when a link has taken its place', (file) => linked(file), 400],
    ['when it was edited since', (file) => touched(file), 400],
    ['when it became longer since', (file) => lengthened(file), 400],
    ['when it does not exist', (file) => removed(file), 400],
    ['for a folder', async () => ({ path: photos, file: identityOf(await stat(photos, { bigint: true })) }), 400],
    ['for a pipe', (file) => pipe(file), 400],
    ['for a device', async () => describeFile('/dev/zero'), 400],
    ['for an invalid object name', async () => ({ name: 'a\nb' }), 400],
    ['for a bucket that does not exist', async () => ({ bucket: 'no-such-bucket' }), 404],
  ])('%s', async (_when, change, status) => {
    const file = await photo('refused.jpg', 'photo')
    const request = await describeFile(file)
    const other = await describeFile(await photo('other-file.jpg', 'other'), `other-${status}.jpg`)
    const { status: whole, objects } = await storeFiles(cloud, [other, { ...request, ...(await change(file)) }])
    expect(whole).toBe(200)
    // The others of the request become objects.
    expect(objects).toEqual([
      { generation: expect.stringMatching(/^\d+$/) },
      { error: { code: status, message: expect.any(String) as string } },
    ])
    expect((await download(other.name)).bytes.toString()).toBe('other')
    expect((await callApi(cloud, '/storage/v1/b/photos/o/refused.jpg')).status).toBe(404)
    expect(await readdir(path.join(data, 'storage', 'incoming'))).toEqual([])
  })

  it.each<[string, (file: LocalFile) => unknown[]]>([
    ['without what identifies one file', (file) => [file, { ...file, file: {} }]],
    ['for no file', () => []],
    ['for too many files', (file) => Array.from({ length: MOST_LOCAL_FILES + 1 }, () => file)],
  ])('%s', async (_when, files) => {
    const file = await describeFile(await photo('refused.jpg', 'photo'))
    expect((await storeFiles(cloud, files(file))).status).toBe(400)
    expect((await callApi(cloud, '/storage/v1/b/photos/o/refused.jpg')).status).toBe(404)
  })

  it('without the token of the locator file', async () => {
    const body = JSON.stringify({ files: [await describeFile(await photo('secret.jpg', 'photo'))] })
    const answer = await fetch(`${cloud.locator.http}/_imagery/objects`, { method: 'POST', body })
    expect(answer.status).toBe(403)
  })
})

async function replaced(file: string): Promise<object> {
  await rename(await photo('other.jpg', 'other'), file)
  return {}
}

async function linked(file: string): Promise<object> {
  await rename(file, `${file}.moved`)
  await symlink(`${file}.moved`, file)
  return {}
}

async function touched(file: string): Promise<object> {
  await utimes(file, new Date(), new Date(Date.now() + 5_000))
  return {}
}

async function lengthened(file: string): Promise<object> {
  await writeFile(file, 'longer than before')
  return {}
}

async function removed(file: string): Promise<object> {
  await rm(file)
  return {}
}

async function pipe(file: string): Promise<Partial<LocalFile>> {
  await rm(file)
  execFileSync('mkfifo', [file])
  return describeFile(file)
}
