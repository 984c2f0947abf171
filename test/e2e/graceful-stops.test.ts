import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'
import { readAccessLog } from './access-log.ts'
import { runReport } from './documents.ts'
import { SEED } from './kill-campaign.ts'
import { randomFrom, shuffled } from './random.ts'
import { rowsOf } from './survived-run.ts'

/** More than the model can answer before the last stop, on a machine that is busy too. */
const UNITS = 600

/** Each way of stopping has five moments. */
const WAYS = ['Ctrl-C to local start', 'SIGTERM to local start', 'local stop', 'Ctrl-C to resume'] as const
const STOPS = 20

/** A moment lies so long, at the most, after the first call of its session. */
const WINDOW_MS = 500

/** Calls to the model at once, with twice as many tasks under way: few, so that the run outlives every stop. */
const CONCURRENCY = 4

/** While the cloud is being stopped, and for what is left then. */
const LATENCY_MS = { atStops: 600, afterwards: 0 }

const model = (latencyMs: number): string => `latency_ms: ${latencyMs}\nanswer: {seen: "{{images}}"}\n`

const PROFILE = `name: seen
description: Which image was seen.
prompt: Which image is this?
output: {type: object, required: [seen], properties: {seen: {type: string}}}
`

let user: ImageryUser
let environment: Record<string, string>

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(path.join(user.folder, name), text)
  return path.join(user.folder, name)
}

async function table(units: number): Promise<string> {
  const rows = Array.from({ length: units }, (_, index) => {
    const id = `asset-${String(index).padStart(4, '0')}`
    return `${JSON.stringify({ asset_id: id, observation_id: id, gcs_uri: `gs://street-images/${id}.jpg` })}\n`
  })
  return file(`assets-${units}.jsonl`, rows.join(''))
}

beforeAll(async () => {
  user = await newUser()
  environment = {
    IMAGERY_ACCESS_LOG: path.join(user.folder, 'access.log'),
    IMAGERY_GEMINI: `script:${await file('model.yaml', model(LATENCY_MS.atStops))}`,
  }
})

afterAll(() => user.leave())

const log = () => readAccessLog(environment['IMAGERY_ACCESS_LOG']!)

/** Waits until the cloud of the user is up. Answers its process. */
async function cloudIsUp(): Promise<number> {
  for (;;) {
    const locator = await findLocalCloud(user.dataDirectory)
    if (locator) return locator.pid
    await pause(20)
  }
}

async function modelIsAsked(): Promise<void> {
  // Not by readAccessLog: to parse it every few milliseconds would take the machine from the run.
  const calls = (): number =>
    readFileSync(environment['IMAGERY_ACCESS_LOG']!, 'utf8').split('"aiplatform.generateContent"').length - 1
  const before = calls()
  for (const deadlineMs = Date.now() + 60_000; Date.now() < deadlineMs; await pause(50)) if (calls() > before) return
  throw new Error(`the model was not asked again after ${before} calls`)
}

async function isGone(pid: number): Promise<void> {
  while (isAlive(pid)) await pause(20)
}

/** Lets the run go on for `workMs` from its first call, and stops the cloud in one of the ways. Answers what was said. */
async function stopOnce(way: (typeof WAYS)[number], runId: string, workMs: number): Promise<string> {
  const isCommandAlone = way === 'Ctrl-C to resume'
  const { process: child, outcome } = user.start(
    isCommandAlone ? ['resume', runId, '--local'] : ['local', 'start'],
    environment,
  )
  const pid = await cloudIsUp()
  await modelIsAsked()
  await pause(workMs)
  if (way !== 'local stop') {
    child.kill(way === 'SIGTERM to local start' ? 'SIGTERM' : 'SIGINT')
    const { exitCode, stderr } = await outcome
    expect(exitCode, stderr).toBe(isCommandAlone ? 130 : 0)
    // The command has ended; the cloud that it had started goes on for as long as its calls take.
    await isGone(pid)
    return stderr
  }
  const stopped = await user.run(['local', 'stop'], environment)
  expect(stopped).toMatchObject({ exitCode: 0, stdout: 'Stopped the local cloud. Its state is kept.\n' })
  expect((await outcome).exitCode).toBe(0)
  return stopped.stderr
}

describe(`a Gemini run of ${UNITS} units whose local cloud is stopped ${STOPS} times (seed ${SEED})`, () => {
  test('pays for each unit once, in whatever way and moment it is stopped', async () => {
    const random = randomFrom(SEED)
    expect(await user.run(['local', 'start', '--detach'], environment)).toMatchObject({ exitCode: 0 })
    const source = ['--table', await table(UNITS), '--profile', await file('seen.yaml', PROFILE)]
    const run = await user.run(
      ['run', '--local', ...source, '--concurrency', String(CONCURRENCY), '--no-wait', '--json'],
      environment,
    )
    const { run_id: runId } = runReport.parse(run.json())
    expect(await user.run(['local', 'stop'], environment)).toMatchObject({ exitCode: 0 })
    const ways = Array.from({ length: STOPS / WAYS.length }, () => shuffled([...WAYS], random)).flat()
    const said: string[] = []
    for (const way of ways) said.push(await stopOnce(way, runId, Math.round(random() * WINDOW_MS)))

    const atStops = log().calls('aiplatform.generateContent')
    expect(atStops).toBeLessThan(UNITS)
    const interrupted = said.filter((text) => text.includes(`Interrupted; run ${runId} is paused in the local cloud`))
    expect(interrupted).toHaveLength(STOPS / WAYS.length)
    // A stop that finds nothing in progress has nothing to say.
    const waited = said.filter((text) => /Waiting for .*, at most .+\./.test(text))
    expect(waited.length).toBeGreaterThanOrEqual((STOPS * 3) / 4 - 3)

    await file('model.yaml', model(LATENCY_MS.afterwards))
    expect(await user.run(['local', 'start', '--detach'], environment)).toMatchObject({ exitCode: 0 })
    const resumed = await user.run(['resume', runId, '--local', '--json'], environment)
    const report = runReport.parse(resumed.json())
    expect(report.units).toEqual({ total: UNITS, ok: UNITS, failed: 0, pending: 0 })
    // From the access log, which outlives the clouds: each answer was billed.
    expect({
      calls: log().calls('aiplatform.generateContent'),
      billed: log().answers('aiplatform.generateContent'),
      sends: log().sends,
    }).toEqual({ calls: UNITS, billed: UNITS, sends: UNITS })
    useLocalCloud((await findLocalCloud(user.dataDirectory))!)
    const [rows] = await rowsOf(
      report.attempts_table,
      'SELECT COUNT(*) AS attempts, COUNT(DISTINCT unit_id) AS units FROM TABLE',
    )
    expect(rows).toEqual({ attempts: UNITS, units: UNITS })
    await user.run(['local', 'stop'], environment)
  }, 400_000)
})

describe('a stop that has to wait for a call to the model', () => {
  /** Longer than any of these tests waits for it. */
  const SLOW = 'latency_ms: 90000\n'

  /** A local cloud in the foreground whose model is being asked, by a run that it has or by a new one. */
  async function askedCloud(isNewRun: boolean): Promise<ReturnType<ImageryUser['start']>> {
    const slow = { ...environment, IMAGERY_GEMINI: `script:${await file('slow.yaml', SLOW)}` }
    const started = user.start(['local', 'start'], slow)
    await cloudIsUp()
    if (isNewRun) {
      const source = ['--table', await table(1), '--profile', await file('seen.yaml', PROFILE)]
      expect(await user.run(['run', '--local', ...source, '--no-wait'], slow)).toMatchObject({ exitCode: 0 })
    }
    for (;;) {
      const { gemini } = (await user.run(['local', 'status', '--json'])).json() as { gemini: { calls: number } }
      if (gemini.calls > 0) return started
    }
  }

  test('says for how long at the most and what it costs not to wait, and local stop --now does not', async () => {
    const cloud = await askedCloud(true)
    const waiting = user.start(['local', 'stop'])
    const text = new Promise<string>((resolve) =>
      waiting.process.stderr?.on('data', (chunk: Buffer) => resolve(String(chunk))),
    )
    expect(await text).toMatch(
      /^· Waiting for 1 model call, at most 2 min \d+ s\. Run imagery local stop --now to stop now: that call will be repeated\.\n$/,
    )
    const status = await user.run(['local', 'status'])
    expect(status.stdout).toMatch(/is stopping\.\n\nWaiting for 1 model call, at most .* will be repeated\.\n$/)
    const startedMs = performance.now()
    expect(await user.run(['local', 'stop', '--now', '--json'])).toMatchObject({ exitCode: 0, stderr: '' })
    expect(performance.now() - startedMs).toBeLessThan(30_000)
    expect((await waiting.outcome).exitCode).toBe(0)
    expect((await cloud.outcome).exitCode).toBe(0)
  })

  test('is ended by a second Ctrl-C, but not by the same one that npm has passed on', async () => {
    const { process: child, outcome } = await askedCloud(false)
    let seen = ''
    child.stderr?.on('data', (chunk: Buffer) => (seen += String(chunk)))
    child.kill('SIGINT')
    child.kill('SIGINT')
    const note = /Waiting for 1 model call, at most .*\. Press Ctrl-C again to stop now: that call will be repeated\.\n/
    await expect.poll(() => seen, { timeout: 20_000 }).toMatch(note)
    await pause(500)
    expect((await user.run(['local', 'status', '--json'])).json()).toMatchObject({ stopping: { model_calls: 1 } })
    child.kill('SIGINT')
    expect((await outcome).exitCode).toBe(130)
    expect((await user.run(['local', 'status', '--json'])).json()).toEqual({ running: false })
  })
})
