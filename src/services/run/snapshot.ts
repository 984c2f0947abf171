import { ImageryError } from '../../contracts/errors.ts'
import { BUCKETS } from '../../contracts/messages.ts'
import { RUN_LABEL, snapshotJobId, tablePath } from '../../contracts/names.ts'
import type { PipelineStep, StepReporter } from '../../contracts/steps.ts'
import { ASSET_COLUMNS, keptColumns, SOURCE_VALUES_COLUMN } from '../../contracts/tables.ts'
import { describeTable, queryStream, updateTable, type TableName } from '../../google/bigquery/bigquery.ts'
import { queryIntoTable } from '../../google/bigquery/jobs.ts'
import { loadRows } from '../../google/bigquery/load-rows.ts'
import { plainValue } from '../../google/bigquery/plain-value.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { keepScratchTables, SCRATCH_MS } from '../../run-data/scratch-tables.ts'
import { failedRead, readingRows } from '../source/failed-read.ts'
import { noAssetsError } from '../source/no-assets.ts'
import type { RecordedContext, Snapshotted } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { createOwnLedger } from './results-dataset.ts'
import { counted, countText } from '../../contracts/count-text.ts'

/** How the snapshot is stored: a shard reads a range of buckets. */
const LAYOUT = { clusterBy: ['bucket'], partitionBy: { column: 'bucket', end: BUCKETS } }

/**
 * The only place that reads the source. The job's ID ensures that even a repeated request reads it
 * once, and a resumed run keeps its snapshot.
 */
export const takeSnapshot: PipelineStep<RecordedContext, Snapshotted> = creatingStep({
  title: 'Take the snapshot',
  async run(context, reporter) {
    const { runId, spec } = context
    const { source, tables } = spec
    const assets = runTable(tables, 'assets')
    const describe = (): Promise<void> =>
      updateTable(assets, {
        description: `The assets of imagery run ${runId}, as they were when it started.`,
        labels: { [RUN_LABEL]: runId },
        expiresAt: new Date(Date.now() + SCRATCH_MS),
      })
    // Before the source is read: this account may not create tables in a dataset that another user made.
    await createOwnLedger(context)
    const existing = await describeTable(assets)
    if (existing && existing.rows > 0) {
      // The command that took the snapshot may have died before it set the expiration.
      if (existing.labels[RUN_LABEL] !== runId) await describe()
      else await keepScratchTables(spec, Date.now())
      return { skipped: counted(existing.rows, 'asset'), adds: { assets: existing.rows } }
    }
    const how = await readInto(assets, context, reporter)
    const [described] = await Promise.all([describeTable(assets), describe()])
    const taken = described?.rows ?? 0
    if (taken === 0) throw noAssetsError(source.given, source.where)
    return { done: `${counted(taken, 'asset')}${how}`, adds: { assets: taken } }
  },
})

async function readInto(assets: TableName, context: RecordedContext, reporter: StepReporter): Promise<string> {
  const { runId, target, spec } = context
  const { source } = spec
  const read = { path: tablePath(source, source.table), where: source.where }
  try {
    await queryIntoTable(source.query, {
      ...LAYOUT,
      jobId: snapshotJobId(runId),
      projectId: target.place.projectId,
      location: source.location,
      parameters: source.parameters,
      destination: assets,
      labels: { [RUN_LABEL]: runId },
    })
    return ''
  } catch (error) {
    if (!isEgressRestricted(error)) throw failedRead(error, read) ?? sourceGone(error, context)
    await readingRows(read, copyRows(assets, context, reporter))
    return ', read and loaded, because the publisher restricts data egress'
  }
}

/**
 * BigQuery's refusal to write what a query reads into a table, for a linked dataset whose publisher restricts data egress
 * (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#data_egress). Its rows can still be queried.
 */
function isEgressRestricted(error: unknown): boolean {
  return error instanceof CloudError && error.status === 'PERMISSION_DENIED' && /data egress/i.test(error.message)
}

/** Reads the query's rows here and loads them in one atomic job. */
async function copyRows(
  assets: TableName,
  { target, spec: { source } }: RecordedContext,
  reporter: StepReporter,
): Promise<void> {
  const query = { projectId: target.place.projectId, location: source.location, parameters: source.parameters }
  const rows = queryStream<Record<string, unknown>>(source.query, { ...query, pageSize: ROWS_AT_ONCE })
  await loadRows(assets, plainRows(rows, reporter), {
    ...LAYOUT,
    location: source.location,
    columns: [...ASSET_COLUMNS, SOURCE_VALUES_COLUMN, ...keptColumns(source.keep ?? [])],
  })
}

const ROWS_AT_ONCE = 10_000

async function* plainRows(
  rows: AsyncIterable<Record<string, unknown>>,
  reporter: StepReporter,
): AsyncGenerator<Record<string, unknown>> {
  let read = 0
  for await (const row of rows) {
    if (read++ % ROWS_AT_ONCE === 0)
      reporter.detail(`reading rows, because the publisher restricts copies: ${countText(read)}`)
    yield plainValue(row) as Record<string, unknown>
  }
}

/** The source can be deleted before the run is resumed. */
function sourceGone(error: unknown, { spec, runId, target }: RecordedContext): unknown {
  if (!(error instanceof CloudError) || error.status !== 'NOT_FOUND') return error
  return new ImageryError(
    'SOURCE_NOT_FOUND',
    `The source of run ${runId}, ${spec.source.given}, no longer exists: ${error.message}`,
    {
      suggestions: [
        `imagery teardown ${runId}${target.flags}`,
        `imagery run${target.flags} --table TABLE --profile PROFILE`,
      ],
      cause: error,
    },
  )
}
