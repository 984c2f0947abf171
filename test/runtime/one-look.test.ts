import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CANCELED, RUN_ID } from './fixtures.ts'
import { startLocalRun } from './local-run.ts'
import type { RunHeartbeat, RunTotals } from '../../src/contracts/run-heartbeat.ts'
import {
  beginPreparation,
  endPreparation,
  forgetHeartbeat,
  heartbeatOf,
  saveHeartbeat,
} from '../../src/run-data/heartbeat-record.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { clearRunStop, recordRunStop } from '../../src/run-data/run-stop.ts'
import { runStatus } from '../../src/services/runs/status.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>

beforeAll(async () => {
  run = await startLocalRun({ units: 3 })
})
afterAll(() => run.stop())

const status = () => runStatus({ runId: RUN_ID, spec: run.spec }, ' --local')

/** Writes what a heartbeat has found now. */
async function heartbeat(record: Partial<RunHeartbeat>): Promise<void> {
  const before = await heartbeatOf(run.spec)
  const written = {
    v: 1,
    run_id: RUN_ID,
    written_at: new Date().toISOString(),
    totals: null,
    next_read_at: null,
    history: [],
    quiet_since: null,
    idle_since: null,
    generations_started: 0,
    pacing: null,
    ...record,
  } satisfies RunHeartbeat
  expect(await saveHeartbeat(run.spec, written, before?.generation)).toBe(true)
}

describe('one look at a run whose queues are empty while units are pending', () => {
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString()

  test('says that it waits for a command only if it does', async () => {
    await run.addAttempts([run.attempt(0, { finished_at: anHourAgo, cost_usd: 0.25 })])
    expect(await status(), 'it has no tasks').toMatchObject({ state: 'paused', units: { ok: 1, pending: 2 } })
    await beginPreparation(run.spec, Date.now())
    expect(await status(), 'a command prepares tasks').toMatchObject({ state: 'starting' })
    await beginGeneration(run.spec, { generation: 0 })
    await endPreparation(run.spec)
    expect(await status(), 'its heartbeats were lost').toMatchObject({ state: 'paused' })
    await heartbeat({})
    expect(await status(), 'its tasks are being created').toMatchObject({ state: 'running' })
    await heartbeat({ quiet_since: anHourAgo })
    expect(await status(), 'its heartbeats will create more').toMatchObject({ state: 'running' })
    await heartbeat({ quiet_since: anHourAgo, generations_started: 2 })
    expect(await status(), 'its heartbeats have given up').toMatchObject({ state: 'paused' })
    await forgetHeartbeat(run.spec)
    await run.addAttempts([run.attempt(1, { cost_usd: 0.5 })])
    expect(await status(), 'it has just got a row').toMatchObject({ state: 'running', units: { ok: 2, pending: 1 } })
  })
})

test('a stopped run is shown as its ledger has it, not as its last heartbeat had it', async () => {
  const totals: RunTotals = {
    at: new Date().toISOString(),
    units: { total: 3, ok: 1, failed: 0, pending: 2 },
    causes: {},
    attempts: 1,
    cost_usd: 0.25,
    answers_without_usage: 0,
    last_row_at: null,
    stray_rows: null,
  }
  await heartbeat({ totals, next_read_at: new Date(Date.now() + 3_600_000).toISOString() })
  await run.addTask('waits', { inSeconds: 3_600 })
  expect(await status()).toMatchObject({ state: 'running', as_of: totals.at, cost_usd: 0.25 })
  await recordRunStop(run.spec, CANCELED)
  const stopped = await status()
  expect(stopped).toMatchObject({ state: 'paused', units: { ok: 2, pending: 1 }, cost_usd: 0.75 })
  expect(stopped.as_of).toBeUndefined()
  await clearRunStop(run.spec)
})
