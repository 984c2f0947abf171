import { expect } from 'vitest'
import type * as z from 'zod'
import { queryRows } from '../../src/google/bigquery/bigquery.ts'
import { readAccessLog } from './access-log.ts'
import type { runReport } from './documents.ts'
import type { ManyAssets } from './many-assets.ts'

interface AssetRow {
  asset_id: string
  status: string
  width: number
  height: number
}

interface Attempts {
  asset_id: string
  attempts: number
  ids: number
}

/**
 * Checks a finished run: exactly one row per asset, each with its
 * own image's size; no image read more often than its task was sent; no attempt written twice, and
 * none without a delivery. This process's clients must point at the run's local cloud.
 */
export async function expectEveryAssetOnce(
  report: z.infer<typeof runReport>,
  { assets, accessLog }: { assets: ManyAssets; accessLog: string },
): Promise<void> {
  const count = assets.sizes.size
  expect(report).toMatchObject({ state: 'complete', units: { total: count, ok: count, failed: 0, pending: 0 } })

  const answers = await rowsOf<AssetRow>(
    report.results_table,
    'SELECT asset_id, status, width, height FROM TABLE ORDER BY asset_id',
  )
  expect(answers).toEqual([...assets.sizes].map(([asset_id, size]) => ({ asset_id, status: 'ok', ...size })))

  const log = readAccessLog(accessLog)
  const attempts = await rowsOf<Attempts>(
    report.attempts_table,
    'SELECT asset_id, COUNT(*) AS attempts, COUNT(DISTINCT attempt_id) AS ids FROM TABLE GROUP BY asset_id',
  )
  expect(attempts).toHaveLength(count)
  for (const { asset_id: id, attempts: written, ids } of attempts) {
    const reads = log.imageReads(report.run_id, id)
    const sent = log.dispatches(report.run_id, id)
    expect(ids, `${id}: attempt ids`).toBe(written)
    expect(reads, `${id}: image reads, of ${sent} dispatches`).toBeLessThanOrEqual(sent)
    expect(written, `${id}: attempts, of ${reads} image reads`).toBeLessThanOrEqual(reads)
  }
}

/** What a statement calls TABLE: a table's rows; of a ledger, those that are attempts. */
export function rowsIn(table: string | null): string {
  return table?.endsWith('_attempts') ? `(SELECT * FROM \`${table}\` WHERE status != 'setup')` : `\`${table}\``
}

/** Rows of a query over one table, `project.dataset.table`, which the statement calls TABLE. */
export async function rowsOf<Row>(table: string | null, sql: string): Promise<Row[]> {
  const [projectId = ''] = (table ?? '').split('.')
  return queryRows<Row>(sql.replace('TABLE', rowsIn(table)), { projectId, location: 'US' })
}
