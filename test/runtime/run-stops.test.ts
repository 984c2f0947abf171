import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { RunStop } from '../../src/contracts/run-controls.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { RunStopped, RunStops } from '../../src/runtime/run-stops.ts'
import { ANSWER, CANCELED, deferred, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'
import { mainService } from './main-service.ts'

const task = (unit: string) => ({ ...TASK, unit_id: unit })

describe('a task of a stopped run', () => {
  test('is not answered, and pauses the queues', async () => {
    const { process, asked, rows, paused, resumed } = mainService({ stops: new Map([[RUN_ID, CANCELED]]) })
    const response = await process()
    expect(response.status).toBe(429)
    expect(await response.json()).toEqual({
      error: { code: 'RUN_STOPPED', message: `run ${RUN_ID} is stopped: someone@example.com canceled the run` },
    })
    expect({ asked, rows, resumed }).toEqual({ asked: [], rows: [], resumed: [] })
    expect(paused).not.toEqual([])
  })

  test('is not answered from a few seconds after the stop on, and at once in the instance that pauses', async () => {
    const stops = new Map<string, RunStop>()
    const { process, app, asked, clock } = mainService({ stops })
    await process(task('a'))
    stops.set(RUN_ID, CANCELED)
    await clock.advance(4_000)
    expect((await process(task('b'))).status).toBe(429)
    stops.delete(RUN_ID)
    expect((await process(task('c'))).status, 'as soon as the run is resumed').toBe(200)
    stops.set(RUN_ID, CANCELED)
    await app.request('/pause', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ v: 1, run_id: RUN_ID }),
    })
    expect((await process(task('d'))).status).toBe(429)
    expect(asked).toEqual(['a', 'c'])
  })

  test('is not answered if the stop comes while it waits for its turn', async () => {
    const stops = new Map<string, RunStop>()
    const turn = deferred<void>()
    let called = 0
    const { process, clock, rows, entries } = mainService({
      stops,
      async answer(_asset, _signal, options) {
        await turn.promise
        await options?.onTurn?.()
        called += 1
        return ANSWER
      },
    })
    const waiting = process()
    await clock.advance(4_000)
    stops.set(RUN_ID, CANCELED)
    turn.resolve()
    expect((await waiting).status).toBe(429)
    expect(called).toBe(0)
    expect(rows).toEqual([])
    expect(entries.filter(({ severity }) => severity === 'ERROR')).toEqual([])
    stops.delete(RUN_ID)
    expect((await process()).status, 'a later delivery tries again').toBe(200)
  })

  test('is recorded if its answer was paid for before the stop', async () => {
    const stops = new Map<string, RunStop>()
    let isDown = true
    const { process, asked, rows, clock } = mainService({
      stops,
      async append() {
        if (isDown) throw new CloudError('UNAVAILABLE', 'down')
      },
    })
    expect((await process()).status).toBe(503)
    stops.set(RUN_ID, CANCELED)
    isDown = false
    await clock.advance(4_000)
    expect((await process()).status).toBe(200)
    expect({ asked, rows: rows.length }).toEqual({ asked: ['sign-1'], rows: 1 })
  })

  test('does not keep the queues paused if the run is resumed meanwhile', async () => {
    const stops = new Map([[RUN_ID, CANCELED]])
    const { process, paused, resumed } = mainService({ stops, onPause: () => stops.delete(RUN_ID) })
    expect((await process()).status).toBe(429)
    expect(paused).not.toEqual([])
    expect(resumed).toEqual(paused)
  })

  test('is not probed', async () => {
    const units = [{ ...TASK, bucket: 1 }]
    const { probe, asked } = mainService({
      specs: new Map([[RUN_ID, geminiSpec()]]),
      stops: new Map([[RUN_ID, CANCELED]]),
      firstUnits: units,
    })
    expect((await probe()).status).toBe(409)
    expect(asked).toEqual([])
  })
})

describe('the look at a stop', () => {
  test('is shared by concurrent tasks, and a bucket that does not answer stops no run', async () => {
    const clock = new ManualClock()
    let reads = 0
    let isDown = false
    const stops = new RunStops({
      clock,
      async read() {
        reads += 1
        if (isDown) throw new CloudError('UNAVAILABLE', 'down')
        return undefined
      },
    })
    await Promise.all([stops.check(SPEC), stops.check(SPEC)])
    expect(reads).toBe(1)
    isDown = true
    await clock.advance(4_000)
    await stops.check(SPEC)
    await expect(stops.checkNow(SPEC)).rejects.toBeInstanceOf(CloudError)
  })

  test('takes no longer than two seconds', async () => {
    const clock = new ManualClock()
    const stops = new RunStops({ clock, read: () => new Promise(() => {}) })
    const looked = stops.check(SPEC)
    await clock.advance(2_000)
    await expect(looked).resolves.toBeUndefined()
  })

  test('rejects with the reason', async () => {
    const stops = new RunStops({ clock: new ManualClock(), read: async () => CANCELED })
    await expect(stops.check(SPEC)).rejects.toEqual(new RunStopped(RUN_ID, CANCELED))
  })
})
