import { expect, test } from 'vitest'
import { duckDbError } from '../../../src/services/view/duckdb-error.ts'

const FOLDERS = { folder: '/cache/rows', kept: '/cache' }

/** The first two are what DuckDB 1.5.5 said on a full tmpfs. */
test.each([
  'Out of Memory Error: failed to offload data block of size 256.0 KiB (10.1 MiB/10.3 MiB used).',
  'TransactionContext Error: Failed to commit: Could not write file "/cache/rows/r.wal": No space left on device',
  'IO Error: Could not write file "/cache/rows/r.part": No space left on device',
  'IO Error: Cannot open file "/cache/rows/r.part": No such file or directory',
])('an error of the disk names the folder, and is no bug: %s', (message) => {
  expect(duckDbError(new Error(message), FOLDERS)).toMatchObject({
    code: 'FILE_NOT_WRITABLE',
    message: `/cache/rows cannot be written: ${message}`,
    suggestions: ['df -h /cache   (shows whether the disk is full)'],
  })
})

test.each([
  'Binder Error: Referenced column "k9" not found',
  'TransactionContext Error: Conflict on update!',
  'Out of Memory Error: could not allocate block of size 256.0 KiB (1.0 GiB/1.0 GiB used)',
  'HTTP 507: Could not write file',
])('any other error stays as it is: %s', (message) => {
  const error = new Error(message)
  expect(duckDbError(error, FOLDERS)).toBe(error)
})
