import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { ensureDataset, ensureTable } from '../../src/google/bigquery/bigquery.ts'
import { loadFile } from '../../src/google/bigquery/jobs.ts'
import { chooseUnits, sampledAnswers } from '../../src/run-data/sample-units.ts'
import type { SnapshotSource } from '../../src/run-data/sql/snapshot.ts'
import { PLACE, startLocalRun } from './local-run.ts'

const UNITS = 200

/** Every tenth asset is a hydrant. */
const SOURCE = { projectId: PLACE.projectId, dataset: 'city', table: 'assets' }

const SNAPSHOT: SnapshotSource = {
  path: `${SOURCE.projectId}.${SOURCE.dataset}.${SOURCE.table}`,
  unit: 'asset',
  images: { max_per_unit: 6, pick: 'latest' },
  assetColumn: 'asset_id',
  imageColumn: 'gcs_uri',
  imagePrefix: null,
  hasObservationId: false,
  hasSnapshotId: false,
  location: 'absent',
  detectionTime: 'absent',
  captureTime: 'absent',
  where: null,
  limit: null,
  sample: null,
}

let run: Awaited<ReturnType<typeof startLocalRun>>
let spec: RunSpec
let folder: string

beforeAll(async () => {
  run = await startLocalRun({ units: UNITS })
  spec = { ...run.spec, source: { ...run.spec.source, ...SOURCE } }
  const rows = Array.from({ length: UNITS }, (_, index) =>
    JSON.stringify({
      asset_id: `asset-${index}`,
      asset_type: index % 10 === 0 ? 'HYDRANT' : 'SIGN',
      gcs_uri: 'gs://b/o.jpg',
    }),
  )
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-sample-'))
  const file = path.join(folder, 'assets.jsonl')
  await writeFile(file, `${rows.join('\n')}\n`)
  await ensureDataset(SOURCE, { location: 'US', description: 'A city.' })
  await ensureTable(SOURCE, { columns: [], description: 'Assets.', labels: {} })
  const schema = ['asset_id', 'asset_type', 'gcs_uri'].map((name) => ({ name, type: 'STRING' }))
  await loadFile(SOURCE, { format: 'NEWLINE_DELIMITED_JSON', file, schema }, { location: 'US' })
})

afterAll(async () => {
  await run.stop()
  await rm(folder, { recursive: true })
})

const number = (unit: string): number => Number(unit.slice('unit-'.length))

test('a sample has its share of each kind of asset, is spread over the table, and is the same every time', async () => {
  const chosen = await chooseUnits(spec, 20, SNAPSHOT)
  const units = chosen.map(({ unit_id: unit }) => number(unit))
  expect(new Set(units).size).toBe(20)
  expect(units.filter((unit) => unit % 10 === 0)).toHaveLength(2)
  expect(units.filter((unit) => unit < UNITS / 2).length).toBeGreaterThan(4)
  expect(units.filter((unit) => unit >= UNITS / 2).length).toBeGreaterThan(4)
  for (const { unit_id: unit, bucket, images } of chosen) expect([bucket, images]).toEqual([number(unit), 1])
  expect(await chooseUnits(spec, 20, SNAPSHOT)).toEqual(chosen)
})

test('a sample that is larger than the table has every unit once', async () => {
  expect(await chooseUnits(spec, UNITS * 2, SNAPSHOT)).toHaveLength(UNITS)
})

test('a unit costs the sum of its attempts, and its last answer counts', async () => {
  const spent = { prompt_tokens: 100, output_tokens: 10, thought_tokens: 1, cost_usd: 0.25, latency_ms: 900 }
  await run.addAttempts([
    run.attempt(1, { ...spent, status: 'retrying', cause: 'schema' }),
    run.attempt(1, { ...spent, latency_ms: 700 }),
    run.attempt(2, { ...spent, status: 'failed', cause: 'blocked', error_message: 'SAFETY' }),
    run.attempt(3, { ...spent, status: 'retrying', cause: 'timeout' }),
  ])
  const units = [2, 1, 3].map((unit) => ({ unit_id: `unit-${unit}`, bucket: unit }))
  const [failed, answered, ...others] = await sampledAnswers(spec, units)
  expect(others).toEqual([])
  expect(failed).toMatchObject({ unitId: 'unit-2', status: 'failed', cause: 'blocked', answer: null, costUsd: 0.25 })
  expect(answered).toMatchObject({ unitId: 'unit-1', status: 'ok', promptTokens: 200, costUsd: 0.5, latencyMs: 700 })
  expect(Object.keys(answered!.answer!)).toEqual(Object.keys(spec.profile.output.properties!))
})
