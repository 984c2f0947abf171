import { tablePath, type RunTables } from '../../contracts/names.ts'
import { MARKER_STATUS } from '../../contracts/tables.ts'
import { CURRENT_FIRST } from './ledger.ts'
import { quoted } from './names.ts'

/** The status of ledger rows whose unit is not in the snapshot, which the live view does not show. */
export const STRAY = 'stray'

/**
 * Everything that a run's ledger says in total, by the status and cause of its units as the live view has them: the
 * number of units, the time of their last row, and the number and cost of all their attempts. Costs that are unknown are
 * counted, because the sum leaves them out. Rows of no unit are a group of their own, so that the groups' costs add up to
 * the ledger's. Reads each table once, and only the columns that decide.
 */
export function totalsQuery(tables: RunTables): string {
  return `SELECT status, cause, COUNT(*) AS units, MAX(finished_at) AS last_finished_at, IFNULL(SUM(attempts), 0) AS attempts,
  IFNULL(SUM(cost_usd), 0.0) AS cost_usd, IFNULL(SUM(without_usage), 0) AS without_usage, MIN(attempted_unit_id) AS unit_id
FROM (
  SELECT
    IF(asset.unit_id IS NULL, '${STRAY}',
      IF(attempt.status IS NULL OR attempt.status = 'retrying', 'pending', attempt.status)) AS status,
    attempt.cause, attempt.finished_at, attempt.attempts, attempt.cost_usd, attempt.without_usage,
    attempt.unit_id AS attempted_unit_id
  FROM ${quoted(tablePath(tables, tables.assets))} AS asset
  FULL JOIN (
    SELECT unit_id, status, cause, finished_at,
      COUNT(*) OVER (PARTITION BY unit_id) AS attempts,
      SUM(cost_usd) OVER (PARTITION BY unit_id) AS cost_usd,
      COUNTIF(cost_usd IS NULL) OVER (PARTITION BY unit_id) AS without_usage
    FROM ${quoted(tablePath(tables, tables.attempts))}
    WHERE status != '${MARKER_STATUS}'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY unit_id ORDER BY ${CURRENT_FIRST}) = 1
  ) AS attempt ON attempt.unit_id = asset.unit_id
)
GROUP BY status, cause`
}
