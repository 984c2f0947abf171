import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { runTables } from '../../src/contracts/names.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { ASSET_COLUMNS } from '../../src/contracts/tables.ts'
import { deleteTable, ensureDataset, ensureTable, queryRows } from '../../src/google/bigquery/bigquery.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { isLedgerReady } from '../../src/run-data/ledger-marker.ts'
import { createLedger, createRunTables, finalRows, runTable } from '../../src/run-data/run-tables.ts'
import { readTotals } from '../../src/run-data/run-totals.ts'
import { runtimeClock } from '../../src/runtime/clock.ts'
import { Ledger } from '../../src/runtime/ledger/ledger.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { SPEC, TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'

/** Google takes minutes; the local cloud's clock is the machine's. */
const WARM_UP_MS = 1_500

let directory: string
let cloud: LocalCloud

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-marker-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true, streamingWarmUpMs: WARM_UP_MS })
  useLocalCloud(cloud.locator)
})

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** A run whose snapshot has one unit without an ID, which the marker row has too. */
async function newRun(runId: string): Promise<RunSpec> {
  const { projectId } = cloud.locator
  const tables = runTables({ projectId, dataset: 'marked', profile: 'resolution', runId })
  const spec = { ...SPEC, run_id: runId, place: { ...SPEC.place, projectId }, tables }
  await ensureDataset({ projectId, dataset: 'marked' }, { location: 'US', description: '' })
  await ensureTable(runTable(tables, 'assets'), { columns: ASSET_COLUMNS, description: '', labels: {} })
  await createRunTables(spec)
  return spec
}

const until = (spec: RunSpec): Promise<void> =>
  vi.waitFor(async () => expect(await isLedgerReady(spec, Date.now())).toBe(true), { timeout: 15_000, interval: 200 })

describe('a new ledger', () => {
  test('is ready only when BigQuery stores its rows, and then has one marker row', async () => {
    const spec = await newRun('261123-00000001')
    expect(await isLedgerReady(spec, Date.now())).toBe(false)
    await until(spec)
    const query = { projectId: spec.tables.projectId, location: 'US' }
    const rows = await queryRows(`SELECT unit_id, status FROM marked.${spec.tables.attempts}`, query)
    expect(rows).toEqual([{ unit_id: '', status: 'setup' }])
    // A repeated setup adds none.
    expect(await isLedgerReady(spec, Date.now() + 60_000)).toBe(true)
    expect(await queryRows(`SELECT unit_id FROM marked.${spec.tables.attempts}`, query)).toHaveLength(1)
  })

  test('shows its marker row in no progress, cost, lookup or live view', async () => {
    const spec = await newRun('261123-00000002')
    const query = { projectId: spec.tables.projectId, location: 'US' }
    await insertRowsOnceReady(spec)
    expect(await readTotals(spec, 0)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      units: { total: 1, ok: 0, failed: 0, pending: 1 },
      causes: {},
      attempts: 0,
      cost_usd: 0,
      answers_without_usage: 0,
      last_row_at: null,
      stray_rows: null,
    })
    expect(await finalRows(spec, [{ unitId: '', bucket: 0 }])).toEqual([])
    const live = await queryRows(`SELECT status, attempt_id, error_message FROM marked.${spec.tables.live}`, query)
    expect(live).toEqual([{ status: 'pending', attempt_id: null, error_message: null }])
  })

  test('that was deleted and created again is not ready while its rows are lost', async () => {
    const spec = await newRun('261123-00000003')
    await until(spec)
    await deleteTable(runTable(spec.tables, 'attempts'))
    await createLedger(spec)
    // BigQuery accepts the row, and it never appears.
    expect(await isLedgerReady(spec, Date.now())).toBe(false)
    await until(spec)
    const ledger = new Ledger({ insertRows, clock: runtimeClock })
    const { process } = mainService({ append: (row) => ledger.append(runTable(spec.tables, 'attempts'), row) })
    expect((await process(TASK)).status).toBe(200)
    expect(await finalRows(spec, [{ unitId: TASK.unit_id, bucket: TASK.bucket }])).toHaveLength(1)
  })
})

/** Adds the snapshot's unit without an ID, and waits until the ledger is ready. */
async function insertRowsOnceReady(spec: RunSpec): Promise<void> {
  const unit = { unit_id: '', asset_id: '', observations: [], bucket: 0 }
  await vi.waitFor(() => insertRows(runTable(spec.tables, 'assets'), [{ insertId: 'unit', json: unit }]), {
    timeout: 15_000,
    interval: 200,
  })
  await until(spec)
}
