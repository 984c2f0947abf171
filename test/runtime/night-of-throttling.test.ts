import { afterAll, beforeAll, expect, test } from 'vitest'
import { RUN_QUEUE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { queueState } from '../../src/google/rest/queues.ts'
import { setQueueLimits } from '../../src/google/tasks.ts'
import { endPreparation, heartbeatOf, summaryOf } from '../../src/run-data/heartbeat-record.ts'
import type { PacingFigures } from '../../src/runtime/limits/pacing.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { queueLimits } from '../../src/runtime/run-queues.ts'

const OUTAGE: PacingFigures = { calls: 60, throttled: 60, perSecond: 0.1, inProgress: 0 }
/** The tries of a unit take minutes. The access tokens of this process last an hour. */
const LONG_MS = 25 * 60_000

const FINE: PacingFigures = { calls: 60, throttled: 0, perSecond: 500, inProgress: 20 }

let pace = OUTAGE
let services: Awaited<ReturnType<typeof startServices>>
beforeAll(async () => {
  services = await startServices({
    units: 2,
    paceOf: async () => pace,
    answer: () =>
      pace === OUTAGE
        ? new AttemptFailure('throttled', 'Resource exhausted', { retryable: true, countsAsTry: false })
        : undefined,
  })
  await services.connect()
})
afterAll(() => services.stop())

const limits = async () => (await queueState(RUN_QUEUE))?.limits

test('a model that refuses every call fails no unit, however long, and slows the queue down until it answers again', async () => {
  const { spec, post, asked } = services
  const usual = queueLimits(spec.limits)
  await post('/setup')
  await setQueueLimits(RUN_QUEUE, usual)
  await services.publish([RUN_QUEUE])
  const endMs = services.clock.now() + LONG_MS
  // Shorter than the deadline of a delivery.
  await services.until(async () => services.clock.now() >= endMs, 3_600, 60)
  // More than twice the tries of both units, and Cloud Tasks itself has no limit.
  expect(asked.length).toBeGreaterThan(4 * spec.limits.max_attempts)
  expect(await services.retryConfig()).toMatchObject({ maxAttempts: -1, maxRetryDuration: null })
  const { record } = (await heartbeatOf(spec))!
  expect(record.totals).toMatchObject({ attempts: 0, units: { ok: 0, failed: 0, pending: 2 } })
  expect(record.pacing).toMatchObject({
    usual_limits: { max_concurrent: usual.maxConcurrent, max_per_second: usual.maxPerSecond },
  })
  const { samples } = record.pacing!
  expect(samples.length).toBeLessThanOrEqual(20)
  expect(samples.at(-1)).toMatchObject({ calls: 60, throttled: 60 })
  expect(await limits()).toEqual({ maxConcurrent: 10, maxPerSecond: 50 })
  // A heartbeat can replace the record while it is read.
  let throttling: RunReport['throttling']
  await services.until(async () => {
    ;({ throttling } = await runReport(spec, { from: 'heartbeat' }))
    return throttling !== undefined
  })
  expect(throttling).toMatchObject({ share: 1, calls_per_second: 0.1 })

  // A resume gives the queue the user's own limits again.
  await post('/setup')
  await endPreparation(spec)
  expect(await limits()).toEqual(usual)

  pace = FINE
  await services.until(async () => (await summaryOf(spec)) !== undefined)
  const { report } = (await summaryOf(spec))!
  expect(report.units).toEqual({ total: 2, ok: 2, failed: 0, pending: 0 })
}, 60_000)
