import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { execa } from 'execa'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { startLocalCloud } from '@imagery/local-cloud'
import { adminCall, findLocalCloud } from '../../src/services/local/cloud.ts'
import { rowsDocument, runReport } from './documents.ts'
import { writeManyAssets, type ManyAssets } from './many-assets.ts'

const ASSETS = 12

/** Only root can mount a small disk. For other users, these cases are skipped and their name says why. */
const MOUNTS = canMount() ? '' : ' (skipped: needs root and mount)'

let user: ImageryUser
let assets: ManyAssets
const mounted: string[] = []

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  assets = await writeManyAssets(user.folder, ASSETS)
})

afterEach(async () => {
  // At most a local cloud is on such a disk, and it must not outlive it.
  for (const folder of mounted) await user.run(['local', 'stop'], { IMAGERY_DATA_DIR: path.join(folder, 'cloud') })
  for (const folder of mounted.splice(0)) execFileSync('umount', ['--lazy', folder])
  vi.restoreAllMocks()
})

afterAll(() => user.leave())

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mountDisk(options: string): string {
  const folder = path.join(user.folder, `disk-${mounted.length}-${Date.now()}`)
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
  mounted.push(folder)
  return folder
}

const runLine = (...flags: string[]): string[] => [
  'run',
  '--local',
  '--table',
  assets.table,
  '--profile',
  'resolution',
  '--json',
  ...flags,
]

/** A command's error message. */
function failure(outcome: Outcome): { exitCode: number; message: string; saysWhatToDo: boolean } {
  const { message, suggestions } = outcome.error()
  return { exitCode: outcome.exitCode, message, saysWhatToDo: suggestions.length > 0 }
}

/** An expected failure that names the file or folder it is about, and a next step. */
function clearFailure(about: string): object {
  return { exitCode: 1, message: expect.stringContaining(about), saysWhatToDo: true }
}

async function expectAllRows(runId: string, environment: Record<string, string>): Promise<void> {
  const outcome = await user.run(['results', runId, '--local', '--json'], environment)
  const { rows } = rowsDocument.parse(outcome.json())
  rows.sort((a, b) => String(a['asset_id']).localeCompare(String(b['asset_id'])))
  expect(rows.map(({ asset_id, status, width }) => [asset_id, status, width])).toEqual(
    [...assets.sizes].map(([id, { width }]) => [id, 'ok', width]),
  )
}

describe.skipIf(MOUNTS !== '')(`a full disk${MOUNTS}`, () => {
  test('stops a run with an error that says so; with free space, the run completes and no row is missing', async () => {
    const disk = mountDisk('size=64m')
    const environment = { IMAGERY_DATA_DIR: path.join(disk, 'cloud') }
    const filler = path.join(disk, 'filler')
    const fill = (leave: number): void => {
      const { bavail, bsize } = statfsSync(disk)
      try {
        writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leave), 1))
      } catch (error) {
        // The local cloud wrote something in the meantime: the disk is full before the file is complete.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
    expect(await user.run(['local', 'start', '--detach'], environment)).toMatchObject({ exitCode: 0 })
    expect(await user.run(['deploy', '--local'], environment)).toMatchObject({ exitCode: 0 })

    // Before anything is published: created resources are rolled back, or can be.
    fill(100_000)
    const refused = await user.run(runLine(), environment)
    expect(refused.exitCode, refused.stdout).toBe(1)
    expect(refused.error().message).toMatch(/full disk/)
    rmSync(filler)

    // In the middle of the work: tasks cannot be created and rows cannot be written.
    const locator = (await findLocalCloud(environment.IMAGERY_DATA_DIR))!
    const setFaults = (rules: object[]) =>
      fetch(new URL('/_imagery/faults', locator.http), {
        method: 'PUT',
        headers: { authorization: `Bearer ${locator.adminToken}` },
        body: JSON.stringify(rules),
      })
    await setFaults([{ method: 'deliver/imagery-populate*', effect: { kind: 'error', status: 'UNAVAILABLE' } }])
    const begun = await user.run(runLine('--no-wait'), environment)
    const { run_id: runId } = runReport.parse(begun.json())
    fill(0)
    await setFaults([])
    const first = user.start(['resume', runId, '--local', '--json'], environment).outcome
    // It fails and says so; or, once its tasks exist, waits for the disk.
    await Promise.race([first, pause(6_000)])
    rmSync(filler)
    const ended = await first
    if (ended.exitCode !== 0) expect(failure(ended)).toMatchObject({ exitCode: 1, saysWhatToDo: true })

    const resumed = await user.run(['resume', runId, '--local', '--json'], environment)
    expect(resumed.exitCode, resumed.stdout).toBe(0)
    await expectAllRows(runId, environment)
  }, 120_000)
})

describe.skipIf(MOUNTS !== '')(`a full disk during a deploy${MOUNTS}`, () => {
  test('is named in the error and leaves the local cloud running; with free space, the deploy completes', async () => {
    const disk = mountDisk('size=160m')
    const environment = { IMAGERY_DATA_DIR: path.join(disk, 'cloud') }
    const filler = path.join(disk, 'filler')
    expect(await user.run(['local', 'start', '--detach'], environment)).toMatchObject({ exitCode: 0 })
    const pidOf = async () =>
      ((await user.run(['local', 'status', '--json'], environment)).json() as { pid?: number }).pid
    const pid = await pidOf()
    // While it enables APIs, and while it builds the image.
    for (const leave of [0, 4_000_000]) {
      const { bavail, bsize } = statfsSync(disk)
      writeFileSync(filler, Buffer.alloc(bavail * bsize - leave, 1))
      const refused = await user.run(['deploy', '--local', '--json'], environment)
      rmSync(filler)
      expect(refused.exitCode, refused.stdout).toBe(1)
      expect(refused.error().message).toMatch(/full disk/)
    }
    expect(await pidOf()).toBe(pid)
    expect(await user.run(['deploy', '--local'], environment)).toMatchObject({ exitCode: 0 })
  }, 120_000)

  test('is not reported as a damaged store at a start, and the error does not suggest deleting it', async () => {
    const folder = path.join(mountDisk('size=300k'), 'cloud')
    const outcome = await user.run(['runs', '--local', '--json'], { IMAGERY_DATA_DIR: folder })
    expect(failure(outcome)).toEqual(clearFailure(folder))
    expect(outcome.error().message).toMatch(/full disk/)
    expect(outcome.error().suggestions.join()).not.toMatch(/reset|rm -r/)
  })
})

describe.skipIf(process.platform === 'win32')('a process with a low open file limit', () => {
  test.each([40, 48])('(%i) says so, and does not suggest deleting anything', async (files) => {
    const folder = path.join(user.folder, `few-files-${files}`)
    const line = [path.join(ROOT, 'bin', 'run.js'), 'runs', '--local', '--json', '--data-dir', folder]
    const limited = ['-c', `ulimit -n ${files} && exec "$0" "$@"`, process.execPath, ...line]
    const { stdout, exitCode } = await execa('bash', limited, { reject: false, env: { HOME: user.folder } })
    const { error } = JSON.parse(stdout) as { error: { message: string; suggestions: string[] } }
    expect({ exitCode, message: error.message }).toEqual({
      exitCode: 1,
      message: expect.stringMatching(/too many files are open|too many open files/i),
    })
    expect(error.suggestions.join()).not.toMatch(/reset|rm -r/)
  })
})

describe('a data folder that cannot be written', () => {
  test.skipIf(MOUNTS !== '')(`is named when its disk is read-only${MOUNTS}`, async () => {
    const folder = path.join(mountDisk('ro,size=1m'), 'cloud')
    for (const line of [
      ['runs', '--local', '--json'],
      ['local', 'start', '--json'],
    ]) {
      expect(failure(await user.run(line, { IMAGERY_DATA_DIR: folder }))).toEqual(clearFailure(folder))
    }
  })

  test.skipIf(process.platform !== 'linux')('is named where no folder can be created (Linux: /proc)', async () => {
    for (const line of [
      ['runs', '--local', '--json'],
      ['local', 'start', '--json'],
    ]) {
      expect(failure(await user.run(line, { IMAGERY_DATA_DIR: '/proc/imagery' }))).toEqual(
        clearFailure('/proc/imagery'),
      )
    }
  })

  test('is named when a file has its path', async () => {
    const file = path.join(user.folder, 'a-file')
    writeFileSync(file, 'in the way')
    expect(
      failure(await user.run(['runs', '--local', '--json'], { IMAGERY_DATA_DIR: path.join(file, 'cloud') })),
    ).toEqual(clearFailure(file))
    expect(
      failure(await user.run(['local', 'start', '--json'], { IMAGERY_DATA_DIR: path.join(file, 'cloud') })),
    ).toEqual(clearFailure(file))
  })
})

/** Each file of the local cloud, the damage done to it, and whether the cloud may continue without it. */
const STORES = [
  'storage/storage.sqlite',
  'bigquery/bigquery.duckdb',
  'run/run.sqlite',
  'tasks/cloud-tasks.sqlite',
  'pubsub/pubsub.sqlite',
]

describe('a damaged store', () => {
  let pristine: string
  let runId: string

  beforeAll(async () => {
    pristine = path.join(user.folder, 'pristine')
    const environment = { IMAGERY_DATA_DIR: pristine }
    expect(await user.run(['local', 'start', '--detach'], environment)).toMatchObject({ exitCode: 0 })
    const done = await user.run(runLine(), environment)
    runId = runReport.parse(done.json()).run_id
    await user.run(['local', 'stop'], environment)
  })

  function damagedCopy(name: string, damage: (file: string) => void): string {
    const copy = path.join(user.folder, `damaged-${name.replaceAll('/', '-')}-${Date.now()}`)
    cpSync(pristine, copy, { recursive: true })
    const file = path.join(copy, name)
    expect(existsSync(file), file).toBe(true)
    damage(file)
    return copy
  }

  const fillWithGarbage = (file: string): void => writeFileSync(file, Buffer.alloc(statSync(file).size, 'garbage '))

  test('is named by the command, with a fix', async () => {
    const folder = damagedCopy(STORES[0]!, fillWithGarbage)
    expect(failure(await user.run(['runs', '--local', '--json'], { IMAGERY_DATA_DIR: folder }))).toEqual(
      clearFailure(path.join(folder, STORES[0]!)),
    )
  })

  test.each(STORES)('is named by the local cloud, with a fix: %s full of garbage', async (name) => {
    const folder = damagedCopy(name, fillWithGarbage)
    await expect(startLocalCloud({ dataDir: folder })).rejects.toMatchObject({
      message: expect.stringContaining(path.join(folder, name)),
      suggestions: expect.arrayContaining([expect.any(String)]),
    })
  })

  test('is never treated as new: no store starts empty after the first start', async () => {
    for (const name of STORES) {
      const emptied = damagedCopy(name, (file) => truncateSync(file))
      await expect(startLocalCloud({ dataDir: emptied }), name).rejects.toThrow(path.join(emptied, name))
      const deleted = damagedCopy(name, (file) => rmSync(file))
      await expect(startLocalCloud({ dataDir: deleted }), name).rejects.toThrow(path.join(deleted, name))
    }
  })

  test('is recreated if possible: ports, lock owner, locator', async () => {
    const folder = damagedCopy('ports.json', (file) => writeFileSync(file, 'garbage'))
    for (const name of ['lock.json', 'local-cloud.json']) writeFileSync(path.join(folder, name), 'garbage')
    const { exitCode, stdout } = await user.run(['status', runId, '--local', '--json'], { IMAGERY_DATA_DIR: folder })
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 })
    await expectAllRows(runId, { IMAGERY_DATA_DIR: folder })
  })

  test('is named when it is a key', async () => {
    const key = readdirSync(path.join(pristine, 'identity')).find((name) => name.endsWith('-key.pem'))!
    const folder = damagedCopy(path.join('identity', key), (file) => writeFileSync(file, 'garbage'))
    expect(failure(await user.run(['runs', '--local', '--json'], { IMAGERY_DATA_DIR: folder }))).toEqual(
      clearFailure(path.join(folder, 'identity')),
    )
  })

  test("is named when it is the user's state file", async () => {
    mkdirSync(path.dirname(user.stateFile), { recursive: true })
    writeFileSync(user.stateFile, '{ garbage')
    const outcome = await user.run(['runs', '--local', '--json'], { IMAGERY_DATA_DIR: pristine })
    rmSync(user.stateFile)
    expect(outcome.exitCode, outcome.stdout).toBe(2)
    expect(outcome.error()).toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining(user.stateFile),
    })
  })
})

describe('a clock that jumps back an hour', () => {
  test('delays nothing, neither while tasks wait for a retry nor before a restart', async () => {
    const dataDir = path.join(user.folder, 'jumping')
    const environment = { IMAGERY_DATA_DIR: dataDir }
    const failing = {
      method: 'deliver/imagery-main*/process',
      effect: { kind: 'error' as const, status: 'UNAVAILABLE' as const },
      times: 2 * ASSETS,
    }
    let cloud = await startLocalCloud({ dataDir, faults: [failing] })
    const { now } = Date
    const jump = (backMs: number): void => void vi.spyOn(Date, 'now').mockImplementation(() => now() - backMs)
    try {
      const running = user.start(runLine(), environment)
      await vi.waitFor(async () => {
        const { body } = await adminCall(cloud.locator, 'GET', '/_imagery/faults')
        expect((body as { applied: number }[])[0]!.applied).toBeGreaterThan(0)
      }, 60_000)
      jump(3_600_000)
      const outcome = await running.outcome
      expect(outcome.exitCode, outcome.stdout).toBe(0)
      await expectAllRows(runReport.parse(outcome.json()).run_id, environment)

      await cloud.stop()
      jump(2 * 3_600_000)
      cloud = await startLocalCloud({ dataDir, faults: [failing] })
      const again = await user.run(runLine(), environment)
      expect(again.exitCode, again.stdout).toBe(0)
      await expectAllRows(runReport.parse(again.json()).run_id, environment)
    } finally {
      await cloud.stop()
    }
  }, 120_000)
})
