import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { describe, expect, test } from 'vitest'
import { refusedSettled, simulatePacing } from '../../bench/pacing/simulate.ts'
import { NO_PACING, type RunPacing } from '../../src/contracts/run-pacing.ts'
import { paced } from '../../src/runtime/heartbeat/queue-pace.ts'
import { Pacing } from '../../src/runtime/limits/pacing.ts'
import { RateSteps, type Round } from '../../src/runtime/limits/rate-steps.ts'

const RUN = { seed: 1, calls: 200, tasks: 400 }

describe('the rate of calls, in virtual time', () => {
  test('follows a hidden limit of 100, 30 and then 200 calls a second', async () => {
    const phases = [100, 30, 200].map((perSecond) => ({ perSecond, seconds: 60 }))
    const result = await simulatePacing({ phases, latencyMs: 500 }, RUN)
    expect(result.throughput).toBeGreaterThan(0.85)
    expect(refusedSettled(result)).toBeLessThan(0.05)
  })

  test.each([0.05, 0.1])(
    'does not come to nothing if %d of the calls are refused at any rate',
    async (refusedAnyway) => {
      const model = { phases: [{ perSecond: 1_000, seconds: 300 }], latencyMs: 2_000, refusedAnyway }
      const { phases } = await simulatePacing(model, { ...RUN, calls: 40, tasks: 80 })
      // 40 calls at once, of 2 s each.
      expect(phases[0]!.accepted).toBeGreaterThan(20 * 300 * 0.4)
    },
  )

  test('goes up within seconds from the low rate of an instance that the others have left nothing', async () => {
    const phases = [
      { perSecond: 60, seconds: 10 },
      { perSecond: 3, seconds: 90 },
      { perSecond: 60, seconds: 20 },
    ]
    const { phases: seen } = await simulatePacing({ phases, latencyMs: 500 }, { ...RUN, tasks: 200 })
    expect(seen[2]!.accepted).toBeGreaterThan(300)
  })

  test('goes up again within two minutes of an outage of ten', async () => {
    const phases = [
      { perSecond: 50, seconds: 30 },
      { perSecond: 0.001, seconds: 600 },
      { perSecond: 50, seconds: 120 },
      { perSecond: 50, seconds: 60 },
    ]
    const { phases: seen } = await simulatePacing({ phases, latencyMs: 500 }, RUN)
    expect(seen[3]!.accepted / seen[3]!.ideal).toBeGreaterThan(0.85)
    // A call every few seconds finds out that it is over.
    expect(seen[1]!.settled.calls).toBeLessThan(400)
  })
})

describe('the limits of a queue', () => {
  const usual = { maxConcurrent: 400, maxPerSecond: 500 }
  const known: RunPacing = { samples: [], usual_limits: { max_concurrent: 400, max_per_second: 500 } }
  const seen = (limits: typeof usual) => ({ figures: undefined, limits, queues: 1, nowMs: 0 })

  test('are known until a heartbeat has seen them again, because the change to them can fail', () => {
    const before = { maxConcurrent: 350, maxPerSecond: 450 }
    const raised = paced(known, seen(before))
    expect(raised).toEqual({ pacing: known, limits: usual })
    expect(paced(raised.pacing, seen(before))).toEqual(raised)
    expect(paced(raised.pacing, seen(usual))).toEqual({ pacing: NO_PACING, limits: undefined })
  })
})

describe('the rate', () => {
  const round = (refused: number, more: Partial<Round> = {}): Round => ({
    refused,
    usedPerSecond: 100,
    isUsedUp: true,
    ...more,
  })

  test('has no limit before the first refusals, and is then what was accepted', () => {
    const steps = new RateSteps()
    steps.step(round(0))
    expect(steps.perSecond).toBeNull()
    expect(steps.step(round(0.4))).toBe(true)
    expect(steps.perSecond).toBeCloseTo(100 * 0.6 * 0.95)
  })

  test('goes up only if calls had to wait for it', () => {
    const steps = new RateSteps()
    steps.step(round(0.4))
    const before = steps.perSecond!
    steps.step(round(0, { isUsedUp: false }))
    steps.step(round(0, { usedPerSecond: before / 2 }))
    expect(steps.perSecond).toBe(before)
    steps.step(round(0))
    expect(steps.perSecond).toBeGreaterThan(before)
  })

  test('never comes to zero', () => {
    const steps = new RateSteps()
    for (let index = 0; index < 50; index++) steps.step(round(1, { usedPerSecond: steps.perSecond ?? 100 }))
    expect(steps.perSecond).toBe(0.1)
  })
})

describe('a call', () => {
  const { signal } = new AbortController()
  const refusal = (): Promise<never> => Promise.reject(new Error('429'))
  const slowDown = (retryAfterMs?: number) => () => ({ retryAfterMs })

  /** A pacing whose calls have all been refused. */
  async function inOutage(retryAfterMs?: number) {
    const clock = new ManualClock()
    const pacing = new Pacing(clock)
    for (let index = 0; index < 26; index++) {
      pacing.make(signal, refusal, slowDown(retryAfterMs)).catch(() => undefined)
      await clock.advance(10)
    }
    return { clock, pacing }
  }

  test('waits as long as the model asks when it refuses all of them', async () => {
    const { clock, pacing } = await inOutage(40_000)
    let isMade = false
    void pacing.make(signal, async () => void (isMade = true), slowDown())
    await clock.advance(39_000)
    expect(isMade).toBe(false)
    await clock.advance(2_000)
    expect(isMade).toBe(true)
  })

  test('that is given up while it waits is never made, and takes no turn', async () => {
    const { clock, pacing } = await inOutage(1_000)
    const abort = new AbortController()
    const made: string[] = []
    const given = pacing.make(abort.signal, async () => void made.push('given up'), slowDown()).catch(String)
    const next = pacing.make(signal, async () => void made.push('next'), slowDown())
    abort.abort(new Error('too late'))
    expect(await given).toBe('Error: too late')
    await clock.advance(60_000)
    await next
    expect(made).toEqual(['next'])
  })

  test('is not made by an instance that stops', async () => {
    const { clock, pacing } = await inOutage(1_000)
    const made: string[] = []
    const waits = pacing.make(signal, async () => void made.push('waits'), slowDown()).catch(String)
    pacing.dismiss(new Error('stopping'))
    expect(await waits).toBe('Error: stopping')
    expect(await pacing.make(signal, async () => void made.push('late'), slowDown()).catch(String)).toBe(
      'Error: stopping',
    )
    await clock.advance(60_000)
    expect(made).toEqual([])
  })

  test('is counted for some minutes, with its refusal', async () => {
    const { clock, pacing } = await inOutage()
    expect(pacing.figures(60_000)).toMatchObject({ calls: 26, throttled: 26, inProgress: 0 })
    await clock.advance(61_000)
    expect(pacing.figures(60_000)).toMatchObject({ calls: 0, throttled: 0 })
  })

  test('that fails for another reason slows nothing down', async () => {
    const clock = new ManualClock()
    const pacing = new Pacing(clock)
    for (let index = 0; index < 60; index++) {
      await pacing.make(signal, refusal, () => undefined).catch(() => undefined)
      await clock.advance(100)
    }
    expect(pacing.figures(60_000)).toMatchObject({ calls: 60, throttled: 0, perSecond: null })
  })
})
