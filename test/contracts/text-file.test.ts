import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_TEXT_BYTES, readTextFile } from '../../src/contracts/text-file.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-text-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text = ''): string {
  writeFileSync(path.join(folder, name), text)
  return path.join(folder, name)
}

function pipe(name: string): string {
  execFileSync('mkfifo', [path.join(folder, name)])
  return path.join(folder, name)
}

describe('a text file that a user names', () => {
  test('is read whole, also through links, up to the limit', () => {
    const text = 'ä'.repeat(MAX_TEXT_BYTES / 2)
    symlinkSync(file('whole', text), path.join(folder, 'link'))
    expect(readTextFile(path.join(folder, 'link'))).toBe(text)
  })

  test('is refused without being read if it is too large, endless or not a file', () => {
    const large = file('large')
    truncateSync(large, MAX_TEXT_BYTES + 1)
    expect(() => readTextFile(large)).toThrow('it is larger than 1 MiB')
    expect(() => readTextFile('/dev/zero', { pipes: true })).toThrow('it is a device, not a file')
    expect(() => readTextFile(folder, { pipes: true })).toThrow('it is a folder, not a file')
    expect(() => readTextFile(pipe('no-pipe'))).toThrow('it is a pipe, not a file')
  })

  test('that is missing keeps its error code', () => {
    expect(() => readTextFile(path.join(folder, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'ENOENT', message: 'no such file or directory (ENOENT)' }),
    )
  })
})

describe('a pipe', () => {
  test('is read to its end, even if its writer is late or slow', () => {
    const late = pipe('late')
    const writer = spawn('sh', ['-c', `sleep 0.3; exec > '${late}'; printf one; sleep 0.3; printf two`])
    expect(readTextFile(late, { pipes: true })).toBe('onetwo')
    writer.kill()
  })

  test('times out when no program writes to it', () => {
    expect(() => readTextFile(pipe('unused'), { pipes: true })).toThrow('it is a pipe that ended without any data')
  })

  test('that does not end is read up to the limit', () => {
    const endless = pipe('endless')
    const writer = spawn('sh', ['-c', `yes > '${endless}'`])
    expect(() => readTextFile(endless, { pipes: true })).toThrow('it is larger than 1 MiB')
    writer.kill()
  })
})
