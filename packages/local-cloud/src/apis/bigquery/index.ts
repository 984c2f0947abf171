import { rm } from 'node:fs/promises'
import { Hono } from 'hono'
import type { AccessControl } from '../iam/authorizer.ts'
import type { EmulatedApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { registerDatasets } from './dataset-access.ts'
import { Jobs } from './jobs.ts'
import { DEFAULT_LIMITS, type JobLimits } from './limits.ts'
import { withNeeds } from './permissions.ts'
import { datasetRoutes } from './dataset-routes.ts'
import { DISCOVERY_PATHS, discoveryRoutes } from './discovery-routes.ts'
import { jobRoutes } from './job-routes.ts'
import { tableRoutes } from './table-routes.ts'
import { uploadRoutes } from './upload-routes.ts'
import { Store } from './store.ts'
import { Streaming } from './streaming.ts'
import { Uploads } from './uploads.ts'
import { sweep } from './sweep.ts'
import { StreamingBuffers } from './streaming-buffer.ts'
import type { Warehouse } from './warehouse.ts'

export interface BigQueryOptions {
  /** Where the store's file lives; created when missing. */
  directory: string
  clock: Clock
  operation: Operation
  /** Checks permissions; reads the access lists of datasets. */
  access: AccessControl
  /** Reads `gs://bucket/object` for load jobs; without it such jobs are refused. */
  readObject?: Warehouse['readObject']
  /** How long a new table answers 404 to insertAll, as BigQuery's may. 0 by default. */
  streamingWarmUpMs?: number
  /** How long a streamed row stays in its table's streaming buffer. 0 by default. */
  streamingBufferMs?: number
  /** Limits of a job that differ from the defaults. */
  limits?: Partial<JobLimits>
}

/** The emulated BigQuery: its v2 REST API over one DuckDB file. https://cloud.google.com/bigquery/docs/reference/rest */
export async function bigQueryApi(options: BigQueryOptions): Promise<EmulatedApi> {
  const { directory, clock, access } = options
  const operation = withNeeds(options.operation)
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const store = await Store.open(directory, limits)
  const warehouse: Warehouse = {
    store,
    clock,
    access,
    streamingWarmUpMs: options.streamingWarmUpMs ?? 0,
    deletedTables: new Set(),
    buffers: new StreamingBuffers(clock, options.streamingBufferMs ?? 0),
    ...(options.readObject ? { readObject: options.readObject } : {}),
  }
  registerDatasets(store, access)
  const jobs = new Jobs(warehouse, limits)
  const uploads = new Uploads(directory)
  const app = new Hono()
  discoveryRoutes(app)
  datasetRoutes(app, operation, warehouse)
  tableRoutes(app, operation, warehouse, new Streaming(warehouse))
  jobRoutes(app, operation, warehouse, jobs)
  uploadRoutes(app, operation, jobs, uploads)
  app.all(
    '*',
    operation('bigquery.unknown', (context) => {
      throw notEmulated(`bigquery: ${context.req.method} ${context.req.path}`)
    }),
  )
  return {
    name: 'bigquery',
    http: {
      prefixes: ['/bigquery/v2', '/upload/bigquery/v2', '/resumable/upload/bigquery/v2', ...DISCOVERY_PATHS],
      app,
    },
    async start() {
      await sweep(warehouse)
      await uploads.keepOnly(await jobs.resume())
    },
    async stop() {
      await jobs.stop()
      await store.close()
      await rm(uploads.directory, { recursive: true, force: true })
    },
    async describe() {
      return { datasets: store.datasets.size, tables: store.tables.size, jobs: store.jobCount }
    },
  }
}
