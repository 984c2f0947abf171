/**
 * A Gemini run beside the simple algorithm of `bench/baseline`, with the latencies of a real region added to both: 20 ms for
 * an API call, 100 ms for insertAll, 1.5 s for a query, 30 ms for the read of an image, 2 s for the model: `node
 * bench/realistic.ts [--assets N] [--baseline-assets N]`. Both make 200 calls of the model at once. Run `npm run build` first.
 *
 * Prints wall time and money per 1,000 assets. The local cloud counts the calls, and the list prices of
 * `src/contracts/google-prices.ts` price them. Other programs on the machine make both slower: the CPU time says by how much a
 * run was held back by this machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  GOOGLE_PRICES,
  LEAST_MESSAGE_BYTES,
  LEAST_ROW_BYTES,
  LEAST_SCANNED_BYTES,
} from '../src/contracts/google-prices.ts'
import { runtimeAccount } from '../src/contracts/names.ts'
import type { RunReport } from '../src/contracts/run-report.ts'
import { adminCall } from '../src/services/local/cloud.ts'
import { DEFAULT_CONCURRENCY } from '../src/services/options/run-options.ts'
import { runBaseline } from './baseline/pipeline.ts'
import { startLocalImagery, type LocalImagery } from './local-imagery.ts'
import { loadObservations, uploadImages } from './observations.ts'
import { closeClients, officialClients } from './official-clients.ts'
import { canMeasureProcesses, endedChildrenSeconds, findChildren, processorSeconds } from './processes.ts'
import { printTable } from './table.ts'

const API_CALL_MS = 20
const MODEL_MS = 2_000

/** What the methods take besides the time of every API call. */
const MORE_MS = {
  'bigquery.tabledata.insertAll': 80,
  'bigquery.jobs.query': 1_480,
  'bigquery.jobs.insert': 1_480,
  'storage.objects.get': 10,
}

/** One instance of two vCPUs and 2 GiB serves as many calls as a run of this size has at once. */
const INSTANCE = { cpus: 2, gib: 2 }

const { values } = parseArgs({
  options: { assets: { type: 'string', default: '1000' }, 'baseline-assets': { type: 'string' } },
})
const assets = Number(values.assets)
const baselineAssets = Number(values['baseline-assets'] ?? assets)

const scripts = mkdtempSync(path.join(tmpdir(), 'imagery-realistic-'))
const script = path.join(scripts, 'model.yaml')
writeFileSync(script, `latency_ms: ${MODEL_MS}\n`)
const local = await startLocalImagery(['--added-latency', String(API_CALL_MS), '--gemini', `script:${script}`])
try {
  await bench(local)
} finally {
  await local.stop()
  rmSync(scripts, { recursive: true })
}

interface Measured {
  seconds: number
  calls: Record<string, number>
  /** CPU seconds of the local cloud, the services and the command. */
  processor: number
}

async function bench({ imagery, folder, locator, dataDirectory, stop }: LocalImagery): Promise<void> {
  const clients = await officialClients(locator.projectId)
  const table = await loadObservations(clients, folder, assets)
  await uploadImages(clients, assets, runtimeAccount(locator))
  const rules = Object.entries(MORE_MS).map(([method, delayMs]) => ({ method, effect: { kind: 'delay', delayMs } }))
  const { status } = await fetch(`${locator.http}/_imagery/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${locator.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(rules),
  })
  if (status !== 200) throw new Error(`the local cloud refused the delays: HTTP ${status}`)

  const flags = ['--table', table, '--profile', 'road-signs', '--image-transport', 'inline', '--yes']
  let report: RunReport | undefined
  const ours = await measured(locator, async () => {
    report = (await imagery('run', ...flags)).result as RunReport
  })
  if (report?.units.ok !== assets) throw new Error(`${report?.units.ok} of ${assets} assets are ok`)
  const theirs = await measured(locator, () =>
    runBaseline({ imagery, folder, locator, dataDirectory, stop }, clients, table, baselineAssets, {
      modelMs: MODEL_MS,
      tasksAtOnce: DEFAULT_CONCURRENCY,
    }),
  )
  await closeClients(clients)

  const model = (report.cost_usd / assets) * 1_000
  const row = (name: string, one: Measured, count: number) => {
    const usd = (servicesUsd(one, count) / count) * 1_000
    return {
      [`per 1,000 assets, of ${count.toLocaleString('en')}`]: name,
      'wall s': (one.seconds / count) * 1_000,
      'CPU s': canMeasureProcesses ? (one.processor / count) * 1_000 : 0,
      'USD of the model': model,
      'USD of all else': usd.toFixed(5),
      'all else, % of the model': (usd / model) * 100,
      jobs: (jobsIn(one) / count) * 1_000,
      insertAll: ((one.calls['bigquery.tabledata.insertAll'] ?? 0) / count) * 1_000,
    }
  }
  printTable('imagery and the simple algorithm, with the latencies of a region', [
    row('imagery run', ours, assets),
    row('baseline', theirs, baselineAssets),
  ])
}

async function measured(locator: LocalImagery['locator'], work: () => Promise<unknown>): Promise<Measured> {
  const [callsBefore, processorBefore, startedMs] = [await calls(locator), processor(locator.pid), performance.now()]
  await work()
  const seconds = (performance.now() - startedMs) / 1_000
  const after = await calls(locator)
  const names = Object.keys(after)
  return {
    seconds,
    calls: Object.fromEntries(names.map((name) => [name, (after[name] ?? 0) - (callsBefore[name] ?? 0)])),
    processor: processor(locator.pid) - processorBefore,
  }
}

async function calls(locator: LocalImagery['locator']): Promise<Record<string, number>> {
  const { body } = await adminCall(locator, 'GET', '/_imagery/state')
  return (body as { calls: Record<string, number> }).calls
}

function processor(cloud: number): number {
  if (!canMeasureProcesses) return 0
  const programs = [cloud, ...findChildren(cloud, 'main.js'), ...findChildren(cloud, 'populate.js')]
  return programs.reduce((sum, id) => sum + processorSeconds(id), endedChildrenSeconds())
}

/** The queries and loads that BigQuery got. */
function jobsIn({ calls: counts }: Pick<Measured, 'calls'>): number {
  return (counts['bigquery.jobs.query'] ?? 0) + (counts['bigquery.jobs.insert'] ?? 0)
}

/** The list prices of what was called. Every query reads less than BigQuery's least, of one table or two. */
function servicesUsd({ seconds, calls: counts }: Measured, count: number): number {
  const { bigquery_scan, bigquery_inserts, cloud_run_cpu, cloud_run_memory, cloud_run_requests, cloud_tasks, pubsub } =
    GOOGLE_PRICES
  const queries = jobsIn({ calls: counts })
  const messages = counts['pubsub.Publisher.Publish'] ?? Math.ceil(count / 50)
  return (
    queries * ((2 * LEAST_SCANNED_BYTES) / 2 ** 40) * bigquery_scan.usd +
    ((count * LEAST_ROW_BYTES) / 200e6) * bigquery_inserts.usd +
    seconds * INSTANCE.cpus * cloud_run_cpu.usd +
    seconds * INSTANCE.gib * cloud_run_memory.usd +
    (count / 1e6) * cloud_run_requests.usd +
    ((2 * count) / 1e6) * cloud_tasks.usd +
    ((messages * 2 * LEAST_MESSAGE_BYTES) / 2 ** 40) * pubsub.usd
  )
}
