import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BigQuery } from '@google-cloud/bigquery'
import { LOCATOR_FILE, LOCATOR_VARIABLE } from '@imagery/local-cloud/contract/locator'
import type { LocalImagery } from '../local-imagery.ts'
import type { OfficialClients } from '../official-clients.ts'
import type { BaselineSettings, OffsetShard } from './messages.ts'

const SERVICES = fileURLToPath(new URL('services.ts', import.meta.url))
const DATASET = 'bench_baseline'
const ASSETS_PER_SHARD = 50

/** Pub/Sub's longest, so that no slow shard is delivered twice. */
const ACK_DEADLINE_SECONDS = 600

/** Interval between counts of the results, which take a small share of the time. */
const COUNT_EVERY_MS = 250

/** A run without a new row for this long has failed. */
const STALL_MS = 60_000

export interface BaselineRun {
  /** From the first query to the last row. */
  seconds: number
  /** From the start of the first asset's work to its last row. */
  processingSeconds: number
}

/**
 * The simple algorithm, on the same local cloud: count the source, publish a message per 50 assets, read
 * the source again for each (LIMIT/OFFSET), create tasks without names one by one in a default queue,
 * insert each row separately. Run it once per local cloud.
 *
 * @param options.modelMs the time of a model's answer, for which the service waits; 0 for none
 * @param options.tasksAtOnce tasks that the queue dispatches at once; that of a new queue if it is not given
 */
export async function runBaseline(
  { dataDirectory, locator }: LocalImagery,
  { bigQuery, tasks, publisher, subscriber }: OfficialClients,
  source: string,
  assets: number,
  { modelMs = 0, tasksAtOnce }: { modelMs?: number; tasksAtOnce?: number } = {},
): Promise<BaselineRun> {
  const { projectId, region } = locator
  const parent = `projects/${projectId}/locations/${region}`
  const queue = `${parent}/queues/baseline`
  const topic = `projects/${projectId}/topics/baseline`
  const settings: BaselineSettings = { projectId, source, dataset: DATASET, resultsTable: 'results', queue, modelMs }
  await bigQuery.createDataset(DATASET, { location: 'US' })
  await bigQuery.dataset(DATASET).createTable('results', { schema: RESULTS_SCHEMA })
  const rateLimits = tasksAtOnce === undefined ? {} : { rateLimits: { maxConcurrentDispatches: tasksAtOnce } }
  await tasks.createQueue({ parent, queue: { name: queue, ...rateLimits } })
  await publisher.createTopic({ name: topic })
  const services = spawn(process.execPath, [SERVICES, JSON.stringify(settings)], {
    env: { ...process.env, [LOCATOR_VARIABLE]: path.join(dataDirectory, LOCATOR_FILE) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(services.stdout, 'data')) as [Buffer]
    await subscriber.createSubscription({
      name: `projects/${projectId}/subscriptions/baseline`,
      topic,
      ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
      pushConfig: { pushEndpoint: `http://127.0.0.1:${line.toString().trim()}/populate` },
    })
    const startedMs = performance.now()
    const [[counted]] = await bigQuery.query({
      query: `SELECT COUNT(DISTINCT asset_id) AS assets FROM \`${source}\``,
      location: 'US',
    })
    const total = Math.min(assets, (counted as { assets: number }).assets)
    const shards = Array.from({ length: Math.ceil(total / ASSETS_PER_SHARD) }, (_, index): OffsetShard => {
      const offset = index * ASSETS_PER_SHARD
      return { offset, limit: Math.min(ASSETS_PER_SHARD, total - offset) }
    })
    await publisher.publish({ topic, messages: shards.map((shard) => ({ data: Buffer.from(JSON.stringify(shard)) })) })
    await untilCounted(bigQuery, total)
    const seconds = (performance.now() - startedMs) / 1_000
    return { seconds, processingSeconds: await processingSeconds(bigQuery, `${projectId}.${DATASET}.results`) }
  } finally {
    services.kill('SIGTERM')
    if (services.exitCode === null) await once(services, 'exit')
  }
}

const RESULTS_SCHEMA = {
  fields: [
    { name: 'asset_id', type: 'STRING' },
    { name: 'gcs_uris', type: 'STRING', mode: 'REPEATED' },
    { name: 'width', type: 'INT64' },
    { name: 'height', type: 'INT64' },
    { name: 'started_at', type: 'TIMESTAMP' },
    { name: 'finished_at', type: 'TIMESTAMP' },
  ],
}

async function untilCounted(bigQuery: BigQuery, total: number): Promise<void> {
  let counted = 0
  let movedMs = performance.now()
  for (;;) {
    const query = `SELECT COUNT(DISTINCT asset_id) AS assets FROM \`${DATASET}.results\``
    const [[row]] = await bigQuery.query({ query, location: 'US' })
    const now = (row as { assets: number }).assets
    if (now >= total) return
    if (now > counted) movedMs = performance.now()
    counted = now
    if (performance.now() - movedMs > STALL_MS) throw new Error(`the baseline stalled at ${counted} of ${total} assets`)
    await pause(COUNT_EVERY_MS)
  }
}

/** From the start of the first asset's work to the last row of a table with `started_at` and `finished_at`. */
export async function processingSeconds(bigQuery: BigQuery, table: string): Promise<number> {
  const query = `SELECT MIN(started_at) AS first, MAX(finished_at) AS last FROM \`${table}\``
  const [[row]] = await bigQuery.query({ query, location: 'US' })
  const { first, last } = row as Record<'first' | 'last', { value: string }>
  return (Date.parse(last.value) - Date.parse(first.value)) / 1_000
}
