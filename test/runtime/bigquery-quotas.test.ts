import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { attemptColumns } from '../../src/contracts/tables.ts'
import { ensureDataset, ensureTable, queryRows, type TableName } from '../../src/google/bigquery/bigquery.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { authorize } from '../../src/google/rest/rest.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { runtimeClock } from '../../src/runtime/clock.ts'
import { FinalRows } from '../../src/runtime/ledger/final-rows.ts'
import { Ledger } from '../../src/runtime/ledger/ledger.ts'
import { ANSWER, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { geminiSpec, USAGE } from './gemini-fixtures.ts'
import { mainService } from './main-service.ts'

/** A quota that the client does not wait for itself, and one that it does. */
const QUOTA = { status: 'RESOURCE_EXHAUSTED', reason: 'quotaExceeded', message: 'Quota exceeded' }

const place = { projectId: 'imagery-local', location: 'US' }
/** One for each test, because BigQuery drops a row with an insert ID that it has just seen. */
const ledgerTable = (table: 'delayed' | 'kept'): TableName => ({ projectId: place.projectId, dataset: 'quotas', table })

let directory: string
let cloud: LocalCloud

/** From now on the next `times` calls of a method meet a quota. */
async function limit(method: string, times: number, effect: object = QUOTA): Promise<void> {
  const rules = times === 0 ? [] : [{ method, times, effect: { kind: 'error', ...effect } }]
  const response = await fetch(`${cloud.locator.http}/_imagery/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${cloud.locator.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(rules),
  })
  expect(response.status).toBe(200)
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-quotas-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
  await ensureDataset(ledgerTable('kept'), { location: place.location, description: 'Quotas.' })
  const columns = attemptColumns(SPEC.profile)
  for (const table of ['delayed', 'kept'] as const)
    await ensureTable(ledgerTable(table), { columns, description: 'Attempts.', labels: {} })
})

afterEach(() => limit('', 0))

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

const rowsOf = (table: 'delayed' | 'kept') => queryRows<{ status: string }>(`SELECT status FROM quotas.${table}`, place)

describe('a quota of BigQuery', () => {
  test.each([
    ['RESOURCE_EXHAUSTED', undefined, 403, 'rateLimitExceeded'],
    ['RESOURCE_EXHAUSTED', 'quotaExceeded', 403, 'quotaExceeded'],
    ['RESOURCE_EXHAUSTED', 'jobRateLimitExceeded', 400, 'jobRateLimitExceeded'],
    ['UNAVAILABLE', undefined, 503, 'backendError'],
  ])('is answered as BigQuery does: %s, reason %s with HTTP %i', async (status, reason, http, answered) => {
    await limit('bigquery.datasets.list', 1, { status, ...(reason === undefined ? {} : { reason }) })
    const url = `${cloud.locator.http}/bigquery/v2/projects/${place.projectId}/datasets`
    const response = await fetch(url, { headers: await authorize(url) })
    expect(response.status).toBe(http)
    expect(await response.json()).toMatchObject({ error: { code: http, errors: [{ reason: answered }] } })
  })

  test('on inserts only delays a row', async () => {
    await limit('bigquery.tabledata.insertAll', 2)
    const ledger = new Ledger({ insertRows, clock: runtimeClock })
    const { process } = mainService({ append: (row) => ledger.append(ledgerTable('delayed'), row) })
    expect((await process({ ...TASK, unit_id: 'delayed' })).status).toBe(200)
    expect(await rowsOf('delayed')).toEqual([{ status: 'ok' }])
  })

  test('that outlasts a delivery keeps the paid answer for the next delivery', async () => {
    await limit('bigquery.tabledata.insertAll', 1_000)
    const ledger = new Ledger({ insertRows, clock: runtimeClock, budgetMs: 400 })
    const { asked, process } = mainService({
      specs: new Map([[RUN_ID, geminiSpec()]]),
      answer: async () => ({ ...ANSWER, usage: USAGE, tier: 'standard' as const }),
      append: (row) => ledger.append(ledgerTable('kept'), row),
    })
    const task = { ...TASK, unit_id: 'kept' }
    const refused = await process(task)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).not.toBeNull()
    expect(await refused.json()).toMatchObject({ error: { code: 'RESOURCE_EXHAUSTED' } })
    await limit('', 0)
    expect((await process(task, { 'x-cloudtasks-taskretrycount': '1' })).status).toBe(200)
    expect(asked).toEqual(['kept'])
    expect(await rowsOf('kept')).toEqual([{ status: 'ok' }])
  })

  test('on the lookup of an earlier row does not lead to a second paid call', async () => {
    await limit('bigquery.jobs.insert', 1)
    const finalRows = new FinalRows({
      read: async (_ledger, units) => {
        const statement = 'SELECT unit_id, generation, status, cause FROM quotas.kept WHERE unit_id IN UNNEST(@units)'
        return queryRows(statement, { ...place, parameters: { units: units.map(({ unitId }) => unitId) } })
      },
      clock: runtimeClock,
    })
    const { asked, process } = mainService({
      specs: new Map([[RUN_ID, geminiSpec()]]),
      findRow: () => finalRows.find(SPEC, { unitId: 'kept', bucket: 17, generation: 0 }),
    })
    const again = { 'x-cloudtasks-taskretrycount': '1' }
    expect((await process({ ...TASK, unit_id: 'kept' }, again)).status).toBe(503)
    expect((await process({ ...TASK, unit_id: 'kept' }, again)).status).toBe(200)
    expect(asked).toEqual([])
  })
})
