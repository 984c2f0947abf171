import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLACE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import { controlQueueName, queueName, subscriptionName, topicName } from '../../src/contracts/names.ts'
import { describeTable, queryRows } from '../../src/google/bigquery/bigquery.ts'
import { subscriptionExists, topicExists } from '../../src/google/pubsub.ts'
import { heartbeatOf, summaryOf } from '../../src/run-data/heartbeat-record.ts'
import { allQueues } from '../../src/run-data/run-queues.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import { completeRun } from '../../src/services/runs/watch.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { RUN_ID } from './fixtures.ts'
import { notifiedTopic } from './notified-topic.ts'

const FIRST = queueName(PLACE, RUN_ID)
const CONTROL = controlQueueName(PLACE, RUN_ID)

let services: Awaited<ReturnType<typeof startServices>>
let topic: Awaited<ReturnType<typeof notifiedTopic>>
beforeAll(async () => {
  // Cloud Tasks delivers a task more than once now and then. Here it does so with every heartbeat.
  const doubled = { method: 'deliver/*/heartbeat', every: 1, effect: { kind: 'duplicate' as const } }
  services = await startServices({ units: 3, faults: [doubled] })
  topic = await notifiedTopic(PLACE.projectId)
  await topic.use(services.spec)
})
afterAll(async () => {
  await topic.close()
  await services.stop()
})

describe('a run that no command watches', () => {
  test('ends by itself, once, although every heartbeat is doubled', async () => {
    const { spec, post } = services
    const made = await post('/setup')
    expect(made).toMatchObject({ status: 200, body: { queues: [FIRST, `${FIRST}-2`] } })
    expect((await allQueues(spec)).toSorted()).toEqual([FIRST, `${FIRST}-2`, CONTROL].toSorted())
    await services.connect()
    await services.publish([FIRST, `${FIRST}-2`])
    const tookSeconds = await services.until(async () => (await allQueues(spec)).length === 0)
    expect(tookSeconds).toBeLessThan(900)
    expect(services.asked.toSorted()).toEqual(['unit-0', 'unit-1', 'unit-2'])
    expect(await topicExists(topicName(PLACE, RUN_ID))).toBe(false)
    expect(await subscriptionExists(subscriptionName(PLACE, RUN_ID))).toBe(false)
    for (const role of ['assets', 'live', 'source'] as const)
      expect(await describeTable(runTable(spec.tables, role))).toBeUndefined()
    const results = await queryRows<{ unit_id: string }>(
      `SELECT unit_id, district, status FROM results.${spec.tables.results} ORDER BY unit_id`,
      { projectId: PLACE.projectId, location: 'US' },
    )
    expect(results).toEqual(
      [0, 1, 2].map((unit) => ({ unit_id: `unit-${unit}`, district: `district ${unit}`, status: 'ok' })),
    )
  })

  test('has the same cost in its summary, its last heartbeat, its status and the sum of its ledger', async () => {
    const { spec } = services
    const [ledger] = await queryRows<{ cost: number }>(
      `SELECT SUM(cost_usd) AS cost FROM results.${spec.tables.attempts}`,
      { projectId: PLACE.projectId, location: 'US' },
    )
    const cost_usd = Math.round(Number(ledger?.cost) * 1e9) / 1e9
    expect(cost_usd).toBeGreaterThan(0)
    expect((await summaryOf(spec))?.report).toMatchObject({
      run_id: RUN_ID,
      state: 'complete',
      units: { total: 3, ok: 3, failed: 0, pending: 0 },
      cost_usd,
      results_table: `${PLACE.projectId}.results.${spec.tables.results}`,
    })
    expect((await heartbeatOf(spec))?.record.totals).toMatchObject({ cost_usd, attempts: 3 })
    const report = await runReport(spec)
    expect(report).toMatchObject({ state: 'complete', cost_usd })
    expect(await completeRun(spec, report)).toEqual(report)
  })

  test('has notified its topic once of its start and once of its completion', async () => {
    const units = { total: 3, ok: 3, failed: 0, pending: 0 }
    const { cost_usd, results_table } = (await summaryOf(services.spec))!.report
    expect(await topic.pull()).toMatchObject([
      { event: 'started', units: { total: 3 } },
      { event: 'completed', event_id: `${RUN_ID}/completed-0`, units, cost_usd, results_table },
    ])
  })

  test('is left alone by a heartbeat that comes late', async () => {
    const { spec, post } = services
    expect(await post('/heartbeat', { 'x-cloudtasks-queuename': 'imagery-gone' })).toMatchObject({
      body: { outcome: 'finished' },
    })
    expect(await allQueues(spec)).toEqual([])
    expect((await describeTable(runTable(spec.tables, 'results')))?.rows).toBe(3)
  })
})
