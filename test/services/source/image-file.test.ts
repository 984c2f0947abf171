import { execFileSync, spawn } from 'node:child_process'
import { link, mkdir, mkdtemp, open, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openImageFolders, readImageFile, type ImageFolders } from '../../../src/services/source/image-file.ts'

const MIB = 1024 ** 2
/** Replaces the image's folder with a link to a folder outside, and restores it, as fast as it can. */
const SWAP = `const { renameSync } = require('node:fs')
for (;;) {
  renameSync('swapped', 'aside'); renameSync('evil', 'swapped')
  renameSync('swapped', 'evil'); renameSync('aside', 'swapped')
}`

const OUTSIDE =
  /^is outside the table's folder, so it was not read; allow its folder with imagery run --image-root FOLDER/

let home: string
let table: string
let other: string
let folders: ImageFolders

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'imagery-images-'))
  table = path.join(home, 'table')
  other = path.join(home, 'other')
  for (const folder of ['table/signs', 'other', 'table-2']) await mkdir(path.join(home, folder), { recursive: true })
  await writeFile(path.join(home, 'secret.key'), 'secret')
  await writeFile(path.join(home, 'table-2', 'a.jpg'), 'of a folder whose name begins the same')
  await writeFile(path.join(other, 'b.jpg'), 'other image')
  await writeFile(path.join(table, 'a.jpg'), 'image')
  await writeFile(path.join(table, 'signs', '..b.jpg'), 'two dots')
  await writeFile(path.join(table, '..%2fsecret.key'), 'percent')
  await symlink('../secret.key', path.join(table, 'link.jpg'))
  await symlink('signs/..b.jpg', path.join(table, 'inner-link.jpg'))
  await symlink(home, path.join(table, 'up'))
  await symlink('/dev/zero', path.join(table, 'zero.jpg'))
  await symlink('circle.jpg', path.join(table, 'circle.jpg'))
  await symlink('nowhere', path.join(table, 'dangling.jpg'))
  execFileSync('mkfifo', [path.join(table, 'pipe.jpg')])
  await writeFile(path.join(table, 'large.jpg'), '')
  await truncate(path.join(table, 'large.jpg'), 64 * MIB + 1)
  await writeFile(path.join(table, 'largest.jpg'), '')
  await truncate(path.join(table, 'largest.jpg'), 64 * MIB)
  folders = await openImageFolders(table, [])
})

afterAll(() => rm(home, { recursive: true }))

describe('a path that Windows wrote', () => {
  test('finds the image in its folder', async () => {
    expect(await readImageFile('signs\\..b.jpg', folders)).toMatchObject({ bytes: Buffer.from('two dots') })
    expect(await readImageFile('.\\a.jpg', folders)).toMatchObject({ bytes: Buffer.from('image') })
  })

  test('finds a file with a backslash in its name first', async () => {
    await mkdir(path.join(table, 'c'))
    await writeFile(path.join(table, 'c', 'd.jpg'), 'in a folder')
    await writeFile(path.join(table, 'c\\d.jpg'), 'backslash')
    expect(await readImageFile('c\\d.jpg', folders)).toMatchObject({ bytes: Buffer.from('backslash') })
  })

  test('leads nowhere outside', async () => {
    expect(await readImageFile('no\\such.jpg', folders)).toEqual({ refused: 'does not exist' })
    expect(await readImageFile('C:\\photos\\a.jpg', folders)).toEqual({ refused: 'does not exist' })
  })
})

describe('a path with spaces around it, as in a list after commas', () => {
  test('finds the image', async () => {
    for (const name of [' a.jpg', 'a.jpg ', '\u00a0.\\signs\\..b.jpg  '])
      expect(await readImageFile(name, folders), name).toHaveProperty('bytes')
  })

  test('finds a file with these spaces in its name first', async () => {
    await writeFile(path.join(table, ' e.jpg'), 'with a space')
    await writeFile(path.join(table, 'e.jpg'), 'without')
    expect(await readImageFile(' e.jpg', folders)).toMatchObject({ bytes: Buffer.from('with a space') })
    expect(await readImageFile('e.jpg ', folders)).toMatchObject({ bytes: Buffer.from('without') })
  })

  test('leads nowhere outside', async () => {
    expect(await readImageFile(' no.jpg', folders)).toEqual({ refused: 'does not exist' })
    expect(await readImageFile(' /etc/passwd', folders)).toEqual({ refused: expect.stringContaining('is outside') })
  })
})

describe('an image that a table names', () => {
  test.each([
    ['a.jpg', 'image'],
    ['./signs/../a.jpg', 'image'],
    ['signs/..b.jpg', 'two dots'],
    ['inner-link.jpg', 'two dots'],
    ['..%2fsecret.key', 'percent'],
    ['up/table/a.jpg', 'image'],
  ])('is read from the folder: %s', async (name, content) => {
    expect(await readImageFile(name, folders)).toEqual({ bytes: Buffer.from(content) })
  })

  test.each([
    ['cafe\u0301/no\u0308.jpg', 'caf\u00e9/n\u00f6.jpg'],
    ['\u00e9.jpg', 'e\u0301.jpg'],
  ])('is found when its name is written in another Unicode form: %j', async (onDisk, inTable) => {
    await mkdir(path.dirname(path.join(table, onDisk)), { recursive: true })
    await writeFile(path.join(table, onDisk), 'same text')
    expect(await readImageFile(inTable, folders)).toEqual({ bytes: Buffer.from('same text') })
    expect(await readImageFile(onDisk, folders)).toEqual({ bytes: Buffer.from('same text') })
  })

  test.each(['file:a.jpg', 'file:%2F.jpg', 'file:%00.jpg', 'http:a.jpg'])(
    'has a name, not an address, without slashes behind its colon: %s',
    async (name) => {
      expect(await readImageFile(name, folders)).toEqual({ refused: 'does not exist' })
      await writeFile(path.join(table, name), name)
      expect(await readImageFile(name, folders)).toEqual({ bytes: Buffer.from(name) })
    },
  )

  test('is the one with exactly its name if two names are the same text', async () => {
    await writeFile(path.join(table, 'u\u0308.jpg'), 'two characters')
    await writeFile(path.join(table, '\u00fc.jpg'), 'one character')
    expect(await readImageFile('\u00fc.jpg', folders)).toEqual({ bytes: Buffer.from('one character') })
    expect(await readImageFile('u\u0308.jpg', folders)).toEqual({ bytes: Buffer.from('two characters') })
  })

  test('is read by its full path and by its file:// URL', async () => {
    const url = pathToFileURL(path.join(table, 'a.jpg')).href
    expect(await readImageFile(url, folders)).toEqual({ bytes: Buffer.from('image') })
    expect(await readImageFile(path.join(table, 'a.jpg'), folders)).toEqual({ bytes: Buffer.from('image') })
    // As Spark and Java write it.
    expect(await readImageFile(url.replace('file:///', 'file:/'), folders)).toEqual({ bytes: Buffer.from('image') })
  })

  test.each<[string, RegExp]>([
    ['../secret.key', OUTSIDE],
    ['./signs/../../secret.key', OUTSIDE],
    ['up/secret.key', OUTSIDE],
    ['/etc/passwd', OUTSIDE],
    ['/dev/zero', OUTSIDE],
    ['/dev/stdin', OUTSIDE],
    ['/proc/self/environ', OUTSIDE],
    ['/no/such/file.jpg', OUTSIDE],
    ['../table-2/a.jpg', OUTSIDE],
    ['link.jpg', OUTSIDE],
    ['zero.jpg', OUTSIDE],
    ['%2e%2e/secret.key', /^does not exist$/],
    [String.raw`..\secret.key`, OUTSIDE],
    ['dangling.jpg', /^does not exist$/],
    ['a.jpg/b.jpg', /^does not exist$/],
    ['file:///etc/passwd', OUTSIDE],
    ['file://server/share/a.jpg', /^is a file:\/\/ URL of another machine/],
    ['HTTPS://example.com/a.jpg', /^is a web address/],
    ['s3://images/a.jpg', /^is an address of another service \(s3:\/\/\)/],
    ['data:image/png;base64,AAAA', /^is the image itself/],
    ['a\tb.jpg', /^has a control character/],
    ['a\nb.jpg', /^has a control character/],
    [`${'x'.repeat(256)}.jpg`, /^cannot be read: .*\(ENAMETOOLONG\)$/],
    ['up/secret\u0301.key', /^does not exist$/],
    ['a.jpg\0.png', /^has a control character/],
    ['', /^names no file$/],
    [' ', /^names no file$/],
    ['.', /^is a folder, not a file$/],
    ['signs', /^is a folder, not a file$/],
    ['pipe.jpg', /^is a pipe, not a file$/],
    ['circle.jpg', /^cannot be read: .*\(ELOOP\)$/],
    [`${'long'.repeat(200)}.jpg`, /^cannot be read: .*\(ENAMETOOLONG\)$/],
    ['large.jpg', /^is larger than 64 MiB$/],
  ])('is left out with its reason: %j', async (name, reason) => {
    expect(await readImageFile(name, folders)).toEqual({ refused: expect.stringMatching(reason) })
  })

  test('may have as many bytes as the limit', async () => {
    const file = await readImageFile('largest.jpg', folders)
    expect('bytes' in file && file.bytes.length).toBe(64 * MIB)
  })

  test('may not be a socket', async () => {
    const server = createServer().listen(path.join(table, 's.jpg'))
    await once(server, 'listening')
    expect(await readImageFile('s.jpg', folders)).toEqual({ refused: 'is a socket, not a file' })
    server.close()
  })

  test('leaves no file open, whatever the outcome', async () => {
    const count = async (): Promise<number> => (await readdir('/proc/self/fd')).length
    await readImageFile('a.jpg', folders)
    const before = await count()
    for (const name of ['a.jpg', 'large.jpg', 'pipe.jpg', '../secret.key']) await readImageFile(name, folders)
    expect(await count()).toBe(before)
  })

  test('is never replaced by another file during the read', async () => {
    const image = path.join(table, 'swapped', 'x.key')
    await mkdir(path.dirname(image))
    await writeFile(image, 'image')
    await mkdir(path.join(home, 'outside'))
    await link(path.join(home, 'secret.key'), path.join(home, 'outside', 'x.key'))
    await symlink('../outside', path.join(table, 'evil'))
    const swapper = spawn(process.execPath, ['-e', SWAP], { cwd: table })
    const seen = new Set<string>()
    for (const end = Date.now() + 1_500; Date.now() < end;) {
      const file = await readImageFile('swapped/x.key', folders)
      seen.add('bytes' in file ? file.bytes.toString() : 'refused')
    }
    swapper.kill()
    await once(swapper, 'exit')
    expect([...seen]).not.toContain('secret')
    expect(seen).toEqual(new Set(['image', 'refused']))
  })
})

describe('additional allowed folders', () => {
  test('are read too, by full paths and through links, and nothing next to them', async () => {
    const more = await openImageFolders(table, [other])
    expect(await readImageFile(path.join(other, 'b.jpg'), more)).toEqual({ bytes: Buffer.from('other image') })
    expect(await readImageFile('../other/b.jpg', more)).toEqual({ bytes: Buffer.from('other image') })
    expect(await readImageFile('../secret.key', more)).toEqual({ refused: expect.stringMatching(OUTSIDE) })
  })

  test('may be links, like the table’s own folder', async () => {
    await symlink(table, path.join(home, 'table-link'))
    await symlink(other, path.join(home, 'other-link'))
    const linked = await openImageFolders(path.join(home, 'table-link'), [path.join(home, 'other-link')])
    expect(await readImageFile('a.jpg', linked)).toEqual({ bytes: Buffer.from('image') })
    expect(await readImageFile(path.join(home, 'other-link', 'b.jpg'), linked)).toMatchObject({
      bytes: expect.anything(),
    })
    expect(await readImageFile(path.join(other, 'b.jpg'), linked)).toMatchObject({ bytes: expect.anything() })
    expect(await readImageFile('../secret.key', linked)).toEqual({ refused: expect.stringMatching(OUTSIDE) })
  })

  test('that do not exist are named', async () => {
    await expect(openImageFolders(table, [path.join(home, 'gone')])).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(path.join(home, 'gone')),
    })
  })

  test('may be the whole disk', async () => {
    const all = await openImageFolders(table, ['/'])
    expect(await readImageFile('../secret.key', all)).toEqual({ bytes: Buffer.from('secret') })
    expect(await readImageFile('/dev/zero', all)).toEqual({ refused: 'is a device, not a file' })
    // Files generated by the kernel have no size.
    expect(await readImageFile('/proc/self/status', all)).toMatchObject({ bytes: expect.anything() })
  })
})

test('a file that grows while it is read is read up to the limit', async () => {
  const file = path.join(table, 'growing.jpg')
  const handle = await open(file, 'w')
  await handle.truncate(64 * MIB)
  let stop = false
  const growing = (async () => {
    for (let size = 64 * MIB; !stop; size += MIB) {
      await handle.truncate(size)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const image = await readImageFile('growing.jpg', folders)
  stop = true
  await growing
  await handle.close()
  expect('bytes' in image ? image.bytes.length : image.refused).toSatisfy(
    (seen: unknown) => seen === 64 * MIB || seen === 'is larger than 64 MiB',
  )
})
