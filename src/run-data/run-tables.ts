import type { AttemptStatus, Cause } from '../contracts/causes.ts'
import type { Asset } from '../contracts/messages.ts'
import { RUN_LABEL, type RunTables, runIdInNames } from '../contracts/names.ts'
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
import { finalRowsQuery, imagesQuery, liveView, resultsQuery, shardQuery } from './sql/ledger.ts'

export type RunTableRole = 'assets' | 'attempts' | 'live' | 'source' | 'results'

/** One of a run's tables by its role. */
export function runTable(tables: RunTables, role: RunTableRole): TableName {
  return { projectId: tables.projectId, dataset: tables.dataset, table: tables[role] }
}

/** Makes a run's ledger and its view of current rows. Idempotent. The snapshot must be there: BigQuery checks a view when it is made. */
export async function createRunTables(spec: RunSpec): Promise<void> {
  const labels = { [RUN_LABEL]: spec.run_id }
  await ensureTable(runTable(spec.tables, 'attempts'), {
    columns: attemptColumns(spec.profile),
    description: `Every attempt of imagery run ${spec.run_id} (${spec.profile.name}), one row each, append-only.`,
    labels,
    clusterBy: ['unit_id'],
  })
  await ensureView(runTable(spec.tables, 'live'), {
    query: liveView(spec.tables, spec.profile),
    description: `The current row of every asset of imagery run ${spec.run_id}.`,
    labels,
  })
}

/** How many images the units of the snapshot have together. */
export async function countImages({ place, source, tables }: RunSpec): Promise<number> {
  const query = { projectId: place.projectId, location: source.location }
  const [row] = await queryRows<{ images: number | null }>(imagesQuery(tables), query)
  return Number(row?.images ?? 0)
}

/** A table that is labelled as this run's, or undefined: another run, or somebody else, may have one of its name. */
export async function describeOwnTable(name: TableName, runId: string): Promise<TableDescription | undefined> {
  const described = await describeTable(name)
  return described?.labels[RUN_LABEL] === runId ? described : undefined
}

/**
 * Takes the name of the results table for the run, by an empty table with its label: of two runs
 * with one output, one gets it. Answers whether the run has it now.
 */
export async function claimResults(spec: RunSpec): Promise<boolean> {
  const results = runTable(spec.tables, 'results')
  const outcome = await ensureTable(results, { ...resultsDescription(spec), clusterBy: ['asset_id'] })
  return outcome === 'created' || (await describeOwnTable(results, spec.run_id)) !== undefined
}

function resultsDescription(spec: RunSpec): Pick<NewTable, 'columns' | 'description' | 'labels'> {
  return {
    columns: resultColumns(spec.profile),
    description: `${spec.profile.description} imagery run ${spec.run_id} over ${spec.source.given}.`,
    labels: { [RUN_LABEL]: spec.run_id },
  }
}

/** Writes the results table from the view, whole and at once, and describes its columns. Idempotent. */
export async function writeResults(spec: RunSpec, jobId: string): Promise<void> {
  const labels = { [RUN_LABEL]: spec.run_id }
  const results = runTable(spec.tables, 'results')
  await queryIntoTable(resultsQuery(spec.tables, spec.profile), {
    jobId,
    projectId: spec.tables.projectId,
    location: spec.source.location,
    destination: results,
    labels,
    clusterBy: ['asset_id'],
  })
  await updateTable(results, resultsDescription(spec))
}

/** The assets of a range of buckets, both ends included, as they arrive: all of them, or those without a final row. */
export async function* streamAssets(
  spec: Pick<RunSpec, 'tables' | 'source'>,
  bucketFrom: number,
  bucketTo: number,
  options: { onlyPending: boolean },
): AsyncGenerator<Asset> {
  const rows = queryStream<AssetRow>(shardQuery(spec.tables, options.onlyPending), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
    parameters: { bucket_from: bucketFrom, bucket_to: bucketTo },
  })
  for await (const row of rows) {
    yield {
      unit_id: row.unit_id,
      asset_id: row.asset_id,
      location: row.location,
      detection_time: timestampText(row.detection_time),
      observations: row.observations.map((observation) => ({
        observation_id: observation.observation_id,
        gcs_uri: observation.gcs_uri,
        capture_time: timestampText(observation.capture_time),
      })),
    }
  }
}

interface AssetRow {
  unit_id: string
  asset_id: string | null
  location: { latitude: number; longitude: number } | null
  detection_time: unknown
  observations: { observation_id: string; gcs_uri: string; capture_time: unknown }[]
}

/**
 * A run's tables in every dataset of the project, by their label or by a scratch table's name: for a
 * run of which nothing is recorded. Datasets that the caller may not look into have none that it
 * could delete.
 */
export async function findRunTables(projectId: string, runId: string): Promise<FoundTable[]> {
  const id = runIdInNames(runId)
  const scratch = new RegExp(`(?:^|_)${id}_(?:assets|live|source)$`)
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

/** A row of the ledger after which its unit needs no further attempt in its generation. */
export interface FinalRow {
  unit_id: string
  generation: number
  status: AttemptStatus
  cause: Cause | null
}

/**
 * The final rows of some units, of all generations. Rows that were streamed in a moment ago may not
 * be among them yet (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability).
 */
export async function finalRows(
  spec: Pick<RunSpec, 'tables' | 'source'>,
  units: readonly string[],
): Promise<FinalRow[]> {
  return queryRows<FinalRow>(finalRowsQuery(spec.tables), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
    parameters: { units: [...units] },
  })
}

/** Deletes the run's tables of the given roles. Answers those that were there. */
export async function deleteRunTables(tables: RunTables, roles: readonly RunTableRole[]): Promise<string[]> {
  const deleted: string[] = []
  for (const role of roles) {
    const name = runTable(tables, role)
    if ((await deleteTable(name)) === 'deleted') deleted.push(`${name.projectId}.${name.dataset}.${name.table}`)
  }
  return deleted
}
