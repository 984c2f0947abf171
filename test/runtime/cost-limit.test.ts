// First: it sets what gRPC reads when it is loaded.
import { DATA_DIR } from './trusted-roots.ts'
import { setImmediate as turn } from 'node:timers/promises'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunControls, RunStop } from '../../src/contracts/run-controls.ts'
import { bucketName, type DeploymentRef } from '../../src/contracts/names.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { createBucket } from '../../src/google/storage/bucket.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { readBudget, writeBudget } from '../../src/run-data/run-budget.ts'
import { changeRunControls, recordRunStop, runControlsOf, runStopOf } from '../../src/run-data/run-stop.ts'
import { sleep } from '../../src/runtime/clock.ts'
import { RunLimits } from '../../src/runtime/limits/run-limits.ts'
import { TaskProcessor } from '../../src/runtime/main/process-task.ts'
import { RunStops } from '../../src/runtime/run-stops.ts'
import { Shutdown } from '../../src/runtime/shutdown.ts'
import { changeLimits } from '../../src/services/runs/limits.ts'
import { randomFrom } from '../e2e/random.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { ANSWER, fakeLog, TASK } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'

const PLACE: DeploymentRef = { projectId: 'imagery-local', region: 'us-central1' }

/** The objects of runs in the bucket of the local cloud. */
const LOCAL_CLOUD = {
  controls: runControlsOf,
  stop: runStopOf,
  recordStop: recordRunStop,
  read: readBudget,
  write: writeBudget,
}

/** The others have the same objects in memory, which takes a tenth of the time. */
const IN_LOCAL_CLOUD = 2

const CALLS_AT_ONCE = 12
const ATTEMPT_MS = 20_000

/** Time that passes only while no request is on its way, so that a slow machine changes nothing. */
class PatientTime {
  readonly clock = new ManualClock()
  #requests = 0

  /** A function whose requests time waits for. */
  waitsFor<Parameters extends unknown[], Result>(request: (...given: Parameters) => Promise<Result>) {
    return async (...given: Parameters): Promise<Result> => {
      this.#requests += 1
      try {
        return await request(...given)
      } finally {
        this.#requests -= 1
      }
    }
  }

  async passUntil(done: Promise<unknown>): Promise<void> {
    let isDone = false
    void done.finally(() => (isDone = true))
    while (!isDone) {
      if (this.#requests > 0) await turn()
      else await this.clock.advance(50)
    }
  }
}

interface Instance {
  processor: TaskProcessor
  limits: RunLimits
  isKilled: boolean
  kill: () => void
  killed: Promise<'killed'>
}

/**
 * A run whose calls have random costs and latencies, with tasks that are delivered again until they are recorded or the
 * run is stopped. Nothing of a killed instance arrives anywhere any more, but its calls are paid.
 */
async function runToTheCap(seed: number, isInLocalCloud: boolean) {
  const random = randomFrom(seed)
  for (let warm = 0; warm < 10; warm++) random()
  const instanceCount = 1 + (seed % 4)
  const kills = seed % 3 === 0
  const spec: RunSpec = {
    ...geminiSpec(),
    run_id: `261130-${seed.toString(16).padStart(8, '0')}`,
    place: PLACE,
    limits: { ...geminiSpec().limits, max_calls: CALLS_AT_ONCE, attempt_timeout_ms: ATTEMPT_MS },
  }
  const capNano = 20_000_000 + Math.floor(random() * 60_000_000)
  const controls: RunControls = {
    v: 1,
    run_id: spec.run_id,
    max_cost_usd: capNano / 1e9,
    max_failures: null,
    notify_topic: null,
  }
  const memory = new FakeRunObjects()
  memory.controls = controls
  const objects = isInLocalCloud ? LOCAL_CLOUD : { ...memory.access(), stop: async () => memory.stop }
  if (isInLocalCloud) await changeRunControls(spec, controls)

  // What Google bills, seen from outside.
  let billed = 0
  let inFlightAtCap: number | undefined
  const writesAtMs: number[] = []
  let told = 0
  const time = new PatientTime()
  const { clock } = time
  const calls = new Set<{ cost: number }>()
  const ledger: number[] = []
  let ids = 0

  const newInstance = (): Instance => {
    const id = `instance-${(ids += 1)}`
    const instance = { isKilled: false } as Instance
    instance.killed = new Promise((resolve) => {
      instance.kill = () => {
        instance.isKilled = true
        resolve('killed')
      }
    })
    const never = <Result>(): Promise<Result> => new Promise(() => {})
    const stops = new RunStops({ read: time.waitsFor(objects.stop), clock })
    instance.limits = new RunLimits({
      controls: time.waitsFor(objects.controls),
      stops,
      recordStop: time.waitsFor(objects.recordStop),
      notify: async () => void (told += 1),
      budgets: {
        read: (run) => (instance.isKilled ? never() : time.waitsFor(objects.read)(run)),
        async write(run, version) {
          if (instance.isKilled) return never()
          const isWritten = await time.waitsFor(objects.write)(run, version)
          if (isWritten) writesAtMs.push(clock.now())
          return isWritten
        },
        ledgerCost: async () => ({ usd: ledger.reduce((sum, cost) => sum + cost, 0) / 1e9, unknown: 0 }),
      },
      instanceId: id,
      clock,
      log: fakeLog().log,
    })
    instance.processor = new TaskProcessor({
      specs: { get: async () => spec, isGone: async () => false } as never,
      ledger: {
        withWriter: (work) => work(),
        append: async (_table, row) => {
          if (instance.isKilled) return never()
          await sleep(clock, 100)
          ledger.push(Math.round(Number(row['cost_usd'] ?? 0) * 1e9))
        },
      },
      finalRows: { find: async () => undefined },
      snapshots: { touch: () => undefined },
      stops,
      limits: instance.limits,
      shutdown: new Shutdown(),
      modelFor: async () => ({
        async answer(_asset, { onTurn }) {
          await onTurn?.()
          const promptTokens = 500 + Math.floor(random() * 1_500)
          const cost = promptTokens * 300
          const call = { cost }
          calls.add(call)
          await sleep(clock, 200 + random() * 3_000)
          billed += cost
          if (billed >= capNano && inFlightAtCap === undefined)
            inFlightAtCap = [...calls].reduce((sum, one) => sum + one.cost, 0)
          calls.delete(call)
          return { ...ANSWER, usage: { promptTokens, outputTokens: 0, thoughtTokens: 0 } }
        },
      }),
      clock,
      log: fakeLog().log,
      newAttemptId: () => `attempt-${(ids += 1)}`,
    })
    return instance
  }

  let instances = Array.from({ length: instanceCount }, newInstance)
  let next = 0
  let killAfter = kills ? 10 + Math.floor(random() * 20) : Number.POSITIVE_INFINITY
  let stopped: RunStop | undefined
  const work = async (): Promise<void> => {
    for (let unit = (next += 1); ; unit = next += 1) {
      for (let delivery = 0; ; delivery++) {
        if (stopped) return
        // A unit whose task is delivered again can go to another instance.
        const instance = instances[Math.floor(random() * instances.length)]!
        const task = { ...TASK, run_id: spec.run_id, unit_id: `unit-${unit}`, asset_id: `unit-${unit}` }
        const outcome = await Promise.race([
          instance.processor.process(task, { retryCount: delivery, executionCount: delivery, trace: undefined }),
          instance.killed,
        ])
        if (outcome === 'killed') continue
        if (outcome.kind === 'recorded') break
        if (outcome.kind === 'stopped') stopped = await objects.stop(spec)
        else if (outcome.kind === 'retry') await sleep(clock, outcome.retryAfterSeconds * 1_000)
      }
      if ((killAfter -= 1) > 0) continue
      killAfter = Number.POSITIVE_INFINITY
      instances[0]!.kill()
      instances = [...instances.slice(1), newInstance()]
    }
  }
  await time.passUntil(Promise.all(Array.from({ length: CALLS_AT_ONCE }, work)))
  await time.passUntil(Promise.all(instances.map(({ limits }) => limits.close())))
  const budget = (await objects.read(spec))?.budget
  const ledgerSum = ledger.reduce((sum, cost) => sum + cost, 0)
  return { capNano, billed, ledgerSum, inFlightAtCap: inFlightAtCap ?? 0, budget, stopped, kills, writesAtMs, told }
}

let cloud: LocalCloud
beforeAll(async () => {
  cloud = await startLocalCloud({ dataDir: DATA_DIR, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
  const expiring = { prefix: 'runs/', days: 7 }
  await createBucket(bucketName(PLACE), { ...PLACE, location: PLACE.region, labels: {}, expiring })
})
afterAll(() => cloud.stop())

/** The most expensive call that the script makes. */
const DEAREST_NANO = 2_000 * 300

describe('a cap on the cost', () => {
  test.for(Array.from({ length: 20 }, (_, index) => index + 1))(
    'seed %i: is exceeded by no more than the calls in flight',
    async (seed) => {
      const { capNano, billed, ledgerSum, inFlightAtCap, budget, stopped, kills, writesAtMs, told } = await runToTheCap(
        seed,
        seed <= IN_LOCAL_CLOUD,
      )
      expect(stopped).toMatchObject({ reason: 'max_cost', message: expect.stringContaining('of --max-cost') })
      expect(told, 'messages about the stop').toBe(1)
      expect(billed - capNano).toBeLessThanOrEqual(inFlightAtCap)
      // What is left is less than a call, and less than the calls that a killed instance may have lost.
      expect(billed).toBeGreaterThan(capNano - (kills ? CALLS_AT_ONCE + 2 : 2) * DEAREST_NANO)
      // An object takes about one update a second (https://cloud.google.com/storage/quotas).
      const seconds = ((writesAtMs.at(-1) ?? 0) - (writesAtMs[0] ?? 0)) / 1_000
      expect(writesAtMs.length).toBeLessThanOrEqual(10 + seconds)
      expect(budget?.leases).toEqual({})
      if (kills) expect(ledgerSum).toBeLessThanOrEqual(billed)
      else {
        expect(ledgerSum).toBe(billed)
        expect(budget?.spent_nanousd).toBe(ledgerSum)
      }
    },
  )

  test('that a resume lowers holds at once, although an instance has a lease on part of the higher one', async () => {
    const clock = new ManualClock()
    const objects = new FakeRunObjects()
    objects.controls = { ...objects.controls, max_cost_usd: 100 }
    const limits = objects.limits(clock)
    const spec = geminiSpec()
    const first = limits.begin(spec)
    await clock.advance(0)
    ;(await first)!.charge(100_000_000)
    objects.controls = { ...objects.controls, max_cost_usd: 0.5 }
    await clock.advance(2_900)
    // Another call keeps the lease from being given back before the instance reads the new cap.
    const second = limits.begin(spec)
    await clock.advance(200)
    await second
    let begun = 0
    const more = Array.from({ length: 20 }, async () => {
      await limits.begin(spec)
      begun += 1
    })
    const ended = Promise.allSettled(more)
    await clock.advance(60_000)
    await ended
    // $0.10 are spent, and each call can cost $0.15.
    expect(begun).toBeLessThanOrEqual(1)
    expect(objects.budget?.budget.leases['instance-1']?.held_nanousd).toBeLessThanOrEqual(400_000_000)
  })
})

test.each([
  ['its share', { max_failures_percent: 2 }, undefined, { max_failures_percent: 2 }, 4],
  ['the share of the resume', {}, { percent: 10 }, { max_failures_percent: 10 }, 20],
  ['the usual limit', {}, undefined, {}, 20],
  ['its number', { max_failures: 7 }, undefined, { max_failures: 7 }, 7],
  ['no limit', {}, null, {}, null],
])(
  'a run that goes on before its units are counted gets %s once they are',
  async (_, recorded, maxFailures, uncounted, counted) => {
    const spec: RunSpec = { ...geminiSpec(), place: PLACE }
    const none = { v: 1 as const, run_id: spec.run_id, max_cost_usd: null, max_failures: null, notify_topic: null }
    await changeRunControls(spec, { ...none, ...recorded })
    const about = { command: 'resume', flags: ' --local' }
    await changeLimits(spec, { maxFailures }, { ...about, units: 0 })
    expect(await runControlsOf(spec)).toEqual({ ...none, ...uncounted })
    await changeLimits(spec, { maxFailures }, { ...about, units: 200 })
    expect(await runControlsOf(spec)).toEqual({ ...none, max_failures: counted })
  },
)
