import type { Cause } from '../contracts/causes.ts'
import { exactUsd } from '../contracts/prices.ts'
import type { RunTotals } from '../contracts/run-heartbeat.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { queryRows, timestampText } from '../google/bigquery/bigquery.ts'
import { STRAY, totalsQuery } from './sql/totals.ts'

interface TotalsRow {
  status: 'ok' | 'failed' | 'throttled' | 'pending' | typeof STRAY
  cause: Cause | null
  units: number
  last_finished_at: unknown
  attempts: number
  cost_usd: number
  without_usage: number
  unit_id: string | null
}

/**
 * Reads what the whole ledger of a run says, in one statement.
 *
 * @param nowMs milliseconds since the Unix epoch
 * @throws CloudError NOT_FOUND while the snapshot or the ledger does not exist, and after they were deleted
 */
export async function readTotals(
  { place, source, tables }: Pick<RunSpec, 'place' | 'source' | 'tables'>,
  nowMs: number,
): Promise<RunTotals> {
  const query = { projectId: place.projectId, location: source.location }
  return totalsOf(await queryRows<TotalsRow>(totalsQuery(tables), query), nowMs)
}

function totalsOf(rows: readonly TotalsRow[], nowMs: number): RunTotals {
  const units = { total: 0, ok: 0, failed: 0, pending: 0 }
  const causes: RunTotals['causes'] = {}
  const stray = { rows: 0, unit_id: '' }
  let [attempts, costUsd, withoutUsage] = [0, 0, 0]
  let last: string | null = null
  for (const row of rows) {
    attempts += Number(row.attempts)
    costUsd += Number(row.cost_usd)
    withoutUsage += Number(row.without_usage)
    if (row.status === STRAY) {
      const unit = row.unit_id ?? ''
      if (stray.rows === 0 || unit < stray.unit_id) stray.unit_id = unit
      stray.rows += Number(row.attempts)
      continue
    }
    const count = Number(row.units)
    units.total += count
    if (row.status === 'ok') units.ok += count
    else if (row.status === 'pending') units.pending += count
    else units.failed += count
    if (row.cause && row.status !== 'pending') causes[row.cause] = (causes[row.cause] ?? 0) + count
    const finished = timestampText(row.last_finished_at)
    if (finished !== null && (last === null || finished > last)) last = finished
  }
  return {
    at: new Date(nowMs).toISOString(),
    units,
    causes,
    attempts,
    cost_usd: exactUsd(costUsd),
    answers_without_usage: withoutUsage,
    last_row_at: last,
    stray_rows: stray.rows === 0 ? null : stray,
  }
}
