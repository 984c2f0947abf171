import { answerColumns } from '../../contracts/answer-schema.ts'
import { tablePath, type RunTables } from '../../contracts/names.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { RESULT_PROVENANCE, resultColumns } from '../../contracts/tables.ts'
import { quoted } from './snapshot.ts'

/**
 * The view `<name>_live`: exactly one row per asset of the snapshot. Its attempt is the latest
 * that succeeded, else the latest; an asset without one is pending.
 */
export function liveView(tables: RunTables, profile: Profile): string {
  const answers = answerColumns(profile.output).map((column) => `current_attempt.${quoted(column.name)}`)
  const provenance = RESULT_PROVENANCE.filter((name) => name !== 'status').map((name) => `current_attempt.${name}`)
  return `SELECT
  asset.asset_id,
  asset.location,
  asset.detection_time,
  asset.observations,
  asset.bucket,
  IFNULL(current_attempt.status, 'pending') AS status,
  current_attempt.observation_ids,
  current_attempt.gcs_uris,
  ${[...answers, ...provenance].join(',\n  ')}
FROM ${quoted(tablePath(tables, tables.assets))} AS asset
LEFT JOIN (
  SELECT * FROM ${quoted(tablePath(tables, tables.attempts))}
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY asset_id ORDER BY IF(status = 'ok', 0, 1), finished_at DESC, attempt_id DESC
  ) = 1
) AS current_attempt ON current_attempt.asset_id = asset.asset_id`
}

/** The results table's rows, in its columns' order. */
export function resultsQuery(tables: RunTables, profile: Profile): string {
  const columns = resultColumns(profile).map((column) => quoted(column.name))
  return `SELECT ${columns.join(', ')} FROM ${quoted(tablePath(tables, tables.live))}`
}

/** Units by status and cause, with the time of the last row. */
export function progressQuery(tables: RunTables): string {
  return `SELECT status, cause, COUNT(*) AS units, MAX(finished_at) AS last_finished_at
FROM ${quoted(tablePath(tables, tables.live))} GROUP BY status, cause`
}

/** What all attempts have cost so far, failed ones too. */
export function costQuery(tables: RunTables): string {
  return `SELECT COUNT(*) AS attempts, IFNULL(SUM(cost_usd), 0.0) AS cost_usd FROM ${quoted(tablePath(tables, tables.attempts))}`
}

/** The first failed units by asset id. */
export function failuresQuery(tables: RunTables, limit: number): string {
  return `SELECT asset_id, cause, error_message FROM ${quoted(tablePath(tables, tables.live))}
WHERE status IN ('failed', 'throttled') ORDER BY asset_id LIMIT ${limit}`
}

/** The assets of a shard, all of them or those without a final row. */
export function shardQuery(tables: RunTables, onlyPending: boolean): string {
  const table = quoted(tablePath(tables, onlyPending ? tables.live : tables.assets))
  const pending = onlyPending ? " AND status = 'pending'" : ''
  return `SELECT asset_id, location, detection_time, observations FROM ${table}
WHERE bucket BETWEEN @bucket_from AND @bucket_to${pending}`
}
