import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'
import { readAccessLog } from './access-log.ts'
import { inCampaign } from './campaign-length.ts'
import { runReport } from './documents.ts'
import { SEED } from './kill-campaign.ts'
import { randomFrom, shuffled } from './random.ts'
import { rowsOf } from './survived-run.ts'

/** More than the model can answer before the last stop, even on a busy machine. */
const UNITS = inCampaign({ short: 120, full: 400 })

/** The ways of stopping; each has as many moments. */
const WAYS = ['Ctrl-C to local start', 'SIGTERM to local start', 'local stop', 'Ctrl-C to resume'] as const
const STOPS = WAYS.length * inCampaign({ short: 1, full: 5 })

/** A moment is at most this long after the first call of its session. */
const WINDOW_MS = 400

/** Concurrent calls to the model, with twice as many tasks in progress: few, so that the run outlives every stop. */
const CONCURRENCY = 2

/** During the stops, and for the rest afterwards. */
const LATENCY_MS = { atStops: 300, afterwards: 0 }

const model = (latencyMs: number): string => `latency_ms: ${latencyMs}\nanswer: {seen: "{{images}}"}\n`

const PROFILE = `name: seen
description: Which image was seen.
prompt: Which image is this?
output: {type: object, required: [seen], properties: {seen: {type: string}}}
`

/** A user whose local clouds have a scripted model and one access log. */
class Owner {
  readonly user: ImageryUser
  readonly environment: Record<string, string>

  constructor(user: ImageryUser, modelText: string) {
    this.user = user
    this.environment = {
      IMAGERY_ACCESS_LOG: path.join(user.folder, 'access.log'),
      IMAGERY_GEMINI: `script:${this.file('model.yaml', modelText)}`,
    }
  }

  file(name: string, text: string): string {
    const file = path.join(this.user.folder, name)
    writeFileSync(file, text)
    return file
  }

  run(...args: string[]) {
    return this.user.run(args, this.environment)
  }

  start(...args: string[]) {
    return this.user.start(args, this.environment)
  }

  /** The flags of a run of this many units. */
  source(units: number): string[] {
    const rows = Array.from({ length: units }, (_, index) => {
      const id = `asset-${String(index).padStart(4, '0')}`
      return `${JSON.stringify({ asset_id: id, observation_id: id, gcs_uri: `gs://street-images/${id}.jpg` })}\n`
    })
    return ['--table', this.file('assets.jsonl', rows.join('')), '--profile', this.file('seen.yaml', PROFILE)]
  }

  log() {
    return readAccessLog(this.environment['IMAGERY_ACCESS_LOG']!)
  }

  /** Waits until a local cloud other than `before` has started. Returns its process. */
  async cloudIsUp(before?: number): Promise<number> {
    for (;;) {
      const locator = await findLocalCloud(this.user.dataDirectory)
      if (locator && locator.pid !== before) return locator.pid
      await pause(20)
    }
  }

  /** Waits until a cloud stops, or has stopped. */
  async cloudStops(pid: number): Promise<void> {
    while ((await findLocalCloud(this.user.dataDirectory))?.pid === pid) await pause(10)
  }

  async modelIsAsked(): Promise<void> {
    // Not by readAccessLog: parsing it every few milliseconds would slow down the run.
    const calls = (): number =>
      readFileSync(this.environment['IMAGERY_ACCESS_LOG']!, 'utf8').split('"aiplatform.generateContent"').length - 1
    const before = calls()
    for (const deadlineMs = Date.now() + 60_000; Date.now() < deadlineMs; await pause(25)) if (calls() > before) return
    throw new Error(`the model was not asked again after ${before} calls`)
  }

  async leave(): Promise<void> {
    // A failed test may have left a local cloud that waits for a slow model.
    await this.user.run(['local', 'stop', '--now'])
    await this.user.leave()
  }
}

/** A process's stderr. */
function ear(child: ReturnType<ImageryUser['start']>['process']): { heard(pattern: RegExp): Promise<void> } {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text += String(chunk)))
  return {
    async heard(pattern) {
      for (const deadlineMs = Date.now() + 60_000; !pattern.test(text); await pause(10))
        if (Date.now() > deadlineMs) throw new Error(`not heard: ${pattern} in ${text}`)
    },
  }
}

/** One local cloud that was stopped. */
interface Stop {
  way: (typeof WAYS)[number]
  /** Its cloud. */
  pid: number
  /** The output, once the local cloud has stopped. */
  said: Promise<string>
}

/**
 * Starts a local cloud, lets the run continue until `workMs` after its first call, and stops the cloud in one of the ways.
 * Does not wait for calls in progress: the next local cloud starts meanwhile, as with an impatient user.
 */
async function stopOnce(owner: Owner, way: Stop['way'], runId: string, workMs: number, last?: Stop): Promise<Stop> {
  const isCommandAlone = way === 'Ctrl-C to resume'
  // A command would keep using a local cloud that is about to end; here, each must have its own.
  if (isCommandAlone) await last?.said
  const { process: child, outcome } = isCommandAlone
    ? owner.start('resume', runId, '--local')
    : owner.start('local', 'start')
  const hearing = ear(child)
  const pid = await owner.cloudIsUp(last?.pid)
  await owner.modelIsAsked()
  if (isCommandAlone) await hearing.heard(/^· Deploy/m)
  await pause(workMs)
  if (way === 'local stop') {
    const stopped = owner.run('local', 'stop')
    const said = Promise.all([stopped, outcome]).then(([stop, cloud]) => {
      expect(stop).toMatchObject({ exitCode: 0, stdout: 'Stopped the local cloud. Its state is kept.\n' })
      expect(cloud.exitCode, cloud.stderr).toBe(0)
      return stop.stderr
    })
    await Promise.race([owner.cloudStops(pid), said])
    return { way, pid, said }
  }
  child.kill(way === 'SIGTERM to local start' ? 'SIGTERM' : 'SIGINT')
  const said = outcome.then(async ({ exitCode, stderr }) => {
    expect(exitCode, stderr).toBe(isCommandAlone ? 130 : 0)
    // A command ends before the local cloud it started, which runs until its calls finish.
    while (isAlive(pid)) await pause(20)
    return stderr
  })
  if (isCommandAlone) await outcome
  else await Promise.race([owner.cloudStops(pid), said])
  return { way, pid, said }
}

describe(`a Gemini run of ${UNITS} units whose local cloud is stopped ${STOPS} times (seed ${SEED})`, () => {
  test('pays for each unit once, however and whenever it is stopped', async ({ onTestFinished }) => {
    const owner = new Owner(await newUser({ isWarm: true }), model(LATENCY_MS.atStops))
    onTestFinished(() => owner.leave(), 60_000)
    const random = randomFrom(SEED)
    expect(await owner.run('local', 'start', '--detach')).toMatchObject({ exitCode: 0 })
    const limits = ['--concurrency', String(CONCURRENCY), '--no-wait', '--json']
    const run = await owner.run('run', '--local', ...owner.source(UNITS), ...limits)
    const { run_id: runId } = runReport.parse(run.json())
    expect(await owner.run('local', 'stop')).toMatchObject({ exitCode: 0 })
    const ways = Array.from({ length: STOPS / WAYS.length }, () => shuffled([...WAYS], random)).flat()
    const stops: Stop[] = []
    for (const way of ways)
      stops.push(await stopOnce(owner, way, runId, Math.round(random() * WINDOW_MS), stops.at(-1)))
    const said = await Promise.all(stops.map(async ({ way, said: text }) => ({ way, text: await text })))

    const atStops = owner.log().calls('aiplatform.generateContent')
    expect(atStops).toBeLessThan(UNITS)
    expect(new Set(stops.map(({ pid }) => pid)).size).toBe(STOPS)
    const interrupted = said.filter(({ text }) =>
      new RegExp(`Interrupted; run ${runId} (is paused in the local cloud|is recorded; no new tasks are queued)`).test(
        text.replaceAll(/\s+/g, ' '),
      ),
    )
    expect(interrupted.map(({ way }) => way)).toEqual(
      Array.from({ length: STOPS / WAYS.length }, () => 'Ctrl-C to resume'),
    )
    // A stop with nothing in progress prints nothing.
    const waited = said.filter(({ text }) => /Waiting for .*, at most /.test(text))
    expect(waited.length).toBeGreaterThanOrEqual((STOPS * 3) / 4 - 3)
    const inFlight = waited.filter(({ text }) => /Waiting for .*model calls?, at most /.test(text))
    expect(inFlight.length).toBeGreaterThanOrEqual(STOPS / 2)

    owner.file('model.yaml', model(LATENCY_MS.afterwards))
    expect(await owner.run('local', 'start', '--detach')).toMatchObject({ exitCode: 0 })
    const resumed = await owner.run('resume', runId, '--local', '--json')
    const report = runReport.parse(resumed.json())
    expect(report.units).toEqual({ total: UNITS, ok: UNITS, failed: 0, pending: 0 })
    // From the access log, which outlives the clouds: each answer was billed.
    const log = owner.log()
    expect({
      calls: log.calls('aiplatform.generateContent'),
      billed: log.answers('aiplatform.generateContent'),
      sends: log.sends,
      // The first unit was asked before the run created its tasks.
    }).toEqual({ calls: UNITS, billed: UNITS, sends: UNITS - 1 })
    useLocalCloud((await findLocalCloud(owner.user.dataDirectory))!)
    const [rows] = await rowsOf(
      report.attempts_table,
      'SELECT COUNT(*) AS attempts, COUNT(DISTINCT unit_id) AS units FROM TABLE',
    )
    expect(rows).toEqual({ attempts: UNITS, units: UNITS })
  }, 400_000)
})

describe('a stop that waits for a call to the model', () => {
  /** The probe's unit is answered at once; the other one takes longer than any of these tests waits for it. */
  const SLOW = 'latency_ms: 90000\ncases: [{images: "gs://street-images/asset-0000.jpg", latency_ms: 0}]\n'

  let owner: Owner
  let runId = ''
  let last: ReturnType<ImageryUser['start']> | undefined

  beforeAll(async () => {
    owner = new Owner(await newUser({ isWarm: true }), SLOW)
  })

  // Stop a test's local cloud, so that the next test or retry does not use it. A second Ctrl-C does not wait for the programs.
  afterEach(async () => {
    last?.process.kill('SIGINT')
    await Promise.race([last?.outcome, pause(500)])
    last?.process.kill('SIGINT')
    await last?.outcome
  })

  afterAll(() => owner.leave())

  /** A local cloud in the foreground whose model is asked about the last unit of a run, the same in each test. */
  async function askedCloud(): Promise<ReturnType<ImageryUser['start']>> {
    const started = owner.start('local', 'start')
    last = started
    await owner.cloudIsUp()
    if (runId === '') {
      const run = await owner.run('run', '--local', ...owner.source(2), '--no-wait', '--json')
      runId = runReport.parse(run.json()).run_id
    }
    for (const deadlineMs = Date.now() + 60_000; Date.now() < deadlineMs; await pause(200)) {
      const { gemini } = (await owner.run('local', 'status', '--json')).json() as { gemini?: Record<string, number> }
      if (gemini && gemini['calls']! > gemini['billed_calls']!) return started
    }
    throw new Error('the model was not asked')
  }

  test('says how long it waits at most and what not waiting costs, and local stop --now does not wait', async () => {
    const cloud = await askedCloud()
    const waiting = owner.start('local', 'stop')
    const text = new Promise<string>((resolve) =>
      waiting.process.stderr?.on('data', (chunk: Buffer) => resolve(String(chunk))),
    )
    expect(await text).toMatch(
      /^· Waiting for 1 model call, at most 4 min \d+ s\. Run imagery local stop --now to stop now: that call will be repeated\.\n$/,
    )
    const status = await owner.run('local', 'status')
    expect(status.stdout).toMatch(/is stopping\.\n\nWaiting for 1 model call, at most .* will be repeated\.\n$/)
    const startedMs = performance.now()
    const stopped = await owner.run('local', 'stop', '--now', '--json')
    expect(stopped.exitCode).toBe(0)
    // This is not about calls: a stop that takes longer than a second says so.
    expect(stopped.stderr).toMatch(
      /^(· Waiting for the local cloud in \S+ \(process \d+\), which is stopping( and waits for (?!calls in progress)[^\n]*)?\n)*$/,
    )
    expect(performance.now() - startedMs).toBeLessThan(30_000)
    expect((await waiting.outcome).exitCode).toBe(0)
    expect((await cloud.outcome).exitCode).toBe(0)
  })

  test('ends at a second Ctrl-C, but not at the same one passed on by npm', async () => {
    const { process: child, outcome } = await askedCloud()
    let seen = ''
    child.stderr?.on('data', (chunk: Buffer) => (seen += String(chunk)))
    child.kill('SIGINT')
    child.kill('SIGINT')
    const note = /Waiting for 1 model call, at most .*\. Press Ctrl-C again to stop now: that call will be repeated\.\n/
    await expect.poll(() => seen, { timeout: 20_000 }).toMatch(note)
    await pause(500)
    expect((await owner.run('local', 'status', '--json')).json()).toMatchObject({ stopping: { model_calls: 1 } })
    child.kill('SIGINT')
    expect((await outcome).exitCode).toBe(130)
    expect((await owner.run('local', 'status', '--json')).json()).toEqual({ running: false })
  })

  test('a resume and a retry that Ctrl-C interrupts while they read the run from BigQuery name the run', async () => {
    await askedCloud()
    const locator = (await findLocalCloud(owner.user.dataDirectory))!
    const faults = (rules?: object[]) =>
      fetch(new URL('/_imagery/faults', locator.http), {
        method: rules ? 'PUT' : 'GET',
        headers: { authorization: `Bearer ${locator.adminToken}` },
        ...(rules ? { body: JSON.stringify(rules) } : {}),
      }).then((answer) => answer.json() as Promise<{ applied: number }[]>)
    for (const command of ['resume', 'retry']) {
      await faults([{ method: 'bigquery.jobs.getQueryResults', effect: { kind: 'delay', delayMs: 90_000 } }])
      const { process: child, outcome } = owner.start(command, runId, '--local')
      await expect.poll(async () => (await faults())[0]?.applied, { timeout: 60_000 }).toBeGreaterThan(0)
      child.kill('SIGINT')
      const { exitCode, stderr } = await outcome
      expect({ command, exitCode, text: stderr.replaceAll(/\s+/g, ' ') }).toEqual({
        command,
        exitCode: 130,
        text: expect.stringMatching(
          new RegExp(
            `Interrupted; run ${runId} is recorded; no new tasks are queued \\[CANCELLED\\] Try one of these imagery resume ${runId} --local( --gemini \\S+)? imagery teardown ${runId} --local`,
          ),
        ),
      })
    }
  })
})
