import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLACE, RUN_QUEUE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import { bucketName, controlQueueName, generationsPrefix, queueName } from '../../src/contracts/names.ts'
import { listObjects } from '../../src/google/storage/storage.ts'
import { listQueues } from '../../src/google/rest/queues.ts'
import { deleteQueue, pauseQueue } from '../../src/google/tasks.ts'
import { endPreparation, heartbeatOf, summaryOf } from '../../src/run-data/heartbeat-record.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { allQueues, workQueues } from '../../src/run-data/run-queues.ts'
import { clearRunStop, recordRunStop } from '../../src/run-data/run-stop.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { RUN_ID } from './fixtures.ts'

const CONTROL = controlQueueName(PLACE, RUN_ID)

let services: Awaited<ReturnType<typeof startServices>>
beforeAll(async () => {
  services = await startServices({ units: 4 })
  await services.connect()
})
afterAll(() => services.stop())

const generations = async (): Promise<string[]> =>
  (await listObjects(bucketName(PLACE), generationsPrefix(RUN_ID))).map((name) => name.slice(name.lastIndexOf('/') + 1))

/** Lets some time pass. Returns the number of heartbeats in it. */
async function beatsWithin(seconds: number): Promise<number> {
  const before = services.beats().length
  const endMs = services.clock.now() + seconds * 1_000
  await services.until(async () => services.clock.now() >= endMs, seconds + 60)
  return services.beats().length - before
}

describe('the heartbeats of a run', () => {
  test('come every 30 s, and start no task of a run whose shards no command has published', async () => {
    const { spec, post } = services
    await post('/setup')
    await endPreparation(spec)
    const count = await beatsWithin(300)
    expect(count).toBeGreaterThanOrEqual(9)
    expect(count).toBeLessThanOrEqual(11)
    expect([await generations(), services.asked]).toEqual([[], []])
  })

  test('become rare while the run is stopped, and start no tasks then', async () => {
    const { spec } = services
    await beginGeneration(spec, { generation: 0 })
    const stopped_at = new Date().toISOString()
    await recordRunStop(spec, {
      v: 1,
      run_id: RUN_ID,
      reason: 'canceled',
      message: 'Canceled',
      failure: null,
      stopped_at,
    })
    // Two are already on their way.
    await beatsWithin(70)
    expect(await beatsWithin(1_200)).toBeLessThanOrEqual(3)
    expect([await generations(), services.asked]).toEqual([['0'], []])
  })

  test('are started again by a resume, in another queue if someone has deleted theirs', async () => {
    const { spec, post } = services
    await deleteQueue(CONTROL)
    await clearRunStop(spec)
    await post('/setup')
    expect((await allQueues(spec)).filter((name) => name.includes('control'))).toEqual([
      controlQueueName(PLACE, RUN_ID, 1),
    ])
    expect(await workQueues(spec)).toEqual([RUN_QUEUE, queueName(PLACE, RUN_ID, 1)])
  })

  test('record what the status shows without reading the ledger, with its time and pace', async () => {
    const { spec } = services
    await pauseQueue(queueName(PLACE, RUN_ID, 1))
    await services.addTask('waits', { inSeconds: 100_000 })
    await services.until(async () => (await heartbeatOf(spec))?.record.totals?.attempts === 0)
    await services.addAttempts([
      services.attempt(0, { cost_usd: 0.25, finished_at: new Date(services.clock.now()).toISOString() }),
    ])
    await services.until(async () => (await heartbeatOf(spec))?.record.totals?.attempts === 1)
    const { record } = (await heartbeatOf(spec))!
    // Newer than the heartbeat, so that only the ledger has it.
    await services.addAttempts([
      services.attempt(1, { cost_usd: 0.5, finished_at: new Date(services.clock.now()).toISOString() }),
    ])
    expect(await runReport(spec, { from: 'heartbeat' })).toMatchObject({
      state: 'running',
      as_of: record.totals?.at,
      units: { total: 4, ok: 1, failed: 0, pending: 3 },
      cost_usd: 0.25,
      cost_expected_usd: 1,
      pace: { units_per_second: expect.any(Number) as number, ends_at: expect.any(String) as string },
    })
    const exact = await runReport(spec)
    expect(exact).toMatchObject({ units: { ok: 2, pending: 2 }, cost_usd: 0.75 })
    expect(exact.as_of).toBeUndefined()
    await services.removeTask('waits')
  })

  test('publish the pending units of a stalled run in the next generation, and end with the run', async () => {
    const { spec, post } = services
    await endPreparation(spec)
    // Paused by hand before, and resumed with the run.
    await post('/setup')
    await endPreparation(spec)
    await services.until(async () => (await summaryOf(spec)) !== undefined)
    expect((await generations()).toSorted()).toEqual(['0', '1'])
    expect(services.asked.toSorted()).toEqual(['unit-2', 'unit-3'])
    await services.until(async () => (await allQueues(spec)).length === 0)
    const left = await listQueues(PLACE.projectId, PLACE.region)
    expect(left.filter((name) => name.includes(RUN_ID))).toEqual([])
  })
})
