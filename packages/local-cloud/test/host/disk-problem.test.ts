import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openAccessLog } from '../../src/host/access-log.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import { openDatabase } from '../../src/kernel/database.ts'
import { diskProblem } from '../../src/kernel/disk-problem.ts'
import { createFaults } from '../../src/kernel/faults.ts'
import { OPERATIONS_TABLE, RestOperations } from '../../src/kernel/rest-operations.ts'
import { storeFailed } from '../../src/host/store-failure.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-trouble-'))
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

const withCode = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code })
const ofSqlite = (errcode: number): Error => Object.assign(new Error('refused'), { errcode })

describe('an operating system error is not reported as damage', () => {
  test.each([
    ['ENOSPC', withCode('ENOSPC'), /full disk/],
    ['EDQUOT', withCode('EDQUOT'), /quota/],
    ['EMFILE', withCode('EMFILE'), /too many files/],
    ['ENFILE', withCode('ENFILE'), /too many files/],
    ['EROFS', withCode('EROFS'), /read-only/],
    ['EACCES', withCode('EACCES'), /may not read or write/],
    ['EIO', withCode('EIO'), /disk has errors/],
    ['SQLite: full', ofSqlite(13), /full disk/],
    ['SQLite: read-only', ofSqlite(8), /read-only/],
    ['SQLite: an extended code of an input or output error', ofSqlite(10 | (3 << 8)), /disk has errors/],
    ['DuckDB', new Error('IO Error: Could not write file "x": No space left on device'), /full disk/],
    ['DuckDB, with files', new Error('IO Error: Cannot open file "x": Too many open files'), /too many files/],
    ['a cause', new Error('outer', { cause: new Error('middle', { cause: withCode('ENOSPC') }) }), /full disk/],
  ])('%s', (_, error, what) => {
    expect(diskProblem(error)?.what).toMatch(what)
    const failed = storeFailed(folder, 'storage', error)
    expect(failed.code).toBe('DATA_FOLDER_UNUSABLE')
    expect(failed.suggestions.join()).not.toMatch(/reset/)
  })

  test('a file that cannot be opened, for a reason that SQLite does not report', () => {
    const file = path.join(folder, 'storage.sqlite')
    mkdirSync(file)
    try {
      openDatabase(file, [])
      expect.unreachable()
    } catch (error) {
      expect(diskProblem(error)?.what).toMatch(/cannot be opened/)
    }
  })
})

test('a damaged store is reported with a remedy for its own folder', () => {
  const file = path.join(folder, 'storage.sqlite')
  writeFileSync(file, 'garbage '.repeat(1_000))
  try {
    openDatabase(file, ['CREATE TABLE t (a)'])
    expect.unreachable()
  } catch (error) {
    expect(storeFailed(folder, 'storage', error)).toMatchObject({
      code: 'STORE_DAMAGED',
      suggestions: expect.arrayContaining([expect.stringContaining(`imagery local reset --data-dir ${folder}`)]),
    })
  }
})

test('an operation whose outcome the disk refuses is reported, and written once the disk accepts it', async () => {
  const clock = new ManualClock()
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const database = openDatabase(path.join(folder, 'operations.sqlite'), [OPERATIONS_TABLE])
  const operations = new RestOperations({
    database,
    clock,
    faults: createFaults([]),
    work: { make: () => ({ made: true }) },
  })
  operations.begin({ name: 'operations/a', kind: 'make', subject: 'a', metadata: {}, durationMs: 10 })
  // Simulates a disk that refuses writes.
  database.exec('PRAGMA query_only = ON')
  await clock.advance(10)
  expect(operations.get('operations/a')).toMatchObject({ done: true, response: { made: true } })
  expect(logged).toHaveBeenCalled()
  const stored = () => database.prepare('SELECT outcome FROM operations').get()?.['outcome']
  expect(stored()).toBe(null)
  database.exec('PRAGMA query_only = OFF')
  await clock.advance(1_000)
  expect(stored()).toBe('{"response":{"made":true}}')
  expect(operations.get('operations/a')).toMatchObject({ done: true, response: { made: true } })
  operations.stop()
  database.close()
})

test.skipIf(process.platform !== 'linux')(
  'an access log that cannot be written fails no call (Linux: /dev/full)',
  () => {
    const lines: string[] = []
    const log = openAccessLog('/dev/full', new ManualClock(), (line) => lines.push(line))
    for (let call = 0; call < 2; call += 1) log.write({ method: 'm', email: undefined, status: 'OK', durationMs: 1 })
    log.close()
    expect(lines).toEqual([expect.stringMatching(/cannot write to the access log \/dev\/full.*ENOSPC/)])
  },
)

describe('an uncaught error', () => {
  const run = (body: string) => {
    const module = path.join(import.meta.dirname, '../../src/host/last-resort.ts')
    const program = `
      import { installLastResort } from ${JSON.stringify(module)}
      installLastResort({ log: (line) => console.log(line), stop: async () => console.log('stopped'), exitCode: 70 })
      ${body}`
    return execa(process.execPath, ['--input-type=module', '-e', program], { reject: false })
  }

  test('from the disk leaves the local cloud running', async () => {
    const full = `Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' })`
    const { exitCode, stdout } = await run(`
      setTimeout(() => { throw ${full} }, 1)
      void Promise.reject(${full})
      setTimeout(() => console.log('still here'), 100)`)
    expect(exitCode).toBe(0)
    expect(stdout.match(/it is on a full disk\. The local cloud keeps running\./g)).toHaveLength(2)
    expect(stdout).toMatch(/still here$/)
  })

  test('from a bug is reported, and the local cloud shuts down cleanly', async () => {
    const { exitCode, stdout } = await run(
      `setTimeout(() => { undefined.member }, 1); setTimeout(() => undefined, 60_000)`,
    )
    expect(exitCode).toBe(70)
    expect(stdout).toMatch(
      /^A bug in imagery: TypeError: .*The local cloud is stopping; its state is saved\.\nstopped$/s,
    )
  })
})
