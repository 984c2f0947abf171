import { answerColumns } from '../../contracts/answer-schema.ts'
import type { Cause } from '../../contracts/causes.ts'
import { tablePath, type RunTables } from '../../contracts/names.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { RESULT_PROVENANCE, resultColumns } from '../../contracts/tables.ts'
import { quoted } from './snapshot.ts'

/**
 * The view `<name>_live`: exactly one row per unit of the snapshot. It shows the latest attempt that
 * succeeded, otherwise the latest of the newest generation, with final attempts before retrying ones. A
 * unit without an attempt, or with a retrying one, is pending.
 */
export function liveView(tables: RunTables, profile: Profile): string {
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
  asset.bucket,
  IF(current_attempt.status IS NULL OR current_attempt.status = 'retrying', 'pending', current_attempt.status) AS status,
  current_attempt.observation_ids,
  current_attempt.gcs_uris,
  ${[...answers, ...provenance].join(',\n  ')}
FROM ${quoted(tablePath(tables, tables.assets))} AS asset
LEFT JOIN (
  SELECT * FROM ${quoted(tablePath(tables, tables.attempts))}
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY unit_id
    ORDER BY IF(status = 'ok', 0, 1), generation DESC, IF(status = 'retrying', 1, 0), finished_at DESC, attempt_id DESC
  ) = 1
) AS current_attempt ON current_attempt.unit_id = asset.unit_id`
}

/** The total number of images in the snapshot. */
export function imagesQuery(tables: RunTables): string {
  return `SELECT SUM(ARRAY_LENGTH(observations)) AS images FROM ${quoted(tablePath(tables, tables.assets))}`
}

/** The rows of the results table, in the order of its columns. */
export function resultsQuery(tables: RunTables, profile: Profile): string {
  const columns = resultColumns(profile).map((column) => quoted(column.name))
  return `SELECT ${columns.join(', ')} FROM ${quoted(tablePath(tables, tables.live))}`
}

/** Number of units by status and cause, with the time of the last row. */
export function progressQuery(tables: RunTables): string {
  return `SELECT status, cause, COUNT(*) AS units, MAX(finished_at) AS last_finished_at
FROM ${quoted(tablePath(tables, tables.live))} GROUP BY status, cause`
}

/** The cost of all attempts so far, including failed ones. */
export function costQuery(tables: RunTables): string {
  return `SELECT COUNT(*) AS attempts, IFNULL(SUM(cost_usd), 0.0) AS cost_usd FROM ${quoted(tablePath(tables, tables.attempts))}`
}

/** The first failed units, by ID. */
export function failuresQuery(tables: RunTables, limit: number): string {
  return `SELECT unit_id, asset_id, cause, error_message FROM ${quoted(tablePath(tables, tables.live))}
WHERE status IN ('failed', 'throttled') ORDER BY unit_id LIMIT ${limit}`
}

/** The failed units with given causes, for a retry. */
export function failedUnitsQuery(tables: RunTables, causes: readonly Cause[]): string {
  const list = causes.map((cause) => `'${cause}'`).join(', ')
  return `SELECT unit_id, asset_id FROM ${quoted(tablePath(tables, tables.live))}
WHERE status IN ('failed', 'throttled') AND cause IN (${list}) ORDER BY unit_id`
}

/** The outcomes of units' attempts in each generation, without those that are retried. */
export function finalRowsQuery(tables: RunTables): string {
  return `SELECT unit_id, generation, status, cause FROM ${quoted(tablePath(tables, tables.attempts))}
WHERE unit_id IN UNNEST(@units) AND status != 'retrying'`
}

/** The units of a shard: all of them, or only those without a final row. */
export function shardQuery(tables: RunTables, onlyPending: boolean): string {
  const table = quoted(tablePath(tables, onlyPending ? tables.live : tables.assets))
  const pending = onlyPending ? " AND status = 'pending'" : ''
  return `SELECT unit_id, asset_id, location, detection_time, observations FROM ${table}
WHERE bucket BETWEEN @bucket_from AND @bucket_to${pending}`
}
