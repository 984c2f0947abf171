import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder } from '../../../src/services/local/make-folder.ts'
import { forgetViewedRun, rowsFile, rowsFolder, thumbnailsFolder } from '../../../src/services/view/cache-folder.ts'
import { ThumbnailCache } from '../../../src/services/view/thumbnail-cache.ts'

let cache: string

beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), 'imagery-cache-'))
})
afterAll(() => rm(cache, { recursive: true }))

async function view(runId: string): Promise<void> {
  const rows = { target: 'google:p/r', runId, table: 'p.d.t', version: '1' }
  const file = rowsFile(rowsFolder(cache), rows)
  await writeFile(file, 'rows')
  await writeFile(`${file}.wal`, 'rows')
  makeFolder(thumbnailsFolder(cache))
  await new ThumbnailCache(thumbnailsFolder(cache), runId).store('gs://b/a.jpg', Buffer.from('image'))
}

const files = async (): Promise<number[]> =>
  Promise.all([rowsFolder(cache), thumbnailsFolder(cache)].map(async (folder) => (await readdir(folder)).length))

test('a run whose results are deleted leaves no row and no image on this machine, and other runs keep theirs', async () => {
  await view('261123-9f3c1a7b')
  await view('261123-9f3c1a7c')
  expect(await files()).toEqual([4, 2])
  await forgetViewedRun(cache, '261123-9f3c1a7b')
  expect(await files()).toEqual([2, 1])
  const other = new ThumbnailCache(thumbnailsFolder(cache), '261123-9f3c1a7c')
  expect(await other.find('gs://b/a.jpg')).toEqual(Buffer.from('image'))
})

test('a run that was never viewed on this machine needs no folder', async () => {
  await expect(forgetViewedRun(path.join(cache, 'none'), '261123-9f3c1a7b')).resolves.toBeUndefined()
})
