import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLACE } from './local-run.ts'
import { startServices } from './services-in-process.ts'
import { controlQueueName, queueName } from '../../src/contracts/names.ts'
import { describeTable, queryRows } from '../../src/google/bigquery/bigquery.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { summaryOf } from '../../src/run-data/heartbeat-record.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { allQueues } from '../../src/run-data/run-queues.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import type { HeartbeatDeps } from '../../src/runtime/heartbeat/heartbeats.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { RUN_ID } from './fixtures.ts'
import { USAGE } from './gemini-fixtures.ts'

const FIRST = queueName(PLACE, RUN_ID)

let services: Awaited<ReturnType<typeof startServices>>
let deaths: string[] = []
const killed = new Set<string>()

/**
 * A cloud in which each thing that a heartbeat does kills its instance twice: the first time before it has an effect, the
 * second time after it.
 */
function deadly(real: HeartbeatDeps['cloud']): HeartbeatDeps['cloud'] {
  const died = (name: string, when: string): CloudError => {
    deaths.push(`${name} ${when}`)
    return new CloudError('UNAVAILABLE', `the instance died in ${name}`)
  }
  const wrapped = Object.entries(real).map(([name, work]) => [
    name,
    async (...given: unknown[]) => {
      if (killed.has(RUN_ID)) {
        if (!deaths.includes(`${name} before`)) throw died(name, 'before')
        const result: unknown = await (work as (...of: unknown[]) => Promise<unknown>)(...given)
        if (!deaths.includes(`${name} after`)) throw died(name, 'after')
        return result
      }
      return (work as (...of: unknown[]) => Promise<unknown>)(...given)
    },
  ])
  return Object.fromEntries(wrapped) as HeartbeatDeps['cloud']
}

beforeAll(async () => {
  services = await startServices({
    units: 3,
    cloud: deadly,
    // It fails until it is retried, and was billed.
    answer: (unit, calls) =>
      unit === 'unit-1' && calls === 1
        ? new AttemptFailure('schema', 'not JSON', { retryable: false, known: { usage: USAGE } })
        : undefined,
  })
})
afterAll(() => services.stop())

const ended = async (): Promise<boolean> => (await allQueues(services.spec)).length === 0

async function ledgerCost(): Promise<number> {
  const query = { projectId: PLACE.projectId, location: 'US' }
  const sql = `SELECT SUM(cost_usd) AS cost FROM results.${services.spec.tables.attempts}`
  const [ledger] = await queryRows<{ cost: number }>(sql, query)
  return Math.round(Number(ledger?.cost) * 1e9) / 1e9
}

describe('a run whose heartbeats die at every step', () => {
  test('still ends, once, and keeps the snapshot of its failed unit', { timeout: 60_000 }, async () => {
    const { spec, post } = services
    await post('/setup')
    await services.connect()
    await services.publish([FIRST, `${FIRST}-2`])
    await services.until(async () => services.asked.length === 3)
    killed.add(RUN_ID)
    await services.until(ended, 3_000)
    killed.delete(RUN_ID)
    // All that a heartbeat does to finish a run has failed both ways.
    for (const step of [
      'readTotals',
      'saveHeartbeat',
      'writeCompleteResults',
      'saveSummary',
      'deleteTopic',
      'deleteQueue',
    ])
      expect(deaths).toEqual(expect.arrayContaining([`${step} before`, `${step} after`]))
    expect(services.asked.toSorted()).toEqual(['unit-0', 'unit-1', 'unit-2'])
    expect((await summaryOf(spec))?.report).toMatchObject({
      state: 'complete',
      units: { total: 3, ok: 2, failed: 1, pending: 0 },
      causes: { schema: 1 },
      failure_groups: [{ cause: 'schema', units: 1, example: { unit_id: 'unit-1' } }],
      cost_usd: await ledgerCost(),
    })
    expect((await describeTable(runTable(spec.tables, 'results')))?.rows).toBe(3)
    expect((await describeTable(runTable(spec.tables, 'assets')))?.rows).toBe(3)
    expect(await describeTable(runTable(spec.tables, 'live'))).toBeDefined()
  })

  test('goes on when its failed unit is retried, with queues of other names, and ends again', async () => {
    const { spec, post } = services
    const made = await post('/setup')
    expect(made.body['queues']).toEqual([`${FIRST}-3`, `${FIRST}-4`])
    expect(await allQueues(spec)).toContain(controlQueueName(PLACE, RUN_ID, 1))
    expect(await summaryOf(spec)).toBeUndefined()
    // Every unit has a row, but the command that retries is not ready yet.
    await services.until(async () => services.beats().filter((outcome) => outcome === 'seen').length > 3)
    expect(await ended()).toBe(false)
    await beginGeneration(spec, { generation: 1 })
    await services.addAttempts([services.attempt(1, { status: 'retrying', generation: 1, cost_usd: 0 })])
    await services.connect()
    await services.publish(made.body['queues'] as string[], { generation: 1, onlyPending: true })
    await services.until(ended)
    expect(services.asked).toHaveLength(4)
    const cost_usd = await ledgerCost()
    const units = { total: 3, ok: 3, failed: 0, pending: 0 }
    expect((await summaryOf(spec))?.report).toMatchObject({ units, cost_usd })
    expect(await runReport(spec)).toMatchObject({ state: 'complete', units, cost_usd })
    const query = { projectId: PLACE.projectId, location: 'US' }
    const sql = `SELECT unit_id FROM results.${spec.tables.results} WHERE status = 'ok' ORDER BY unit_id`
    expect(await queryRows(sql, query)).toHaveLength(3)
  })
})
