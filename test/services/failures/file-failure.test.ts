import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { cloudError } from '../../../src/google/transport/errors.ts'
import { expectedFailure } from '../../../src/services/failures/cloud-failure.ts'

function thrownBy(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

const synthetic = (code: string, syscall: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: some words, ${syscall}`), { code, syscall, errno: -1, ...more })

describe('a system call on a file that fails', () => {
  test.each<[string, () => void, object]>([
    [
      'of a file that is missing',
      () => readFileSync('/no/such/file'),
      { code: 'FILE_NOT_FOUND', message: '/no/such/file cannot be read: no such file or directory (ENOENT)' },
    ],
    [
      'of a folder that cannot be created',
      () => mkdirSync('/dev/null/folder'),
      { code: 'FILE_NOT_WRITABLE', message: '/dev/null/folder cannot be written: not a directory (ENOTDIR)' },
    ],
    [
      'of a file that cannot be renamed',
      () => renameSync('/no/such/file', '/no/such/name'),
      {
        code: 'FILE_NOT_WRITABLE',
        message: '/no/such/file (as /no/such/name) cannot be written: no such file or directory (ENOENT)',
      },
    ],
    [
      'of a full disk, which Node does not name',
      () => writeFileSync('/dev/full', 'text'),
      { code: 'FILE_NOT_WRITABLE', message: 'A file cannot be written: no space left on device (ENOSPC)' },
    ],
  ])('is an expected failure: %s', (_, work, failure) => {
    expect(expectedFailure(thrownBy(work))).toMatchObject({ ...failure, exitCode: 1 })
  })

  test("is recognized behind a client's upload call, even if its code is also used for connections", () => {
    for (const code of ['EACCES', 'ETIMEDOUT', 'EHOSTUNREACH']) {
      const error = cloudError(synthetic(code, 'read', { path: '/mnt/photos/table.csv' }))
      expect(expectedFailure(error)).toMatchObject({
        code: 'FILE_NOT_FOUND',
        message: `/mnt/photos/table.csv cannot be read: some words (${code})`,
      })
    }
  })

  test('says what to do about it', () => {
    expect(expectedFailure(synthetic('ENOSPC', 'write', { path: '/disk/x' }))).toMatchObject({
      suggestions: ['df -h /disk/x   (the disk is full)'],
    })
    expect(expectedFailure(synthetic('EMFILE', 'open', { path: '/disk/x' }))).toMatchObject({
      suggestions: [expect.stringContaining('ulimit -n')],
    })
    expect(expectedFailure(synthetic('EACCES', 'open', { path: "/it's/x" }))).toMatchObject({
      suggestions: [String.raw`ls -ld '/it'\''s/x'`],
    })
  })
})

describe('an error that is not about a file', () => {
  test('is unchanged: a connection error, and a bug', async () => {
    const refused = connect(1, '127.0.0.1')
    const [error] = (await once(refused, 'error').catch((thrown: unknown) => [thrown])) as [Error]
    expect(expectedFailure(error)).toBe(error)
    for (const other of [
      synthetic('ECONNRESET', 'read'),
      synthetic('EPIPE', 'write'),
      synthetic('ENOENT', 'spawn nowhere', { path: 'nowhere' }),
      Object.assign(new Error('made up'), { code: 'EWHATEVER', syscall: 'open' }),
      new TypeError('undefined is not a function'),
    ])
      expect(expectedFailure(other)).toBe(other)
  })

  test('is reported as a service that does not answer', () => {
    expect(expectedFailure(cloudError(synthetic('ECONNREFUSED', 'connect')))).toMatchObject({ code: 'CLOUD_ERROR' })
  })
})
