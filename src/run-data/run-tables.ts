import type { AttemptStatus, Cause } from '../contracts/causes.ts'
import { PROFILE_LABEL } from '../contracts/labels.ts'
import { BUCKETS, type Asset } from '../contracts/messages.ts'
import { RUN_LABEL, type RunTables, runIdInNames, tablePath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { attemptColumns, resultColumns } from '../contracts/tables.ts'
import {
  deleteTable,
  describeTable,
  ensureTable,
  ensureView,
  listDatasets,
  listTables,
  queryRows,
  queryStream,
  timestampText,
  updateTable,
  type NewTable,
  type TableDescription,
  type TableName,
} from '../google/bigquery/bigquery.ts'
import { queryIntoTable } from '../google/bigquery/jobs.ts'
import { CloudError } from '../google/transport/errors.ts'
import { finalRowsQuery, imagesQuery, liveView, pendingUnitsQuery, resultsQuery, shardQuery } from './sql/ledger.ts'

export type RunTableRole = 'assets' | 'attempts' | 'live' | 'source' | 'results'

/** Returns one of a run's tables by its role. */
export function runTable(tables: RunTables, role: RunTableRole): TableName {
  return { projectId: tables.projectId, dataset: tables.dataset, table: tables[role] }
}

/** Creates a run's ledger. Idempotent. */
export async function createLedger(spec: RunSpec): Promise<void> {
  const outcome = await ensureTable(runTable(spec.tables, 'attempts'), {
    columns: attemptColumns(spec.profile),
    description: `All attempts of imagery run ${spec.run_id} (${spec.profile.name}). One row per attempt, append-only.`,
    labels: { [RUN_LABEL]: spec.run_id, [PROFILE_LABEL]: spec.profile.name },
    partitionBy: { column: 'bucket', end: BUCKETS },
    clusterBy: ['unit_id'],
  })
  if (outcome === 'existed') await refuseOlderLedger(spec)
}

/**
 * Creates a run's ledger, unless the command line did, and its view of current rows. Idempotent. The snapshot must exist,
 * because BigQuery checks a view when it is created.
 */
export async function createRunTables(spec: RunSpec): Promise<void> {
  await createLedger(spec)
  await ensureView(runTable(spec.tables, 'live'), {
    query: liveView(spec.tables, spec.profile, spec.source.keep),
    description: `The current row of every asset of imagery run ${spec.run_id}.`,
    labels: { [RUN_LABEL]: spec.run_id },
  })
}

/** Without these columns, each shard of a resume would read the whole ledger, and no row could be written. */
async function refuseOlderLedger({ run_id: runId, tables }: RunSpec): Promise<void> {
  const ledger = await describeTable(runTable(tables, 'attempts'))
  const missing = ['bucket', 'question_hash'].find((column) => !ledger?.fields.some(({ name }) => name === column))
  if (!ledger || missing === undefined) return
  throw new CloudError(
    'FAILED_PRECONDITION',
    `The ledger ${tablePath(tables, tables.attempts)} of run ${runId} has no column ${missing}: an older version of imagery made it, so this version can read the run but not continue it`,
  )
}

/** Returns the total number of images in the snapshot. */
export async function countImages({ place, source, tables }: RunSpec): Promise<number> {
  const query = { projectId: place.projectId, location: source.location }
  const [row] = await queryRows<{ images: number | null }>(imagesQuery(tables), query)
  return Number(row?.images ?? 0)
}

/**
 * Returns a table only if it has this run's label; undefined otherwise, because another run or user can have a table
 * with that name.
 */
export async function describeOwnTable(name: TableName, runId: string): Promise<TableDescription | undefined> {
  const described = await describeTable(name)
  return described?.labels[RUN_LABEL] === runId ? described : undefined
}

/**
 * Reserves the name of the results table by creating an empty table with the run's label: of two runs
 * with the same output, only one gets it. Returns whether the run has it.
 */
export async function claimResults(spec: RunSpec): Promise<boolean> {
  const results = runTable(spec.tables, 'results')
  const outcome = await ensureTable(results, { ...resultsDescription(spec), clusterBy: ['asset_id'] })
  return outcome === 'created' || (await describeOwnTable(results, spec.run_id)) !== undefined
}

function resultsDescription(spec: RunSpec): Pick<NewTable, 'columns' | 'description' | 'labels'> {
  return {
    columns: resultColumns(spec.profile, spec.source.keep),
    description: `${spec.profile.description} imagery run ${spec.run_id} over ${spec.source.given}.`,
    labels: { [RUN_LABEL]: spec.run_id },
  }
}

/** Writes the whole results table from the view atomically, and describes its columns. Idempotent. */
export async function writeResults(spec: RunSpec, jobId: string): Promise<void> {
  const labels = { [RUN_LABEL]: spec.run_id }
  const results = runTable(spec.tables, 'results')
  await queryIntoTable(resultsQuery(spec.tables, spec.profile, spec.source.keep), {
    jobId,
    projectId: spec.tables.projectId,
    location: spec.source.location,
    destination: results,
    labels,
    clusterBy: ['asset_id'],
  })
  await updateTable(results, resultsDescription(spec))
}

/** Yields the assets of a range of buckets, both ends included: all of them, or only the pending ones. */
export async function* streamAssets(
  spec: Pick<RunSpec, 'tables' | 'source'>,
  bucketFrom: number,
  bucketTo: number,
  options: { onlyPending: boolean },
): AsyncGenerator<Asset> {
  const query = options.onlyPending ? pendingUnitsQuery : shardQuery
  const rows = queryStream<AssetRow>(query(spec.tables, { from: bucketFrom, to: bucketTo }), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
  })
  for await (const row of rows) yield assetOf(row)
}

/** A row of the snapshot as the contracts have it. */
export function assetOf(row: AssetRow): Asset {
  return {
    unit_id: row.unit_id,
    asset_id: row.asset_id,
    location: row.location,
    detection_time: timestampText(row.detection_time),
    observations: row.observations.map((observation) => ({
      observation_id: observation.observation_id,
      gcs_uri: observation.gcs_uri,
      capture_time: timestampText(observation.capture_time),
    })),
    bucket: Number(row.bucket),
  }
}

export interface AssetRow {
  unit_id: string
  asset_id: string | null
  location: { latitude: number; longitude: number } | null
  detection_time: unknown
  observations: { observation_id: string; gcs_uri: string; capture_time: unknown }[]
  bucket: number
}

/**
 * Returns a run's tables in every dataset of the project, by their label or by a scratch table's name.
 * For a run without a record. Skips datasets that the caller cannot access, because it could not delete
 * their tables either.
 */
export async function findRunTables(projectId: string, runId: string): Promise<FoundTable[]> {
  const id = runIdInNames(runId)
  const scratch = new RegExp(`(?:^|_)${id}_(?:assets|live|source|images)$`)
  const found: FoundTable[] = []
  const datasets = (await listDatasets(projectId)).values()
  const worker = async (): Promise<void> => {
    for (const dataset of datasets) {
      for (const { table, labels } of await listTables({ projectId, dataset })) {
        const isScratch = scratch.test(table)
        if (isScratch || labels[RUN_LABEL] === runId) found.push({ projectId, dataset, table, isScratch })
      }
    }
  }
  await Promise.all(Array.from({ length: LISTS_AT_ONCE }, worker))
  return found
}

export interface FoundTable extends TableName {
  isScratch: boolean
}

const LISTS_AT_ONCE = 8

/** A unit and its bucket, by which the ledger is partitioned. */
export interface KeyedUnit {
  unitId: string
  bucket: number
}

/** A ledger row after which the unit needs no further attempt in its generation. */
export interface FinalRow {
  unit_id: string
  generation: number
  status: AttemptStatus
  cause: Cause | null
}

/**
 * Returns the final rows of units, in all generations. Recently streamed rows may still be missing
 * (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability).
 */
export async function finalRows(
  spec: Pick<RunSpec, 'tables' | 'source'>,
  units: readonly KeyedUnit[],
): Promise<FinalRow[]> {
  const buckets = [...new Set(units.map(({ bucket }) => bucket))].toSorted((a, b) => a - b)
  return queryRows<FinalRow>(finalRowsQuery(spec.tables, buckets), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
    parameters: { units: units.map(({ unitId }) => unitId) },
    timeoutMs: LOOKUP_TIMEOUT_MS,
  })
}

/** A delivery that waits for its lookup has a deadline of its own. A query without an answer by then is canceled. */
export const LOOKUP_TIMEOUT_MS = 10_000

/**
 * Whether a run ended before it was set up, so that its ledger is empty and is not worth keeping. Rows that were just
 * streamed may be missing from a table's description, so the view and the results decide too: a run that was set up has
 * one of them.
 */
export async function isLedgerUnused({ run_id: runId, tables }: Pick<RunSpec, 'run_id' | 'tables'>): Promise<boolean> {
  const ledger = await describeOwnTable(runTable(tables, 'attempts'), runId)
  if (!ledger || ledger.rows > 0 || ledger.isStreaming) return false
  if (await describeTable(runTable(tables, 'live'))) return false
  return (await describeTable(runTable(tables, 'results'))) === undefined
}

/** Deletes the run's tables with the given roles. Returns the tables that existed. */
export async function deleteRunTables(tables: RunTables, roles: readonly RunTableRole[]): Promise<string[]> {
  const deleted: string[] = []
  for (const role of roles) {
    const name = runTable(tables, role)
    if ((await deleteTable(name)) === 'deleted') deleted.push(`${name.projectId}.${name.dataset}.${name.table}`)
  }
  return deleted
}
