/**
 * What BigQuery reads for a round of pending units, per unit and for runs of growing size, from the bytes that the local
 * BigQuery counts after a run over generated observations: `node bench/bytes-read.ts [--assets N]`. docs/scale.md has
 * the figures.
 */
import { parseArgs } from 'node:util'
import { BUCKETS } from '../src/contracts/messages.ts'
import { bucketName, runSpecPath, runtimeAccount } from '../src/contracts/names.ts'
import { runSpec, type RunSpec } from '../src/contracts/run-spec.ts'
import { dryRun } from '../src/google/bigquery/bigquery.ts'
import { readObject } from '../src/google/storage/storage.ts'
import { pendingUnitsQuery, shardQuery, type BucketRange } from '../src/run-data/sql/ledger.ts'
import { shards } from '../src/run-data/shards.ts'
import { startLocalImagery, type LocalImagery } from './local-imagery.ts'
import { loadObservations, uploadImages } from './observations.ts'
import { closeClients, officialClients } from './official-clients.ts'
import { printTable } from './table.ts'

const { values } = parseArgs({ options: { assets: { type: 'string', default: '4000' } } })
const ASSETS = Number(values.assets)

/** https://cloud.google.com/bigquery/pricing#on_demand_pricing */
const USD_PER_BYTE = 6.25 / 2 ** 40
const LEAST_BILLED_PER_TABLE = 10 * 2 ** 20

const EVERYTHING: BucketRange = { from: 0, to: BUCKETS - 1 }

const local = await startLocalImagery()
try {
  await bench(local)
} finally {
  await local.stop()
}

async function bench({ imagery, folder, locator }: LocalImagery): Promise<void> {
  const clients = await officialClients(locator.projectId)
  await uploadImages(clients, ASSETS, runtimeAccount(locator))
  const table = await loadObservations(clients, folder, ASSETS)
  const { result } = await imagery('run', '--table', table, '--profile', 'resolution')
  const spec = await specOf(locator, (result as { run_id: string }).run_id)
  const bytes = async (sql: string): Promise<number> =>
    (await dryRun(sql, { projectId: locator.projectId, location: spec.source.location })).bytes
  const snapshot = (await bytes(shardQuery(spec.tables, EVERYTHING))) / ASSETS
  const both = (await bytes(pendingUnitsQuery(spec.tables, EVERYTHING))) / ASSETS
  const keys = both - snapshot
  const ranges = Array.from({ length: 20 }, (_, index) => ({ from: index * 100, to: index * 100 + 99 }))
  const parts = await Promise.all(ranges.map((range) => bytes(pendingUnitsQuery(spec.tables, range))))
  const inShards = parts.reduce((sum, part) => sum + part, 0) / ASSETS
  await closeClients(clients)
  printTable(`bytes per unit, measured over ${ASSETS.toLocaleString('en')} units with one image each`, [
    { 'snapshot, all columns': snapshot, 'ledger, columns that decide': keys, 'a round in 20 shards': inShards },
  ])
  printTable(
    'a round of pending units, as BigQuery bills it: at least 10 MB per table and query',
    [10_000, 1_000_000, 100_000_000].map((units) => {
      const count = shards(spec.run_id, units, ['one queue'], { generation: 1, onlyPending: true }).length
      const least = LEAST_BILLED_PER_TABLE * count
      const billed = Math.max(snapshot * units, least) + Math.max(keys * units, least)
      const whole = Math.max(snapshot * units, least) + Math.max(keys * units * count, least)
      return {
        units,
        shards: count,
        'GB read': (both * units) / 1e9,
        'GB billed': billed / 1e9,
        USD: billed * USD_PER_BYTE,
        'USD, if each shard read these columns of the whole ledger': whole * USD_PER_BYTE,
      }
    }),
  )
}

async function specOf({ projectId, region }: LocalImagery['locator'], runId: string): Promise<RunSpec> {
  const bytes = await readObject(`gs://${bucketName({ projectId, region })}/${runSpecPath(runId)}`)
  return runSpec.parse(JSON.parse(bytes.toString('utf8')))
}
