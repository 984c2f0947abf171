import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLACE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import { queueName } from '../../src/contracts/names.ts'
import { summaryOf } from '../../src/run-data/heartbeat-record.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { allQueues } from '../../src/run-data/run-queues.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { RUN_ID } from './fixtures.ts'

const QUEUES = [queueName(PLACE, RUN_ID), queueName(PLACE, RUN_ID, 1)]

let services: Awaited<ReturnType<typeof startServices>>
/** Happens once, while a heartbeat writes the results. */
let meanwhile: (() => Promise<void>) | undefined

beforeAll(async () => {
  services = await startServices({
    units: 2,
    cloud: (real) => ({
      ...real,
      async writeCompleteResults(...given) {
        const work = meanwhile
        meanwhile = undefined
        await work?.()
        return real.writeCompleteResults(...given)
      },
    }),
    answer: (unit, calls) =>
      unit === 'unit-1' && calls === 1 ? new AttemptFailure('schema', 'not JSON', { retryable: false }) : undefined,
  })
})
afterAll(() => services.stop())

test('a retry that is published while a heartbeat writes the results keeps its tasks, and the run ends after it', async () => {
  const { spec, post, asked } = services
  await post('/setup')
  await services.connect()
  let isRetried = false
  meanwhile = async () => {
    expect((await post('/setup')).status).toBe(200)
    await beginGeneration(spec, { generation: 1 })
    await services.addAttempts([services.attempt(1, { status: 'retrying', generation: 1, cost_usd: 0 })])
    await services.publish(QUEUES, { generation: 1, onlyPending: true })
    isRetried = true
  }
  await services.publish(QUEUES)
  await services.until(async () => isRetried && (await allQueues(spec)).length === 0)
  expect(asked.toSorted()).toEqual(['unit-0', 'unit-1', 'unit-1'])
  expect((await summaryOf(spec))?.report.units).toEqual({ total: 2, ok: 2, failed: 0, pending: 0 })
})
