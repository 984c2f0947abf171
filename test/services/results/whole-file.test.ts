import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeWholeFile } from '../../../src/services/results/whole-file.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-results-'))
})

afterEach(() => rm(folder, { recursive: true }))

async function* pieces(...texts: (string | Error)[]): AsyncGenerator<string> {
  for (const text of texts) {
    if (text instanceof Error) throw text
    yield text
  }
}

describe('a results file', () => {
  test('is written whole and replaces what was there', async () => {
    const file = path.join(folder, 'rows.jsonl')
    await writeFile(file, 'old rows, longer than the new ones')
    await writeWholeFile(file, pieces('one\n', 'two\n'))
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\n')
    expect(await readdir(folder)).toEqual(['rows.jsonl'])
  })

  test('stays unchanged when the rows end early', async () => {
    const file = path.join(folder, 'rows.jsonl')
    await writeFile(file, 'old')
    const cut = new Error('connection lost')
    await expect(writeWholeFile(file, pieces('one\n', cut))).rejects.toBe(cut)
    expect(await readFile(file, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['rows.jsonl'])
  })

  test.each([
    ['no/such/folder/rows.jsonl', /no\/such\/folder\/rows\.jsonl cannot be written: ENOENT/],
    ['a-file/rows.jsonl', /a-file\/rows\.jsonl cannot be written: ENOTDIR/],
    ['a-folder', /a-folder is a folder/],
  ])('cannot be %s, and the message names it', async (name, message) => {
    await writeFile(path.join(folder, 'a-file'), '')
    await mkdir(path.join(folder, 'a-folder'))
    const failed = writeWholeFile(path.join(folder, name), pieces('one\n'))
    await expect(failed).rejects.toMatchObject({ code: 'FILE_NOT_WRITABLE', message: expect.stringMatching(message) })
    expect(await readdir(folder)).toEqual(['a-file', 'a-folder'])
  })

  test('may be a device, which is not replaced', async () => {
    await writeWholeFile('/dev/null', pieces('one\n'))
    expect(await readFile('/dev/null', 'utf8')).toBe('')
  })

  test('may be a pipe, whose reader gets everything, and which fails without a reader', async () => {
    const pipe = path.join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const reading = execFile('cat', [pipe])
    const [, text] = await Promise.all([writeWholeFile(pipe, pieces('one\n', 'two\n')), readText(reading.stdout!)])
    expect(text).toBe('one\ntwo\n')
    await expect(writeWholeFile(pipe, pieces('one\n'))).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: `${pipe} is a pipe that no program reads from`,
    })
  })

  test('on a full disk fails and is named', async () => {
    await expect(writeWholeFile('/dev/full', pieces('one\n'))).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: expect.stringContaining('/dev/full cannot be written: ENOSPC'),
    })
  })
})
