import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseGsUri } from '../../../src/contracts/gs-uri.ts'
import { folderRows } from '../../../src/services/source/folder-images.ts'
import { openImageFolders, readImageFile } from '../../../src/services/source/image-file.ts'
import { everySeed, FUZZ_TIMEOUT_MS, type Dice } from './seeds.ts'

let home: string
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'imagery-names-'))
})
afterAll(() => rm(home, { recursive: true }))

const ANY = { unit: 'asset', images: { max_per_unit: 99, pick: 'latest' } } as const
const PREFIX = 'runs/261123-9f3c1a7b/images/'
const JPEG = [0xff, 0xd8, 0xff, 0xe0]

const LIKE_ADDRESSES = [
  'data:',
  'data:,',
  'file:',
  'http:',
  'gs:',
  'C:',
  '..',
  '.',
  '~',
  '-',
  '#1600000000000000',
  '?generation=5',
  '%2F',
  '%00',
  '%',
  '.jpg',
  '.JPG',
  '.jpeg',
  ' ',
  '\\',
  '*',
  '$HOME',
  'null',
]

/** A path below a folder, which a file system may refuse. */
function anyPath(dice: Dice): string {
  const parts = Array.from({ length: 1 + dice.below(3) }, () =>
    Array.from({ length: 1 + dice.below(3) }, () => (dice.chance(50) ? dice.pick(LIKE_ADDRESSES) : dice.text(4))).join(
      '',
    ),
  )
  return path.posix.normalize(parts.join('/')).replace(/^\/+|\/+$/g, '')
}

/** Writes files with different contents. Returns those that the file system took. */
async function anyFiles(dice: Dice, folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (let number = 0; number < 8; number++) {
    const name = anyPath(dice)
    if (name === '.' || name.startsWith('..') || name === '' || name.includes('\0') || files.has(name)) continue
    const bytes = Buffer.from([...JPEG, number])
    try {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
      await writeFile(path.join(folder, name), bytes, { flag: 'wx' })
      files.set(name, bytes)
    } catch {
      // A part of the path is a file, or too long.
    }
  }
  return files
}

test(
  'every file of a folder is one image, with its own bytes, whatever its name is',
  async () => {
    await everySeed(150, async (dice, seed) => {
      const folder = path.join(home, String(seed))
      await mkdir(folder)
      const files = await anyFiles(dice, folder)
      if (files.size === 0) return
      const folders = await openImageFolders(folder, [])
      const { rows, warnings } = await folderRows({ given: 'folder', folder }, ANY)
      expect(warnings).toEqual([])
      expect(rows.map((row) => row.observation_id).toSorted()).toEqual([...files.keys()].toSorted())
      const objects = new Set<string>()
      for (const { asset_id, observation_id: name, gcs_uri: uri } of rows) {
        expect(asset_id).toBe(name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : name)
        const read = await readImageFile(uri, folders)
        const object = parseGsUri(`gs://images/${PREFIX}${uri}`)
        if (/\p{Cc}/u.test(name)) {
          expect([read, object]).toEqual([
            { refused: expect.stringContaining('control') },
            { fault: expect.anything() },
          ])
          continue
        }
        expect(read, JSON.stringify(name)).toEqual({ bytes: files.get(name) })
        expect(object, JSON.stringify(name)).toEqual({ bucket: 'images', path: `${PREFIX}${uri}` })
        objects.add(JSON.stringify(object))
      }
      expect(objects.size).toBe(rows.filter(({ observation_id: name }) => !/\p{Cc}/u.test(name)).length)
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'any image cell is a file below the folder or has a reason, and is never an error',
  async () => {
    const folder = path.join(home, 'cells')
    await mkdir(path.join(folder, 'inner'), { recursive: true })
    await writeFile(path.join(home, 'secret'), 'secret')
    await writeFile(path.join(folder, 'a.jpg'), 'a')
    await symlink('loop', path.join(folder, 'loop'))
    await symlink('..', path.join(folder, 'up'))
    const folders = await openImageFolders(folder, [])
    const pieces = [
      'a.jpg',
      'inner',
      'loop',
      'up',
      'cells',
      'secret',
      '/',
      '//',
      '..',
      '.',
      'x'.repeat(300),
      'file://',
      'file:///',
    ]
    await everySeed(1_500, async (dice) => {
      const parts = Array.from({ length: 1 + dice.below(6) }, () =>
        dice.chance(60) ? dice.pick([...pieces, ...LIKE_ADDRESSES]) : dice.text(3),
      )
      const cell = parts.join(dice.pick(['', '/']))
      const read = await readImageFile(cell, folders)
      if ('bytes' in read) expect(read.bytes.toString(), JSON.stringify(cell)).toBe('a')
      else expect(read.refused, JSON.stringify(cell)).toMatch(/^(?:is|has|does|names|cannot|was) [^\n]+$/)
    })
  },
  FUZZ_TIMEOUT_MS,
)
