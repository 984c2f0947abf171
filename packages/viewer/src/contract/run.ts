import type { ViewedColumn } from './columns.ts'

/** What the app shows about a run besides its rows. */
export interface ViewedRun {
  run_id: string
  /** `project.dataset.table`. */
  results_table: string
  source: string
  profile: string
  /** Empty for exact pixel measurement. */
  prompt: string
  /** The model, or `pixels`. */
  model: string
  /** Who answered the calls; null for exact pixel measurement. */
  answered_by: string | null
  /** Whether the answers are billed: a stand-in's are not. Null if that is not known. */
  is_billed: boolean | null
  state: string
  units: { total: number; ok: number; failed: number; pending: number }
  cost_usd: number
  started_at: string
  finished_at: string | null
  failures: ViewedFailures[]
  columns: ViewedColumn[]
  /** [west, south, east, north] in degrees; west is above east across the antimeridian. Null if no asset has a location. */
  bounds: [number, number, number, number] | null
  /** Whether rows still change. */
  is_live: boolean
  /** Whether images can be shown: a report can come without. */
  has_images: boolean
  /** Whether marks can be saved: a report is read-only. */
  can_review: boolean
}

/** Failures with one cause and the same message. */
export interface ViewedFailures {
  cause: string
  units: number
  example: { unit_id: string; error_message: string }
  /** The next command, or the fix. */
  next: string
}
