import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderRows } from '../../../src/services/source/folder-images.ts'
import { withScratchFolder } from '../../../src/services/source/scratch-folder.ts'

const CHOICE = { unit: 'asset', images: { max_per_unit: 6, pick: 'latest' } } as const

/** The beginning of a JPEG file. */
const JPEG = '\xff\xd8\xff\xe0'

let home: string

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'imagery-folder-'))
})

afterAll(() => execFileSync('rm', ['-rf', home]))

async function folder(name: string, ...images: string[]): Promise<{ given: string; folder: string }> {
  const made = path.join(home, name)
  await mkdir(made)
  for (const image of images) {
    await mkdir(path.dirname(path.join(made, image)), { recursive: true })
    await writeFile(path.join(made, image), '')
  }
  return { given: name, folder: made }
}

describe('a folder of images', () => {
  test("lists every entry with an image's name, even links and pipes, and counts the rest", async () => {
    const source = await folder('mixed', 'a.jpg', 'deep/er/b.PNG', 'notes.txt')
    execFileSync('mkfifo', [path.join(source.folder, 'pipe.jpg')])
    execFileSync('mkfifo', [path.join(source.folder, 'pipe')])
    await symlink('/etc/passwd', path.join(source.folder, 'link.jpg'))
    await symlink('/etc/passwd', path.join(source.folder, 'link'))
    await symlink('/etc', path.join(source.folder, 'outside'))
    await symlink('..', path.join(source.folder, 'deep', 'round'))
    await symlink('nowhere', path.join(source.folder, 'dangling'))
    await symlink('loop.jpg', path.join(source.folder, 'loop.jpg'))
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ asset_id, gcs_uri }) => [asset_id, gcs_uri])).toEqual([
      ['a.jpg', 'a.jpg'],
      ['deep/er', 'deep/er/b.PNG'],
      ['link.jpg', 'link.jpg'],
      ['loop.jpg', 'loop.jpg'],
      ['pipe.jpg', 'pipe.jpg'],
    ])
    expect(warnings).toEqual([
      '1 link leads outside the folder and is not followed; allow its folder with --image-root FOLDER: outside',
      '1 file is not used, because imagery reads jpeg, png, webp, heic and heif: .txt files (1)',
    ])
  })

  test('names its files so that none looks like an address', async () => {
    const names = ['data:,1.jpg', 'Data:folder/2.jpg', 'file:3.jpg', 'http:/4.jpg']
    const { rows } = await folderRows(await folder('addresses', ...names), CHOICE)
    expect(rows.map(({ observation_id, gcs_uri }) => [observation_id, gcs_uri])).toEqual([
      ['Data:folder/2.jpg', './Data:folder/2.jpg'],
      ['data:,1.jpg', './data:,1.jpg'],
      ['file:3.jpg', 'file:3.jpg'],
      ['http:/4.jpg', 'http:/4.jpg'],
    ])
  })

  test('lists images by their content under names that no table may have, so that their rows say why', async () => {
    const source = await folder('odd')
    for (const name of ['tab\t', 'line\n', 'data:,1', 'file:'])
      await writeFile(path.join(source.folder, name), JPEG, 'latin1')
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ observation_id }) => observation_id)).toEqual(['data:,1', 'file:', 'line\n', 'tab\t'])
    expect(warnings).toEqual([])
  })

  test('tells images by their content, skips what systems leave, and counts the rest by kind', async () => {
    const source = await folder('kinds', 'notes.txt', 'notes.md', 'named.jpg')
    const files: Record<string, string> = {
      'no-ending': JPEG,
      'photo.jfif': JPEG,
      'wrong.tif': JPEG,
      '.hidden.jpg': JPEG,
      '._no-ending': '\0\x05\x16\x07 of macOS',
      '._named.jpg': '\0\x05\x16\x07 of macOS',
      '._real.jpg': JPEG,
      'scan.tif': 'II*\0',
      'scan.tiff': 'MM\0*',
      'sign.gif': 'GIF89a',
      'sign.avif': '\0\0\0\x18ftypavif\0\0\0\0avifmif1',
      'sign.jxl': '\xff\n',
      'drive.mp4': '\0\0\0\x18ftypisom\0\0\0\0isommp42',
      'cloud.laz': 'LASF',
      'Thumbs.db': 'x',
      '.DS_Store': 'x',
      '__MACOSX/a.jpg': JPEG,
      'signs/@eaDir/a.jpg': JPEG,
    }
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(source.folder, name)), { recursive: true })
      await writeFile(path.join(source.folder, name), content, 'latin1')
    }
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ gcs_uri }) => gcs_uri)).toEqual([
      '._real.jpg',
      '.hidden.jpg',
      'named.jpg',
      'no-ending',
      'photo.jfif',
      'wrong.tif',
    ])
    expect(warnings).toEqual([
      '9 files are not used, because imagery reads jpeg, png, webp, heic and heif: TIFF images (2), .md files (1), .txt files (1), AVIF images (1), GIF images (1), JPEG XL images (1), LAS or LAZ point clouds (1), videos (1)',
    ])
  })

  test('follows links inside once, and never lists an image twice', async () => {
    const source = await folder('links', 'signs/a.jpg', 'signs/b.jpg')
    await symlink('signs', path.join(source.folder, 'again'))
    await symlink('.', path.join(source.folder, 'signs', 'self'))
    await symlink('signs/a.jpg', path.join(source.folder, '0-first.jpg'))
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ gcs_uri }) => gcs_uri)).toEqual(['signs/a.jpg', 'signs/b.jpg'])
    expect(warnings).toEqual(['1 link leads to an image that is listed anyway, and is skipped'])
  })

  test('follows a link to a folder of --image-root, and no link beside it', async () => {
    await folder('elsewhere', 'allowed/a.jpg', 'b.jpg')
    const source = await folder('with-root', 'c.jpg')
    await symlink('../elsewhere/allowed', path.join(source.folder, 'in'))
    await symlink('../elsewhere', path.join(source.folder, 'out'))
    const imageRoots = [path.join(home, 'elsewhere', 'allowed')]
    const { rows, warnings } = await folderRows(source, { ...CHOICE, imageRoots })
    expect(rows.map(({ gcs_uri }) => gcs_uri)).toEqual(['c.jpg', 'in/a.jpg'])
    expect(warnings).toEqual([expect.stringMatching(/^1 link leads outside .*: out$/)])
  })

  test('with a subfolder that cannot be read has the images of the others and a warning', async () => {
    const source = await folder('too-deep', 'a.jpg')
    const name = 'd'.repeat(200)
    const deeper = `for (let i = 0; i < 25; i += 1) { fs.mkdirSync('${name}'); process.chdir('${name}') }`
    execFileSync(process.execPath, ['-e', deeper], { cwd: source.folder })
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows).toHaveLength(1)
    expect(warnings).toEqual([
      expect.stringMatching(/^1 folder cannot be read, so its images are missing: ddd.*ENAMETOOLONG/),
    ])
  })

  test('names a file whose name is not UTF-8, and lists names with control characters for their rows', async () => {
    const source = await folder('names', 'a\tb.jpg', 'a\nb.jpg')
    await writeFile(Buffer.concat([Buffer.from(source.folder), Buffer.from('/caf\xe9.jpg', 'latin1')]), JPEG)
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ gcs_uri }) => gcs_uri)).toEqual(['a\tb.jpg', 'a\nb.jpg'])
    expect(warnings).toEqual(['1 file has a name that is not UTF-8, and is skipped; rename it: caf\uFFFD.jpg'])
  })

  test('without an image says what it has instead', async () => {
    const source = await folder('scans')
    await writeFile(path.join(source.folder, 'a.tif'), 'II*\0')
    await expect(folderRows(source, CHOICE)).rejects.toMatchObject({
      code: 'NO_ASSETS',
      message: expect.stringMatching(/^scans contains no images .*; 1 file is not used, .*: TIFF images \(1\)$/),
    })
  })

  test.each([
    ['part-0.parquet', /^duckdb -c 'COPY \(FROM read_parquet\('\\''parts\/\*\.parquet'\\''/],
    ['000000000000.csv', /^duckdb -c 'COPY \(FROM read_csv\('\\''parts\/\*\.csv'\\'', all_varchar = true/],
    ['a.jsonl', /^cat parts\/\*\.jsonl > rows\.jsonl /],
  ])('with the parts of a table, such as %s, gets the command that joins them', async (name, command) => {
    const source = await folder('parts')
    await writeFile(path.join(source.folder, name), 'x')
    await expect(folderRows(source, CHOICE)).rejects.toMatchObject({
      code: 'NO_ASSETS',
      suggestions: [expect.stringMatching(command)],
    })
    // A name that a shell or SQL would read as more than a name.
    await expect(folderRows({ ...source, given: "Bob's parts/" }, CHOICE)).rejects.toMatchObject({
      suggestions: [
        expect.stringContaining(name.endsWith('.jsonl') ? String.raw`'Bob'\''s parts'/*` : "Bob'\\'''\\''s parts/*"),
      ],
    })
    await rm(source.folder, { recursive: true })
  })

  test('that no longer exists is named', async () => {
    const gone = { given: 'gone', folder: path.join(home, 'gone') }
    await expect(folderRows(gone, CHOICE)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(gone.folder),
    })
  })
})

test('a temporary folder that cannot be written is named, with the variable to change', async () => {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = '/dev/null/tmp'
  try {
    await expect(withScratchFolder('imagery-', () => Promise.resolve())).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: 'The temporary folder /dev/null/tmp cannot be written: not a directory (ENOTDIR)',
      suggestions: [expect.stringMatching(/^TMPDIR=/)],
    })
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
})
