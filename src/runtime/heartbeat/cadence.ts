import { GOOGLE_PRICES, LEAST_SCANNED_BYTES } from '../../contracts/google-prices.ts'
import { runPace, type ProgressSample } from '../../contracts/run-progress.ts'
import type { RunTotals } from '../../contracts/run-heartbeat.ts'

/** Bytes of the columns that a read of the totals scans: per row of the ledger, and per unit of the snapshot (docs/scale.md). */
const LEDGER_ROW_BYTES = 120
const UNIT_BYTES = 40

/** The largest share of what a run spends that its heartbeats may spend on reading the ledger. */
export const READ_SHARE = 0.01

/** What a unit costs besides its model call, at least (docs/scale.md). */
const LEAST_UNIT_USD = 0.000_001

/** Every heartbeat, or as rarely as this. */
const SHORTEST_MS = 30_000
const LONGEST_MS = 600_000

/** Returns the price of one read of the totals, in US dollars. */
export function readUsd({ units, attempts }: Pick<RunTotals, 'units' | 'attempts'>): number {
  const bytes = Math.max(2 * LEAST_SCANNED_BYTES, attempts * LEDGER_ROW_BYTES + units.total * UNIT_BYTES)
  return (bytes / 2 ** 40) * GOOGLE_PRICES.bigquery_scan.usd
}

/**
 * Returns how long the totals of a run hold, in milliseconds: so long that reading them costs at most one hundredth of
 * what the run spends meanwhile, but at most ten minutes. The price of a read grows with the ledger.
 */
export function readEveryMs(totals: RunTotals, history: readonly ProgressSample[]): number {
  const pace = runPace(history, totals.units.pending)
  // Nothing is known of the first minute.
  if (!pace) return SHORTEST_MS
  const usdPerMs = (pace.usd_per_hour / 3_600 + pace.units_per_second * LEAST_UNIT_USD) / 1_000
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, readUsd(totals) / (READ_SHARE * usdPerMs)))
}
