import { GOOGLE_PRICES, LEAST_SCANNED_BYTES } from '../../contracts/google-prices.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { heartbeatOf, summaryOf } from '../../run-data/heartbeat-record.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import type { RunChanges } from './follow-run.ts'
import { openRun } from './open-run.ts'

/** A heartbeat comes every 30 s, and only it knows of new rows without a query. */
const LOOK_MS = { google: 30_000, local: 1_000 }

const LEAST_READ_MS = { google: 60_000, local: 2_000 }

/** What reading the rows of a run in progress may cost in an hour. */
const MOST_USD_PER_HOUR = 0.1

const HOUR_MS = 3_600_000

/** Tables that the query over current rows reads: the snapshot and the ledger. */
const TABLES = 2

/**
 * Returns the milliseconds between two readings of rows whose query is billed for these bytes: 60 s, or longer so that they cost
 * at most 0.10 US dollars an hour. A local cloud bills nothing.
 */
export function readPauseMs(kind: Target['kind'], billedBytes: number): number {
  if (kind === 'local') return LEAST_READ_MS.local
  const bytes = Math.max(billedBytes, TABLES * LEAST_SCANNED_BYTES)
  const usd = (bytes / 2 ** 40) * GOOGLE_PRICES.bigquery_scan.usd
  return Math.max(LEAST_READ_MS.google, (usd / MOST_USD_PER_HOUR) * HOUR_MS)
}

/** Returns how to follow a run in progress: by its heartbeats, which are small objects. */
export function runChanges(target: Target, store: StateStore, spec: RunSpec): RunChanges {
  let known: string | undefined
  return {
    lookMs: LOOK_MS[target.kind],
    readMs: ({ rows }) => readPauseMs(target.kind, rows.billedBytes),
    async look() {
      if (await summaryOf(spec)) return 'ended'
      // Its queries cost nothing, and are newer than a heartbeat.
      if (target.kind === 'local') return 'changed'
      const totals = (await heartbeatOf(spec))?.record.totals
      // Without heartbeats, nothing but a query tells.
      if (!totals) return 'changed'
      const now = `${totals.attempts} ${totals.last_row_at}`
      const isSame = now === known
      known = now
      return isSame ? 'same' : 'changed'
    },
    open: () => openRun(target, store, spec.run_id),
  }
}
