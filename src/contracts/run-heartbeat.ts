import * as z from 'zod'
import { CAUSES } from './causes.ts'
import { RUN_ID_PATTERN } from './run-id.ts'
import { runPacing } from './run-pacing.ts'
import { progressSample } from './run-progress.ts'
import type { RunReport } from './run-report.ts'

const runId = z.string().regex(RUN_ID_PATTERN, 'not a run id')
const count = z.int().nonnegative()

/** What the whole ledger of a run says, from one query. */
export const runTotals = z.object({
  /** RFC 3339: when they were read. */
  at: z.iso.datetime(),
  units: z.object({ total: count, ok: count, failed: count, pending: count }),
  /** Failed units by cause. */
  causes: z.partialRecord(z.enum(CAUSES), count),
  /** All rows of the ledger but its marker. */
  attempts: count,
  /** Without the attempts whose cost is unknown. */
  cost_usd: z.number().nonnegative(),
  /** How many billed attempts have an unknown cost. */
  answers_without_usage: count,
  /** RFC 3339: the time of the last row of a unit; null without rows. */
  last_row_at: z.string().nullable(),
  /** Rows of units that are not in the snapshot, and one such unit; null without such rows. */
  stray_rows: z.object({ rows: count, unit_id: z.string() }).nullable(),
})

export type RunTotals = z.infer<typeof runTotals>

/** `runs/<run_id>/heartbeat.json`: what a run's last heartbeat found. A few kilobytes, however large the ledger is. */
export const runHeartbeat = z.object({
  v: z.literal(1),
  run_id: runId,
  /** RFC 3339. */
  written_at: z.iso.datetime(),
  /** Null until the ledger was read for the first time. */
  totals: runTotals.nullable(),
  /** RFC 3339: from when on a heartbeat reads the ledger again. */
  next_read_at: z.iso.datetime().nullable(),
  /** Earlier totals, oldest first. */
  history: z.array(progressSample),
  /** RFC 3339: since when the run has got no row and had no task; null while it moves. */
  quiet_since: z.iso.datetime().nullable(),
  /** RFC 3339: since when nothing has changed at all, tasks or not; null while it moves. */
  idle_since: z.iso.datetime().nullable(),
  /** The generations that heartbeats have started since a command last worked on the run. */
  generations_started: count,
  /** How the model accepts the calls; null before a heartbeat has seen any. */
  pacing: runPacing.nullable().default(null),
})

export type RunHeartbeat = z.infer<typeof runHeartbeat>

/** `runs/<run_id>/summary.json`: the final report of a run, until a retry adds tasks to it. */
export const runSummary = z.object({
  v: z.literal(1),
  run_id: runId,
  /** RFC 3339. */
  written_at: z.iso.datetime(),
  report: z.custom<RunReport>((value) => typeof value === 'object' && value !== null),
})

export type RunSummary = z.infer<typeof runSummary>
