import { copyFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { runControlsOf } from '../../src/run-data/run-stop.ts'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import { enableApis } from './deployer.ts'
import { SEED } from './kill-campaign.ts'
import { rowsDocument, runReport } from './documents.ts'
import { officialClients } from './official-clients.ts'
import { shown } from './shown.ts'
import { randomFrom } from './random.ts'
import { openProject } from './project-state.ts'

const IMAGE = path.join(ROOT, 'samples', 'street-signs', 'images', 'stop-1.jpg')

/** Enough work for several seconds, so that an interruption comes in the middle. */
const ASSETS = 80

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  // Images are read only from the table's folder.
  await copyFile(IMAGE, path.join(user.folder, 'stop.jpg'))
  const rows = Array.from({ length: ASSETS }, (_, index) => ({ asset_id: `sign-${index}`, gcs_uri: 'stop.jpg' }))
  await writeFile(path.join(user.folder, 'signs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})

afterAll(() => user.leave())

const RUN = ['run', '--local', '--table', 'signs.jsonl', '--profile', 'image-quality']

/** Starts a command and sends a signal when its stderr shows `mark`. */
async function interrupted(
  args: readonly string[],
  mark: string,
  signals: readonly NodeJS.Signals[] = ['SIGINT'],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const { process: child, outcome } = user.start(args)
  await shown(child, mark)
  for (const signal of signals) {
    child.kill(signal)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return outcome
}

async function noCloud(): Promise<void> {
  await expect
    .poll(async () => (await user.run(['local', 'status', '--json'])).json(), { timeout: 20_000, interval: 300 })
    .toEqual({ running: false })
}

async function isComplete(runId: string): Promise<void> {
  const report = runReport.parse((await user.run(['status', runId, '--local', '--json'])).json())
  expect(report).toMatchObject({ state: 'complete', units: { total: ASSETS, ok: ASSETS, failed: 0, pending: 0 } })
  const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
  expect(new Set(rows.map(({ asset_id }) => asset_id)).size).toBe(ASSETS)
  expect(rows).toHaveLength(ASSETS)
}

test('--no-wait is refused if no local cloud would outlive the command', async () => {
  const outcome = await user.run([...RUN, '--no-wait', '--json'])
  expect(outcome.exitCode).toBe(1)
  expect(outcome.error()).toMatchObject({
    code: 'LOCAL_CLOUD_NOT_RUNNING',
    suggestions: ['imagery local start --detach'],
  })
})

describe('Ctrl-C', () => {
  test('before any asset is processed rolls the run back', async () => {
    await noCloud()
    await user.startLocalCloud({ isProcess: true })
    const { exitCode, stdout, stderr } = await interrupted(RUN, '· Deploy\n')
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr).toContain('[CANCELLED]')
    // The deploy was interrupted too; an API that is not enabled yet cannot be read.
    await enableApis(await openProject(user.dataDirectory))
    const left = await (await officialClients(user.dataDirectory)).inventory()
    expect(left.filter((name) => !name.includes('/deploy/'))).toEqual([])
  })

  test.each(['SIGINT', 'SIGHUP'] as const)(
    "(%s) between the run's record and its first shard names the run and the command that continues it",
    async (signal) => {
      // A closing terminal may send the signal twice.
      const signals = signal === 'SIGHUP' ? [signal, signal] : [signal]
      const run = [...RUN, '--limit', '5', '--max-cost', '3', '--max-failures', '60%']
      const { exitCode, stdout, stderr } = await interrupted(run, '· Take the snapshot\n', signals)
      expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
      const [, id = ''] = /Interrupted; run (\S+) is recorded; no new tasks are queued \[CANCELLED\]/.exec(stderr) ?? []
      expect(stderr).toContain(`  imagery resume ${id} --local\n  imagery teardown ${id} --local\n`)
      // The resume that it suggests has the limits of the run.
      const locator = (await findLocalCloud(user.dataDirectory))!
      useLocalCloud(locator)
      const { projectId, region } = locator
      const controls = () => runControlsOf({ run_id: id, place: { projectId, region } })
      expect(await controls()).toMatchObject({ max_cost_usd: 3, max_failures: null, max_failures_percent: 60 })
      const next = signal === 'SIGHUP' ? ['resume', id] : ['teardown', id, '--delete-results', '--yes']
      expect(await user.run([...next, '--local'])).toMatchObject({ exitCode: 0 })
      if (signal === 'SIGHUP') expect(await controls()).toMatchObject({ max_failures: 3 })
    },
  )

  let runId = ''

  test('in the middle exits with 130 and names the command that continues the run', async () => {
    const { exitCode, stdout, stderr } = await interrupted(RUN, '· Process the assets\n')
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    const [, resume = '', id = ''] = /\n {2}(imagery resume (\S+) --local)\n/.exec(stderr) ?? []
    expect(stderr).toContain(`Interrupted; run ${id}`)
    expect(resume).not.toBe('')
    runId = id
  })

  test('does not stop a run that another command watches', async () => {
    const { exitCode, stdout } = await user.run(['status', runId, '--watch', '--local'])
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`Assets   ${ASSETS}: ${ASSETS} ok`),
    })
    await isComplete(runId)
  })

  test('ends a watch with 130, and a second one ends any command at once', async () => {
    const watch = [...RUN, '--limit', '40']
    // A process that is about to exit has no handler left: the signal ends it, which a shell reports as 130, too.
    const exitCode = await interrupted(watch, '· Process the assets\n', ['SIGINT', 'SIGINT']).then(
      (ended) => ended.exitCode,
      (error: Error) => (error.message.startsWith('ended by SIGINT') ? 130 : Promise.reject(error)),
    )
    expect(exitCode).toBe(130)
  })
})

test('a run with --no-wait continues in a local cloud that keeps running', async () => {
  const started = runReport.parse((await user.run([...RUN, '--no-wait', '--json'])).json())
  expect(started.units.total).toBe(ASSETS)
  const watched = await user.run(['status', started.run_id, '--watch', '--local', '--json'])
  expect(watched).toMatchObject({ exitCode: 0, stderr: '' })
  await isComplete(started.run_id)
})

test('a run whose output is closed completes, with the right exit code', async () => {
  const faulty = path.join(ROOT, 'samples', 'street-signs', 'with-faults.jsonl')
  const args = ['run', '--local', '--table', faulty, '--profile', 'resolution']
  const { process: child, outcome } = user.start(args)
  child.stderr?.once('data', () => {
    child.stderr?.destroy()
    child.stdout?.destroy()
  })
  expect((await outcome).exitCode, 'some assets failed').toBe(3)
  const report = runReport.parse((await user.run(['status', '--local', '--json'])).json())
  expect(report).toMatchObject({ state: 'complete', units: { total: 14, failed: 2, pending: 0 } })
  expect(report.results_table).not.toBeNull()
})

test('a reader that closes the output of results early causes no error', async () => {
  const { process: child, outcome } = user.start(['results', '--local', '--format', 'csv'])
  child.stdout?.once('data', () => child.stdout?.destroy())
  expect(await outcome).toMatchObject({ exitCode: 0, stderr: '' })
})

describe('a local cloud that is killed', () => {
  test('between commands is restarted by the next, with all its state', async () => {
    const before = await user.run(['runs', '--local', '--json'])
    const { pid } = (await user.run(['local', 'status', '--json'])).json() as { pid: number }
    process.kill(pid, 'SIGKILL')
    expect((await user.run(['local', 'status', '--json'])).json()).toEqual({ running: false })
    const after = await user.run(['runs', '--local', '--json'])
    expect(after).toMatchObject({ exitCode: 0, json: expect.anything() })
    expect(after.json()).toEqual(before.json())
  })

  test('in the middle of a run is reported at once by every command, and the run can be resumed', async () => {
    await noCloud()
    // The next local cloud must have the same model, because another might be the real one, which costs money.
    const model = path.join(user.folder, 'model.yaml')
    await writeFile(model, '')
    // The run is in progress when it is watched, even on a busy machine; the next local cloud has no such delay.
    const slow = [{ method: 'deliver/imagery-main*/process', every: 1, effect: { kind: 'delay', delayMs: 60_000 } }]
    await writeFile(path.join(user.folder, 'faults.json'), JSON.stringify(slow))
    const start = ['local', 'start', '--detach', '--gemini', 'script:model.yaml', '--faults', 'faults.json']
    expect(await user.run(start)).toMatchObject({ exitCode: 0 })
    const { pid } = (await user.run(['local', 'status', '--json'])).json() as { pid: number }
    const { process: child, outcome } = user.start(RUN)
    await shown(child, '· Process the assets\n')
    const watch = user.start(['status', '--watch', '--local'])
    await shown(watch.process, '· Run ')
    process.kill(pid, 'SIGKILL')
    const killedMs = performance.now()
    const suggested: string[][] = []
    for (const { exitCode, stderr } of await Promise.all([outcome, watch.outcome])) {
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(
          /The local cloud stopped while this command was using it.*\[LOCAL_CLOUD_FAILED\].* {2}imagery resume \S+ --local --gemini script:\S+\n/s,
        ),
      })
      const [, command = ''] = /\[LOCAL_CLOUD_FAILED\].* {2}imagery (resume [^\n]+)\n/s.exec(stderr) ?? []
      expect(command).toMatch(/^resume \S+ --local --gemini script:/)
      suggested.push(command.split(' '))
    }
    expect(performance.now() - killedMs).toBeLessThan(5_000)
    expect(suggested[0]).toEqual(['resume', expect.any(String), '--local', '--gemini', `script:${model}`])
    expect(suggested[1]).toEqual(suggested[0])
    const resumed = await user.run([...suggested[0]!, '--json'])
    const report = runReport.parse(resumed.json())
    expect({ exitCode: resumed.exitCode, units: report.units }).toEqual({
      exitCode: 0,
      units: { total: ASSETS, ok: ASSETS, failed: 0, pending: 0 },
    })
  })
})

describe('a scripted run that is interrupted', () => {
  const UNITS = 24
  let runId = ''
  let resume: string[] = []
  const own = (): string => `script:${path.join(user.folder, 'own.yaml')}`
  const status = async (...more: string[]) =>
    runReport.parse((await user.run(['status', runId, '--local', '--json', ...more])).json())

  test('names its stand-in in the command that continues it', async () => {
    await noCloud()
    const output = 'output: {type: object, required: [seen], properties: {seen: {type: string}}}'
    const profile = `name: seen\ndescription: Which image was seen.\nprompt: Which image is this?\n${output}\n`
    await writeFile(path.join(user.folder, 'seen.yaml'), profile)
    await writeFile(path.join(user.folder, 'own.yaml'), 'latency_ms: 1000\nanswer: {seen: own}\n')
    await writeFile(path.join(user.folder, 'other.yaml'), 'answer: {seen: other}\n')
    const source = ['--table', 'signs.jsonl', '--limit', String(UNITS), '--profile', 'seen.yaml', '--concurrency', '2']
    const { process: child, outcome } = user.start(['run', '--local', ...source, '--gemini', 'script:own.yaml'])
    await shown(child, '· Process the assets\n')
    await pause(randomFrom(SEED)() * 1_000)
    child.kill('SIGINT')
    const { exitCode, stderr } = await outcome
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('[CANCELLED]') })
    const [, command = ''] = /\n {2}imagery (resume [^\n]+)\n/.exec(stderr) ?? []
    resume = command.split(' ')
    runId = resume[1] ?? ''
    expect(resume).toEqual(['resume', runId, '--local', '--gemini', own()])
  })

  test('is answered by its stand-in while another command looks at it', async () => {
    const { units, answers } = await status()
    expect({ failed: units.failed, answers }, `seed ${SEED}`).toEqual({
      failed: 0,
      answers: { by: own(), billed: false, available: true },
    })
  })

  test('waits, and loses no unit, in a local cloud with another stand-in or without its file', async () => {
    await noCloud()
    const elsewhere = { by: own(), billed: false, available: false }
    expect(await status('--gemini', 'script:other.yaml')).toMatchObject({ state: 'paused', answers: elsewhere })
    const refused = await user.run(['resume', runId, '--local', '--json'])
    expect(refused.error()).toMatchObject({
      code: 'NOT_AVAILABLE',
      message: expect.stringContaining(`Run ${runId} is answered by ${own()}, but the local cloud has script:`),
    })
    expect(refused.error().suggestions).toContain(`imagery resume ${runId} --gemini ${own()} --local`)
    await noCloud()
    await rename(path.join(user.folder, 'own.yaml'), path.join(user.folder, 'moved.yaml'))
    await rename(path.join(user.folder, 'other.yaml'), path.join(user.folder, 'other-moved.yaml'))
    expect(await status()).toMatchObject({ state: 'paused', units: { failed: 0 }, answers: elsewhere })
    await rename(path.join(user.folder, 'moved.yaml'), path.join(user.folder, 'own.yaml'))
  })

  test('ends with every unit ok, all answered by its stand-in', async () => {
    await noCloud()
    await writeFile(path.join(user.folder, 'own.yaml'), 'answer: {seen: own}\n')
    const resumed = await user.run([...resume, '--json'])
    expect(runReport.parse(resumed.json())).toMatchObject({
      state: 'complete',
      units: { total: UNITS, ok: UNITS, failed: 0, pending: 0 },
      answers: { by: own(), billed: false, available: true },
    })
    const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
    expect(rows.map(({ seen }) => seen)).toEqual(Array.from({ length: UNITS }, () => 'own'))
    expect((await user.run(['status', runId, '--local'])).stdout).toContain(`Answers  ${own()}; nothing is billed`)
  })
})
