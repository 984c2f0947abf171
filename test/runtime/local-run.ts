// First: it sets what gRPC reads when it is loaded.
import { DATA_DIR } from './trusted-roots.ts'
import { startLocalCloud, type LocalCloudOptions } from '@imagery/local-cloud'
import { BUCKETS } from '../../src/contracts/messages.ts'
import { bucketName, queueName, runTables, type DeploymentRef } from '../../src/contracts/names.ts'
import { runSpec, type RunSpec } from '../../src/contracts/run-spec.ts'
import { grpcClientOptions } from '../../src/google/auth/credentials.ts'
import { ensureDataset } from '../../src/google/bigquery/bigquery.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { createBucket } from '../../src/google/storage/bucket.ts'
import { ensureQueue } from '../../src/google/tasks.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { createRunTables, runTable } from '../../src/run-data/run-tables.ts'
import { saveRunSpec } from '../../src/services/runs/find.ts'
import { RUN_ID } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'

export const PLACE: DeploymentRef = { projectId: 'imagery-local', region: 'us-central1' }

/** The queue of a local run. */
export const RUN_QUEUE = queueName(PLACE, RUN_ID)

/**
 * A recorded run in a local cloud: a snapshot of units `unit-0`, `unit-1`, … with unit N in bucket N, an empty ledger, a
 * view and a queue. It keeps a column of its source. It has no services, so its tasks stay in the queue.
 */
export async function startLocalRun(
  options: Omit<LocalCloudOptions, 'dataDir' | 'gemini'> & {
    units: number
    gemini?: Partial<NonNullable<RunSpec['gemini']>>
  },
) {
  const { units, gemini, ...rest } = options
  const cloud = await startLocalCloud({ ...rest, dataDir: DATA_DIR, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
  const tables = runTables({ projectId: PLACE.projectId, dataset: 'results', profile: 'signs', runId: RUN_ID })
  const asked = geminiSpec(gemini)
  const keep = [{ name: 'district', type: 'STRING' }]
  const spec = runSpec.parse({ ...asked, source: { ...asked.source, keep }, place: PLACE, tables })
  await createBucket(bucketName(PLACE), {
    ...PLACE,
    location: PLACE.region,
    labels: {},
    expiring: { prefix: 'runs/', days: 7 },
  })
  await saveRunSpec(spec)
  await ensureDataset(tables, { location: spec.source.location, description: 'Results.' })
  await queryIntoTable(snapshot(units), {
    projectId: PLACE.projectId,
    location: spec.source.location,
    jobId: 'snapshot',
    destination: runTable(tables, 'assets'),
    labels: {},
    clusterBy: ['bucket'],
    partitionBy: { column: 'bucket', end: BUCKETS },
  })
  await createRunTables(spec)
  await ensureQueue(RUN_QUEUE, { maxConcurrent: 1, maxPerSecond: 1 })
  const { CloudTasksClient } = await import('@google-cloud/tasks')
  const client = new CloudTasksClient(await grpcClientOptions(PLACE.projectId))
  let rows = 0
  const attempt = (unit: number, more: Record<string, unknown> = {}) => {
    const at = new Date().toISOString()
    const json = {
      run_id: RUN_ID,
      unit_id: `unit-${unit}`,
      bucket: unit,
      attempt_id: `attempt-${(rows += 1)}`,
      generation: 0,
      status: 'ok',
      started_at: at,
      finished_at: at,
      ...more,
    }
    return { insertId: json.attempt_id, json }
  }
  return {
    cloud,
    spec,
    addAttempts: (some: readonly ReturnType<typeof attempt>[]) => insertRows(runTable(tables, 'attempts'), some),
    attempt,
    async addTask(id: string, { inSeconds = 0 } = {}) {
      const url = 'https://imagery-main-0.us-central1.run.app/process'
      const scheduleTime = { seconds: Math.floor(Date.now() / 1_000) + inSeconds }
      await client.createTask({
        parent: RUN_QUEUE,
        task: { name: `${RUN_QUEUE}/tasks/${id}`, httpRequest: { url }, ...(inSeconds > 0 ? { scheduleTime } : {}) },
      })
    },
    queueState: async () => (await client.getQueue({ name: RUN_QUEUE }))[0].state,
    retryConfig: async () => (await client.getQueue({ name: RUN_QUEUE }))[0].retryConfig,
    removeTask: async (id: string) => void (await client.deleteTask({ name: `${RUN_QUEUE}/tasks/${id}` })),
    async stop() {
      await client.close()
      await cloud.stop()
    },
  }
}

function snapshot(units: number): string {
  return `SELECT CONCAT('unit-', CAST(n AS STRING)) AS unit_id, CONCAT('asset-', CAST(n AS STRING)) AS asset_id,
  CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>) AS location, CAST(NULL AS TIMESTAMP) AS detection_time,
  [STRUCT('o' AS observation_id, 'gs://bucket/o.jpg' AS gcs_uri, CAST(NULL AS TIMESTAMP) AS capture_time)] AS observations,
  STRUCT(CONCAT('district ', CAST(n AS STRING)) AS district) AS kept, n AS bucket
FROM UNNEST(GENERATE_ARRAY(0, ${units - 1})) AS n`
}
