import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { startLocalCloud } from '@imagery/local-cloud'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RUN_LABEL, runTables } from '../../src/contracts/names.ts'
import { ASSET_COLUMNS } from '../../src/contracts/tables.ts'
import { describeTable, ensureDataset, ensureTable } from '../../src/google/bigquery/bigquery.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { runTable } from '../../src/run-data/run-tables.ts'
import { keepScratchTables, SCRATCH_MS } from '../../src/run-data/scratch-tables.ts'
import { SnapshotKeeper } from '../../src/runtime/main/snapshot-keeper.ts'
import { fakeLog, SPEC } from './fixtures.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

describe('an instance that processes the tasks of a run', () => {
  const setUp = (fails = false) => {
    const clock = new ManualClock()
    const looks: number[] = []
    const { log, entries } = fakeLog()
    const keeper = new SnapshotKeeper({
      clock,
      log,
      keep: async (_spec, nowMs) => {
        looks.push(nowMs)
        if (fails) throw new Error('no access')
      },
    })
    return { clock, keeper, looks, entries }
  }

  test('keeps its snapshot for as long as tasks arrive, with a look every six hours', async () => {
    const { clock, keeper, looks } = setUp()
    const startMs = clock.now()
    for (let hour = 0; hour < 30 * 24; hour++) {
      keeper.touch(SPEC)
      keeper.touch(SPEC)
      await clock.advance(HOUR_MS)
    }
    expect(looks).toHaveLength((30 * 24) / 6)
    expect(looks.at(-1)! - startMs).toBeGreaterThan(29 * DAY_MS)
  })

  test('looks after each run', () => {
    const { keeper, looks } = setUp()
    keeper.touch(SPEC)
    keeper.touch({ ...SPEC, run_id: '261123-00000009' })
    expect(looks).toHaveLength(2)
  })

  test('only reports a failure, because a task is worth more', async () => {
    const { clock, keeper, entries } = setUp(true)
    keeper.touch(SPEC)
    await clock.advance(0)
    expect(entries).toMatchObject([{ severity: 'WARNING', message: expect.stringContaining('no access') as string }])
  })
})

test('the expiry of a snapshot moves with the days of its run, but not with every look', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagery-expiry-'))
  const cloud = await startLocalCloud({ dataDir: folder, allServicesEnabled: true })
  onTestFinished(async () => {
    await cloud.stop()
    rmSync(folder, { recursive: true })
  })
  useLocalCloud(cloud.locator)
  const { projectId } = cloud.locator
  const tables = runTables({ projectId, dataset: 'kept', profile: 'resolution', runId: SPEC.run_id })
  const assets = runTable(tables, 'assets')
  const nowMs = Date.now()
  await ensureDataset(assets, { location: 'US', description: '' })
  await ensureTable(assets, {
    columns: ASSET_COLUMNS,
    description: 'The assets.',
    labels: { [RUN_LABEL]: SPEC.run_id },
    expiresAt: new Date(nowMs + SCRATCH_MS),
  })
  const spec = { ...SPEC, tables }
  const expiresInMs = async (): Promise<number> => (await describeTable(assets))!.expiresMs! - nowMs

  await keepScratchTables(spec, nowMs + HOUR_MS)
  expect(await expiresInMs()).toBe(SCRATCH_MS)
  for (const day of [1, 6, 12, 18, 24, 30]) await keepScratchTables(spec, nowMs + day * DAY_MS)
  expect(await expiresInMs()).toBe(30 * DAY_MS + SCRATCH_MS)
  const { labels, fields } = (await describeTable(assets))!
  expect({ labels, fields: fields.length }).toEqual({
    labels: { [RUN_LABEL]: SPEC.run_id },
    fields: ASSET_COLUMNS.length,
  })

  await keepScratchTables({ ...spec, run_id: '261123-00000009' }, nowMs + 60 * DAY_MS)
  expect(await expiresInMs()).toBe(30 * DAY_MS + SCRATCH_MS)
})
