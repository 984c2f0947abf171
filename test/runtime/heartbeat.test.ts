import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLACE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import { controlQueueName, queueName, subscriptionName, topicName } from '../../src/contracts/names.ts'
import { describeTable, queryRows } from '../../src/google/bigquery/bigquery.ts'
import { subscriptionExists, topicExists } from '../../src/google/pubsub.ts'
import { summaryOf } from '../../src/run-data/heartbeat-record.ts'
import { allQueues } from '../../src/run-data/run-queues.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import { RUN_ID } from './fixtures.ts'

const FIRST = queueName(PLACE, RUN_ID)
const CONTROL = controlQueueName(PLACE, RUN_ID)

let services: Awaited<ReturnType<typeof startServices>>

describe('a run that no command watches', () => {
  beforeAll(async () => {
    services = await startServices({ units: 3 })
  })
  afterAll(() => services.stop())

  test('ends by itself: its results and summary are written, and its resources are gone', async () => {
    const { spec, post } = services
    const made = await post('/setup')
    expect(made).toMatchObject({ status: 200, body: { queues: expect.arrayContaining([FIRST]) } })
    expect((await allQueues(spec)).toSorted()).toEqual([FIRST, `${FIRST}-2`, CONTROL].toSorted())
    await services.connect()
    await services.publish(made.body['queues'] as string[])
    const tookSeconds = await services.until(async () => (await allQueues(spec)).length === 0)
    expect(tookSeconds).toBeLessThan(150)
    expect(services.asked.toSorted()).toEqual(['unit-0', 'unit-1', 'unit-2'])
    expect(await topicExists(topicName(PLACE, RUN_ID))).toBe(false)
    expect(await subscriptionExists(subscriptionName(PLACE, RUN_ID))).toBe(false)
    for (const role of ['assets', 'live', 'source'] as const)
      expect(await describeTable(runTable(spec.tables, role))).toBeUndefined()
    expect((await describeTable(runTable(spec.tables, 'results')))?.rows).toBe(3)
    const [ledger] = await queryRows<{ cost: number }>(
      `SELECT SUM(cost_usd) AS cost FROM results.${spec.tables.attempts}`,
      { projectId: PLACE.projectId, location: 'US' },
    )
    expect((await summaryOf(spec))?.report).toMatchObject({
      run_id: RUN_ID,
      state: 'complete',
      units: { total: 3, ok: 3, failed: 0, pending: 0 },
      cost_usd: Math.round(Number(ledger?.cost) * 1e9) / 1e9,
      results_table: `${PLACE.projectId}.results.${spec.tables.results}`,
    })
  })
})
