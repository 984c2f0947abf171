import { once } from 'node:events'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { inCampaign } from './campaign-length.ts'
import type { FaultOutcome, Plan } from './file-faults-driver.ts'

/** A short campaign tries every nth fault: enough for each function. */
const EVERY = inCampaign({ short: 3, full: 1 })

let user: ImageryUser
let outcomes: FaultOutcome[]

const file = (name: string): string => path.join(user.folder, name)

/** Each of these is run once for every call of a file function that it makes, with that call failing. */
async function plan(busyPort: number): Promise<Plan> {
  const other = path.join(path.dirname(user.folder), 'other-cloud')
  const run = ['run', '--local', '--no-wait', '--profile', file('own.yaml')]
  return {
    program: path.join(ROOT, 'bin', 'run.js'),
    own: [path.resolve(ROOT)],
    every: EVERY,
    commands: [
      { args: ['profiles', 'validate', file('own.yaml')], codesPerCall: 4 },
      { args: ['profiles', 'init', file('new.yaml')], codesPerCall: 4, prepare: { [file('new.yaml')]: null } },
      { args: ['config', 'set', 'project', 'my-project'], codesPerCall: 3 },
      { args: ['config', 'unset', 'name'], codesPerCall: 1 },
      { args: ['config', 'list'], codesPerCall: 1 },
      // This one ends before it has started, so nothing has to be stopped.
      {
        args: ['local', 'start', '--detach', '--data-dir', other, '--http-port', String(busyPort)],
        codesPerCall: 1,
        only: '^(mkdir|open) ',
        prepare: { [other]: null },
      },
      {
        args: ['local', 'reset', '--yes', '--data-dir', file('old-cloud')],
        codesPerCall: 2,
        prepare: { [path.join(file('old-cloud'), 'ports.json')]: '{}' },
      },
      { args: ['local', 'status'], codesPerCall: 1 },
      { args: [...run, '--table', file('table.jsonl'), '--image-root', file('photos')], codesPerCall: 1, once: true },
      // So few that a short campaign could miss them all.
      {
        args: [...run, '--table', file('table.jsonl')],
        codesPerCall: EVERY,
        only: '^(handle\\.read|mkdtemp)',
        once: true,
      },
      { args: [...run, '--table', file('photos')], codesPerCall: 1, only: 'photos$|imagery-', once: true },
      { args: ['status', '--local'], codesPerCall: 1, once: true },
      { args: ['results', '--local', '-o', file('rows.csv')], codesPerCall: 1, prepare: { [file('rows.csv')]: null } },
    ],
  }
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  const home = path.dirname(user.folder)
  await mkdir(file('photos'))
  await mkdir(file('old-cloud'))
  await copyFile(path.join(ROOT, 'samples', 'street-signs', 'images', 'stop-1.jpg'), file('photos/a.jpg'))
  await writeFile(file('table.jsonl'), '{"asset_id": "a", "gcs_uri": "photos/a.jpg"}\n')
  await writeFile(file('own.yaml'), (await user.run(['profiles', 'show', 'resolution'])).stdout)
  const done = await user.run(['run', '--local', '--table', file('table.jsonl'), '--profile', 'resolution'])
  expect(done.exitCode, done.stderr).toBe(0)
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  const written = file('plan.json')
  await writeFile(written, JSON.stringify(await plan((busy.address() as { port: number }).port)))
  const driver = path.join(ROOT, 'test', 'e2e', 'file-faults-driver.ts')
  const { stdout } = await execa(process.execPath, [driver, written, file('outcomes.json')], {
    cwd: user.folder,
    extendEnv: false,
    stdin: 'ignore',
    env: {
      PATH: process.env['PATH']!,
      HOME: home,
      XDG_CONFIG_HOME: path.join(home, 'config'),
      XDG_DATA_HOME: path.join(home, 'share'),
      XDG_CACHE_HOME: path.join(home, 'cache'),
      METADATA_SERVER_DETECTION: 'none',
      NO_COLOR: '1',
    },
  })
  busy.close()
  expect(stdout).toBe('')
  outcomes = JSON.parse(await readFile(file('outcomes.json'), 'utf8')) as FaultOutcome[]
}, 300_000)

afterAll(() => user.leave())

/** The name of such a temporary file in messages: that of the file it was to become. */
function nameOf(called: string): string {
  return called.replace(/\.(?:part|tmp-\*)$/, '').replace(/(\/imagery-)\*?(?:\/.*)?$/, '')
}

test('a command names the file and exits as expected for any failed file call', () => {
  const wrong = outcomes.filter(({ fault, exitCode, output, isUsual }) => {
    if (/\n\s+at .*:\d+|not caught|A bug in imagery/.test(output)) return true
    // A run can end before its command: the failed row then gives the reason, with the image as the table names it.
    if (exitCode === 3) return !output.includes(path.basename(fault.path))
    if (![0, 1, 2].includes(exitCode)) return true
    return exitCode !== 0 && !isUsual && !output.includes(nameOf(fault.path))
  })
  expect(wrong).toEqual([])
})

test('the failed calls covered all functions and most error codes', () => {
  const struck = outcomes.filter(({ hasStruck }) => hasStruck)
  expect(struck.length).toBeGreaterThan(0.9 * outcomes.length)
  const calls = new Set(struck.map(({ fault }) => fault.call))
  for (const call of [
    'open',
    'read',
    'write',
    'close',
    'stat',
    'lstat',
    'realpath',
    'mkdir',
    'mkdtemp',
    'readdir',
    'rename',
    'rm',
    'handle.read',
  ])
    expect(calls).toContain(call)
  expect(new Set(struck.map(({ fault }) => fault.code)).size).toBeGreaterThan(60 / EVERY)
  expect(struck.filter(({ exitCode }) => exitCode !== 0).length).toBeGreaterThan(80 / EVERY)
})
