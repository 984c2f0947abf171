import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderRows } from '../../../src/services/source/folder-images.ts'
import { withScratchFolder } from '../../../src/services/source/scratch-folder.ts'

const CHOICE = { unit: 'asset', images: { max_per_unit: 6, pick: 'latest' } } as const

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
  test("lists every entry with an image's name, even links and pipes, and names the links it does not follow", async () => {
    const source = await folder('mixed', 'a.jpg', 'deep/er/b.PNG', 'notes.txt')
    execFileSync('mkfifo', [path.join(source.folder, 'pipe.jpg')])
    await symlink('/etc/passwd', path.join(source.folder, 'link.jpg'))
    await symlink('/etc', path.join(source.folder, 'outside'))
    await symlink('..', path.join(source.folder, 'deep', 'round'))
    await symlink('nowhere', path.join(source.folder, 'dangling'))
    const { rows, warnings } = await folderRows(source, CHOICE)
    expect(rows.map(({ asset_id, gcs_uri }) => [asset_id, gcs_uri])).toEqual([
      ['a.jpg', 'a.jpg'],
      ['deep/er', 'deep/er/b.PNG'],
      ['link.jpg', 'link.jpg'],
      ['pipe.jpg', 'pipe.jpg'],
    ])
    expect(warnings.toSorted()).toEqual([
      'deep/round is a link to a folder and is not followed; its images are skipped',
      'outside is a link to a folder and is not followed; its images are skipped',
    ])
  })

  test('with an unreadable subfolder is refused and the subfolder named', async () => {
    const source = await folder('too-deep', 'a.jpg')
    const name = 'd'.repeat(200)
    const deeper = `for (let i = 0; i < 25; i += 1) { fs.mkdirSync('${name}'); process.chdir('${name}') }`
    execFileSync(process.execPath, ['-e', deeper], { cwd: source.folder })
    await expect(folderRows(source, CHOICE)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(new RegExp(`^Folder ${source.folder}/${name}/.* cannot be read.*ENAMETOOLONG`)),
    })
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
