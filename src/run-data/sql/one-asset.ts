import { BUCKETS } from '../../contracts/messages.ts'
import { tablePath, type RunTables } from '../../contracts/names.ts'
import { MARKER_STATUS } from '../../contracts/tables.ts'
import { quoted } from './names.ts'
import { rowsSource } from './results.ts'

/** The current rows of an asset, or of the unit with that ID: `@id`. */
export function assetRowsQuery(from: string): string {
  return `SELECT * FROM ${rowsSource(from)} WHERE unit_id = @id OR asset_id = @id ORDER BY unit_id`
}

/** All attempts at the units of an asset, or at the unit with that ID, oldest first. */
export function assetAttemptsQuery({
  projectId,
  dataset,
  attempts,
}: Pick<RunTables, 'projectId' | 'dataset' | 'attempts'>): string {
  return `SELECT * FROM ${quoted(tablePath({ projectId, dataset }, attempts))}
WHERE (unit_id = @id OR asset_id = @id) AND status != '${MARKER_STATUS}'
ORDER BY unit_id, finished_at, attempt_id`
}

/** IDs that are like `@id`: they contain it, or begin with `@start`. */
export function similarIdsQuery(from: string, limit: number): string {
  return `SELECT DISTINCT IFNULL(asset_id, unit_id) AS id FROM ${rowsSource(from)}
WHERE STRPOS(LOWER(unit_id), LOWER(@id)) > 0 OR STARTS_WITH(LOWER(unit_id), LOWER(@start))
ORDER BY id LIMIT ${limit}`
}

/** All attempts at the unit `@id`, oldest first. Reads only the partition of the unit's bucket. */
export function unitAttemptsQuery({
  projectId,
  dataset,
  attempts,
}: Pick<RunTables, 'projectId' | 'dataset' | 'attempts'>): string {
  return `SELECT * FROM ${quoted(tablePath({ projectId, dataset }, attempts))}
WHERE bucket = ABS(MOD(FARM_FINGERPRINT(@id), ${BUCKETS})) AND unit_id = @id AND status != '${MARKER_STATUS}'
ORDER BY finished_at, attempt_id`
}
