import { afterAll, beforeAll, expect, test } from 'vitest'
import { tablePath } from '../../src/contracts/names.ts'
import { dryRun, ensureTable } from '../../src/google/bigquery/bigquery.ts'
import { createRunTables, finalRows, runTable, streamAssets } from '../../src/run-data/run-tables.ts'
import { finalRowsQuery, pendingUnitsQuery, shardQuery } from '../../src/run-data/sql/ledger.ts'
import { startLocalRun } from './local-run.ts'

const UNITS = 200
const SHARD_BUCKETS = 20

let run: Awaited<ReturnType<typeof startLocalRun>>
beforeAll(async () => {
  run = await startLocalRun({ units: UNITS })
  await run.addAttempts(Array.from({ length: UNITS }, (_, unit) => run.attempt(unit, { model: 'm'.repeat(50) })))
})
afterAll(() => run.stop())

async function bytes(sql: string): Promise<number> {
  const { spec } = run
  return (await dryRun(sql, { projectId: spec.place.projectId, location: spec.source.location })).bytes
}

/** The ranges that cover the buckets of all units. */
const RANGES = Array.from({ length: UNITS / SHARD_BUCKETS }, (_, index) => ({
  from: index * SHARD_BUCKETS,
  to: (index + 1) * SHARD_BUCKETS - 1,
}))

async function bytesOfRound(query: typeof pendingUnitsQuery): Promise<number> {
  const shards = await Promise.all(RANGES.map((range) => bytes(query(run.spec.tables, range))))
  return shards.reduce((sum, each) => sum + each, 0)
}

test('a round of pending units reads the ledger once, not once per shard', async () => {
  const ledger = `SELECT bucket, unit_id, status, generation FROM \`${tablePath(run.spec.tables, run.spec.tables.attempts)}\``
  expect(await bytesOfRound(pendingUnitsQuery)).toBe((await bytesOfRound(shardQuery)) + (await bytes(ledger)))
})

test('a lookup of final rows reads the partitions of its units', async () => {
  const one = await bytes(finalRowsQuery(run.spec.tables, [7]).replace('@units', "['unit-7']"))
  const all = await bytes(
    finalRowsQuery(
      run.spec.tables,
      Array.from({ length: UNITS }, (_, bucket) => bucket),
    ).replace('@units', "['unit-7']"),
  )
  expect(one / all).toBeCloseTo(1 / UNITS, 3)
  expect(await finalRows(run.spec, [{ unitId: 'unit-7', bucket: 7 }])).toEqual([
    { unit_id: 'unit-7', generation: 0, status: 'ok', cause: null },
  ])
})

test('a shard has its units with their buckets, and none that is finished when it asks for pending ones', async () => {
  const units = async (onlyPending: boolean) =>
    (await Array.fromAsync(streamAssets(run.spec, 5, 6, { onlyPending }))).map(({ unit_id, bucket }) => [
      unit_id,
      bucket,
    ])
  expect((await units(false)).toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ['unit-5', 5],
    ['unit-6', 6],
  ])
  expect(await units(true)).toEqual([])
})

test('a ledger of an older version, without buckets, is refused by name', async () => {
  const tables = { ...run.spec.tables, attempts: 'older_attempts' }
  const column = { name: 'unit_id', type: 'STRING' } as const
  await ensureTable(runTable(tables, 'attempts'), { columns: [column], description: 'Older.', labels: {} })
  await expect(createRunTables({ ...run.spec, tables })).rejects.toMatchObject({
    status: 'FAILED_PRECONDITION',
    message: expect.stringContaining('results.older_attempts of run 261123-9f3c1a7b has no column bucket'),
  })
})
