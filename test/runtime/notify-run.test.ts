// First: it sets what gRPC reads when it is loaded.
import { PLACE, startLocalRun } from './local-run.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { notificationJsonSchema } from '../../src/contracts/run-notification.ts'
import { claimNotification } from '../../src/run-data/notified.ts'
import { notifyRun } from '../../src/run-data/notify-run.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { clearRunStop, recordRunStop } from '../../src/run-data/run-stop.ts'
import { completeRun } from '../../src/services/runs/watch.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { CANCELED, RUN_ID } from './fixtures.ts'
import { notifiedTopic, PUBLISHED_SCHEMA } from './notified-topic.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>
let topic: Awaited<ReturnType<typeof notifiedTopic>>

beforeAll(async () => {
  run = await startLocalRun({ units: 2 })
  topic = await notifiedTopic(PLACE.projectId)
})
afterAll(async () => {
  await topic.close()
  await run.stop()
})

const pull = () => topic.pull()
const notify = (nowMs = Date.now()) => notifyRun(run.spec, { nowMs, looks: true })

test('the published schema is up to date (npm run docs)', () => {
  expect(PUBLISHED_SCHEMA).toEqual(notificationJsonSchema())
})

describe('a run', () => {
  test('without a topic publishes nothing, and one that has not begun neither', async () => {
    await beginGeneration(run.spec, { generation: 0 })
    expect(await notify()).toEqual([])
    await topic.use(run.spec)
    expect(await pull()).toEqual([])
  })

  test('publishes its start once, also if several instances notice it at once or publishing fails first', async () => {
    const { http, adminToken } = run.cloud.locator
    const effect = {
      kind: 'error',
      status: 'PERMISSION_DENIED',
      message: 'User not authorized to perform this action.',
    }
    await fetch(`${http}/_imagery/faults`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify([{ method: 'google.pubsub.v1.Publisher/Publish', times: 1, effect }]),
    })
    await expect(notify()).rejects.toMatchObject({ status: 'PERMISSION_DENIED' })
    const sent = await Promise.all([notify(), notify(), notify()])
    expect(sent.flat()).toEqual(['started'])
    expect(await notify()).toEqual([])
    expect(await pull()).toMatchObject([
      {
        event: 'started',
        event_id: `${RUN_ID}/started`,
        run_id: RUN_ID,
        deployment: { project_id: PLACE.projectId, region: PLACE.region, name: null },
        units: { total: 2, ok: 0, failed: 0, pending: 2 },
        cost_usd: 0,
        stopped: null,
        results_table: null,
      },
    ])
  })

  test('publishes each of its stops, with the reason', async () => {
    const { reason, message, failure, stopped_at } = CANCELED
    await run.addAttempts([run.attempt(0, { cost_usd: 0.25 })])
    await recordRunStop(run.spec, CANCELED)
    expect(await notify()).toEqual(['stopped'])
    expect(await notify()).toEqual([])
    await clearRunStop(run.spec)
    expect(await notify()).toEqual([])
    await recordRunStop(run.spec, { ...CANCELED, reason: 'max_cost', stopped_at: '2026-11-23T11:00:00Z' })
    expect(await notify()).toEqual(['stopped'])
    await clearRunStop(run.spec)
    expect(await pull()).toMatchObject([
      {
        event: 'stopped',
        units: { ok: 1, pending: 1 },
        cost_usd: 0.25,
        stopped: { reason, message, failure, stopped_at },
      },
      { event: 'stopped', stopped: { reason: 'max_cost' } },
    ])
  })

  test('publishes its completion when its results are written, also if the process that began to do so has died', async () => {
    await run.addAttempts([run.attempt(1, { cost_usd: 0.5 })])
    expect(await notify(), 'no results yet').toEqual([])
    const report = await completeRun(run.spec, await runReport(run.spec))
    expect(await claimNotification(run.spec, 'completed-0', Date.now())).toBe('ours')
    expect(await notify(), 'another process is at it').toEqual([])
    expect(await notify(Date.now() + 600_000)).toEqual(['completed'])
    expect(await notify(Date.now() + 1_200_000)).toEqual([])
    expect(await pull()).toMatchObject([
      {
        event: 'completed',
        event_id: `${RUN_ID}/completed-0`,
        units: { total: 2, ok: 2, failed: 0, pending: 0 },
        cost_usd: 0.75,
        results_table: report.results_table,
      },
    ])
  })
})
