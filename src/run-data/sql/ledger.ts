import { answerColumns } from '../../contracts/answer-schema.ts'
import type { Cause } from '../../contracts/causes.ts'
import type { Column } from '../../contracts/columns.ts'
import { BUCKETS } from '../../contracts/messages.ts'
import { tablePath, type RunTables } from '../../contracts/names.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { MARKER_STATUS, RESULT_PROVENANCE, resultColumns } from '../../contracts/tables.ts'
import { quoted } from './names.ts'
import { conditions, rowsSource } from './results.ts'

/** The order of a unit's attempts that puts the current one first. */
export const CURRENT_FIRST = `IF(status = 'ok', 0, 1), generation DESC, IF(status = 'retrying', 1, 0), finished_at DESC, attempt_id DESC`

/**
 * The view `<name>_live`: exactly one row per unit of the snapshot. It shows the latest attempt that
 * succeeded, otherwise the latest of the newest generation, with final attempts before retrying ones. A
 * unit without an attempt, or with a retrying one, is pending.
 *
 * @param kept the columns of the source that the run keeps
 */
export function liveView(tables: RunTables, profile: Profile, kept: readonly Column[] = []): string {
  const answers = answerColumns(profile.output).map((column) => `current_attempt.${quoted(column.name)}`)
  const provenance = RESULT_PROVENANCE.filter((name) => name !== 'status' && name !== 'unit_id').map(
    (name) => `current_attempt.${name}`,
  )
  return `SELECT
  asset.unit_id,
  asset.asset_id,
  asset.location,
  asset.detection_time,
  asset.observations,
  asset.bucket,${kept.map(({ name }) => `\n  asset.kept.${quoted(name)} AS ${quoted(name)},`).join('')}
  IF(current_attempt.status IS NULL OR current_attempt.status = 'retrying', 'pending', current_attempt.status) AS status,
  current_attempt.observation_ids,
  current_attempt.gcs_uris,
  ${[...answers, ...provenance].join(',\n  ')}
FROM ${quoted(tablePath(tables, tables.assets))} AS asset
LEFT JOIN (
  SELECT * FROM ${quoted(tablePath(tables, tables.attempts))}
  WHERE status != '${MARKER_STATUS}'
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY unit_id
    ORDER BY ${CURRENT_FIRST}
  ) = 1
) AS current_attempt ON current_attempt.unit_id = asset.unit_id`
}

/** The total number of images in the snapshot. */
export function imagesQuery(tables: RunTables): string {
  return `SELECT SUM(ARRAY_LENGTH(observations)) AS images FROM ${quoted(tablePath(tables, tables.assets))}`
}

/** The rows of the results table, in the order of its columns. */
export function resultsQuery(tables: RunTables, profile: Profile, kept: readonly Column[] = []): string {
  const columns = resultColumns(profile, kept).map((column) => quoted(column.name))
  return `SELECT ${columns.join(', ')} FROM ${quoted(tablePath(tables, tables.live))}`
}

/** The cost of all attempts so far, and how many have an unknown cost, which the sum leaves out. Reads no snapshot. */
export function costQuery(tables: RunTables): string {
  return `SELECT IFNULL(SUM(cost_usd), 0.0) AS cost_usd, COUNTIF(cost_usd IS NULL) AS without_usage FROM ${quoted(tablePath(tables, tables.attempts))}
WHERE status != '${MARKER_STATUS}'`
}

/** The first failed units, by ID. */
export function failuresQuery(tables: RunTables, limit: number): string {
  return `SELECT unit_id, asset_id, cause, error_message FROM ${quoted(tablePath(tables, tables.live))}
WHERE status IN ('failed', 'throttled') ORDER BY unit_id LIMIT ${limit}`
}

/** The kinds of a run's failures. */
export function failureKindsQuery(tables: RunTables, limit: number): string {
  return failureKindsOf(tablePath(tables, tables.live), null, limit)
}

/**
 * The kinds of failures in a table or query with a run's columns, most common first. Failures of one kind have the same cause and
 * the same message, apart from images, URIs, quoted values and counts. Each has the unit with the lowest ID as its example.
 *
 * @param where a condition on the columns, or null
 */
export function failureKindsOf(from: string, where: string | null, limit: number): string {
  return `SELECT cause, kind, COUNT(*) AS units, MIN(unit_id) AS unit_id,
  ANY_VALUE(error_message HAVING MIN unit_id) AS error_message
FROM (
  SELECT unit_id, cause, error_message,
    REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(${withoutImageNames('error_message')},
      r'[a-z]+://[^\\s;]+', '…'), r'"[^"]*"', '…'), r'\\b(is|has) -?[0-9][0-9.,]*', 'is …') AS kind
  FROM ${rowsSource(from)}${conditions(where, true)}
)
GROUP BY cause, kind ORDER BY units DESC, unit_id LIMIT ${limit}`
}

/** The text of a failure without the names of images, which can be any text up to what is said of the image. */
function withoutImageNames(message: string): string {
  const said = '(?:is|has|does not|names|cannot|was|needs|became) '
  return `IF(cause = 'unreadable_image', REGEXP_REPLACE(IFNULL(${message}, ''), r'(?s)(image: |; ).*? (${said})', r'\\1… \\2'), IFNULL(${message}, ''))`
}

/** The attempts whose exact answer the ledger keeps: repaired ones, and those that did not fit the profile. */
export function rawAnswersQuery({
  projectId,
  dataset,
  attempts,
}: Pick<RunTables, 'projectId' | 'dataset' | 'attempts'>): string {
  return `SELECT unit_id, status, cause, error_message, repaired, raw_answer, attempt_id
FROM ${quoted(tablePath({ projectId, dataset }, attempts))}
WHERE raw_answer IS NOT NULL ORDER BY unit_id, attempt_id`
}

/** The failed units with given causes, for a retry, with the columns that their rows need; all, or the first ones. */
export function failedUnitsQuery(tables: RunTables, causes: readonly Cause[], limit?: number): string {
  const list = causes.map((cause) => `'${cause}'`).join(', ')
  return `SELECT unit_id, asset_id, bucket FROM ${quoted(tablePath(tables, tables.live))}
WHERE status IN ('failed', 'throttled') AND cause IN (${list}) ORDER BY unit_id${limit === undefined ? '' : ` LIMIT ${limit}`}`
}

/** The bucket of the marker row, so that a query for it reads one partition. */
export const MARKER_BUCKET = 0

/** The row by which a ledger shows that it stores rows, once it is there. */
export function markerQuery(tables: RunTables): string {
  return `SELECT attempt_id FROM ${quoted(tablePath(tables, tables.attempts))}
WHERE bucket = ${MARKER_BUCKET} AND status = '${MARKER_STATUS}' LIMIT 1`
}

/**
 * The outcomes of units' attempts in each generation, without those that are retried. Reads only the partitions of the
 * units' buckets.
 */
export function finalRowsQuery(tables: RunTables, buckets: readonly number[]): string {
  return `SELECT unit_id, generation, status, cause FROM ${quoted(tablePath(tables, tables.attempts))}
WHERE bucket IN (${buckets.map(bucketText).join(', ')}) AND unit_id IN UNNEST(@units) AND status NOT IN ('retrying', '${MARKER_STATUS}')`
}

/** Units of the snapshot by their IDs. Reads only the partitions of their buckets. */
export function unitsQuery(tables: RunTables, buckets: readonly number[]): string {
  return `SELECT ${SHARD_COLUMNS} FROM ${quoted(tablePath(tables, tables.assets))} AS asset
WHERE asset.bucket IN (${buckets.map(bucketText).join(', ')}) AND asset.unit_id IN UNNEST(@units)`
}

/** A range of buckets, both ends included. */
export interface BucketRange {
  from: number
  to: number
}

/** The units of a shard. Reads only the shard's partitions of the snapshot. */
export function shardQuery(tables: RunTables, range: BucketRange): string {
  return `SELECT ${SHARD_COLUMNS} FROM ${quoted(tablePath(tables, tables.assets))} AS asset
WHERE ${within('asset', range)}`
}

/**
 * The units of a shard that are pending in the live view. Reads only the shard's partitions of the snapshot and the
 * ledger, and only the ledger's columns that decide. The live view would read the whole ledger for each shard, because
 * BigQuery skips partitions only for a constant condition on the table's own column
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables#use_a_constant_filter_expression).
 */
export function pendingUnitsQuery(tables: RunTables, range: BucketRange): string {
  return `SELECT ${SHARD_COLUMNS} FROM ${quoted(tablePath(tables, tables.assets))} AS asset
LEFT JOIN (
  SELECT unit_id FROM ${quoted(tablePath(tables, tables.attempts))} AS attempt
  WHERE ${within('attempt', range)}
  GROUP BY unit_id
  HAVING LOGICAL_OR(status = 'ok') OR MAX(IF(status = 'retrying', -1, generation)) = MAX(generation)
) AS finished ON finished.unit_id = asset.unit_id
WHERE ${within('asset', range)} AND finished.unit_id IS NULL`
}

const SHARD_COLUMNS = ['unit_id', 'asset_id', 'location', 'detection_time', 'observations', 'bucket']
  .map((column) => `asset.${column}`)
  .join(', ')

function within(alias: string, { from, to }: BucketRange): string {
  return `${alias}.bucket BETWEEN ${bucketText(from)} AND ${bucketText(to)}`
}

/** Buckets are written into the statement, not passed as parameters, so that they are constants for BigQuery. */
function bucketText(bucket: number): string {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) throw new RangeError(`not a bucket: ${bucket}`)
  return String(bucket)
}
