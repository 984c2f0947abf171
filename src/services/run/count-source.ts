import { randomBytes } from 'node:crypto'
import { RESULTS_LABEL } from '../../contracts/labels.ts'
import { tablePath } from '../../contracts/names.ts'
import { deleteDatasetIfEmpty, deleteTable, ensureDataset } from '../../google/bigquery/bigquery.ts'
import { countSource, type SourceCounts } from '../../run-data/source-counts.ts'
import type { SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { countRows } from '../source/count-rows.ts'
import { checkFilter, checkSnapshotQuery } from '../source/filter.ts'
import { readingRows } from '../source/failed-read.ts'
import { loadSource, prepareSource, type PreparedSource } from '../source/local-files.ts'
import { withScratchFolder } from '../source/scratch-folder.ts'
import { carriesOver, type RunContext } from './context.ts'
import { expectedCounts, type ExpectedCounts } from './expected-counts.ts'
import { describeSource, fileLocation, foundColumns, readSource, snapshotSource } from './read-source.ts'

/** A source that was counted, with nothing left of the counting. */
export interface CountedSource {
  counts: SourceCounts
  location: string
  snapshot: SnapshotSource
  /** The bytes that a run's snapshot will read. For a local file that was not loaded, about those of the loaded table. */
  snapshotBytes: number
  /** The bytes that this count has read in BigQuery. */
  bytesRead: number
  /** How the source was counted. */
  how: 'query' | 'local' | 'temporary_table'
  /** What a run with `--update` or `--reuse` would carry over. */
  expected: ExpectedCounts | undefined
}

/** A temporary table ends by itself after this time, if its command is killed. */
const TEMPORARY_MS = 3_600_000

/**
 * Counts the units and images that a run would have. A table is queried, a local file is counted on this machine. A file
 * that only BigQuery can read, because it is Parquet or `--where` is set, is loaded into a temporary table first.
 */
export async function countedSource(context: RunContext): Promise<CountedSource> {
  const { source, options, choice, profile, target } = context
  if (source.kind === 'table') {
    const { location, snapshot, snapshotBytes } = (await readSource(context)).adds
    const counting = countSource(snapshot, { projectId: target.place.projectId, location })
    const counted = await readingRows(snapshot, counting)
    const expected = carriesOver(context) ? await expectedCounts(context, { snapshot, location }) : undefined
    return { ...counted, location, snapshot, snapshotBytes, how: 'query', expected }
  }
  const flags = { asset: options.assetColumn, image: options.imageColumn, unit: choice.unit }
  checkFilter(options.where ?? profile.where)
  return withScratchFolder('imagery-', async (scratch) => {
    const prepared = await prepareSource(source, { ...choice, flags, scratch, imageRoots: context.imageRoots })
    context.warnings.push(...prepared.warnings)
    const location = fileLocation(target)
    const snapshot = snapshotSource(context, options.table, {
      columns: prepared.known?.columns ?? FOLDER_COLUMNS,
      fields: prepared.known?.fields ?? FOLDER_FIELDS,
    })
    if (prepared.load.format !== 'NEWLINE_DELIMITED_JSON' || snapshot.where !== null || carriesOver(context))
      return countLoaded(context, prepared, location)
    const counted = await countRows(prepared.load.file, snapshot, context.signal)
    return { ...counted, location, snapshot, bytesRead: 0, how: 'local', expected: undefined }
  })
}

/** The columns of the rows that stand for a folder of images. */
const FOLDER_COLUMNS = {
  assetColumn: 'asset_id',
  imageColumn: 'gcs_uri',
  hasObservationId: true,
  hasSnapshotId: false,
  location: 'absent',
  detectionTime: 'absent',
  captureTime: 'absent',
} as const

const FOLDER_FIELDS = ['asset_id', 'observation_id', 'gcs_uri'].map((name) => ({ name, type: 'STRING' }))

/** Loads a file into a dataset of its own, counts it, and deletes both, whatever happens: also after Ctrl-C. */
async function countLoaded(context: RunContext, prepared: PreparedSource, location: string): Promise<CountedSource> {
  const { options, target, signal } = context
  const { projectId } = target.place
  const dataset = `imagery_estimate_${randomBytes(4).toString('hex')}`
  const table = { projectId, dataset, table: 'source' }
  const images = { projectId, dataset, table: 'images' }
  signal.throwIfAborted()
  const remove = async (): Promise<void> => {
    await deleteTable(table)
    if (carriesOver(context)) await deleteTable(images)
    await deleteDatasetIfEmpty({ projectId, dataset })
  }
  try {
    const description = 'Temporary, for an imagery estimate.'
    await ensureDataset({ projectId, dataset }, { location, description, labels: { [RESULTS_LABEL]: '' } })
    const properties = { description, labels: {}, expiresAt: new Date(Date.now() + TEMPORARY_MS) }
    await loadSource(options.table, table, { load: prepared.load, location, properties })
    signal.throwIfAborted()
    const described = await describeSource(table, context)
    const fields = prepared.known?.fields ?? described.fields
    const columns = prepared.known?.columns ?? foundColumns(context, { ...described, fields })
    const snapshot = snapshotSource(context, tablePath(table, table.table), { columns, fields })
    const place = { projectId, location }
    const { bytes } = await checkSnapshotQuery(snapshot, { ...place, fields })
    const counted = await readingRows(snapshot, countSource(snapshot, place))
    const expected = carriesOver(context)
      ? await expectedCounts(context, { snapshot, location, scratch: images })
      : undefined
    await remove()
    return { ...counted, location, snapshot, snapshotBytes: bytes, how: 'temporary_table', expected }
  } catch (error) {
    // The first failure is the one to report.
    await remove().catch(() => {
      context.warnings.push(
        `Dataset ${projectId}.${dataset} may still exist, because deleting it failed; its table expires within an hour (bq rm -r -f -d ${projectId}:${dataset})`,
      )
    })
    throw error
  }
}
