import type { Cause } from './causes.ts'

/**
 * The state of a run. There is no `stalled` state: a run with units left and no queued work is `paused`.
 * A run that is `loading` its source is not recorded yet and cannot be resumed.
 */
export type RunState = 'loading' | 'starting' | 'running' | 'paused' | 'complete' | 'torn_down'

/** The JSON of run, status, resume and retry. A stable interface: members can be added, never changed. */
export interface RunReport {
  run_id: string
  state: RunState
  profile: string
  source: string
  units: { total: number; ok: number; failed: number; pending: number }
  causes: Partial<Record<Cause, number>>
  /** Some of the failed assets (at most 20), with their reasons. */
  failures: { unit_id: string; asset_id: string | null; cause: Cause; error_message: string }[]
  cost_usd: number
  /** `project.dataset.table`; null until the run is complete. */
  results_table: string | null
  attempts_table: string
  /** RFC 3339. */
  started_at: string
  /** RFC 3339: the last row's time; null while units are pending. */
  finished_at: string | null
}
