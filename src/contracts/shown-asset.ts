/** One try at a unit, as the ledger has it, without the columns that all tries of the unit share. */
export interface ShownAttempt {
  attempt_id: string
  status: string
  cause: string | null
  error_message: string | null
  /** The columns of the profile. */
  answer: Record<string, unknown>
  /** The model's exact text, if it was repaired or did not fit the profile. */
  raw_answer: string | null
  repaired: boolean | null
  model: string | null
  model_version: string | null
  tier: string | null
  prompt_tokens: number | null
  output_tokens: number | null
  thought_tokens: number | null
  cost_usd: number | null
  latency_ms: number | null
  finish_reason: string | null
  started_at: string
  finished_at: string
  generation: number | null
}

/** A unit of an asset with its current answer, its images and all tries, oldest first. */
export interface ShownUnit {
  unit_id: string
  asset_id: string | null
  status: string
  location: unknown
  detection_time: unknown
  /** The columns of the source that the run keeps (`run --keep`). */
  kept: Record<string, unknown>
  answer: Record<string, unknown>
  images: { observation_id: string | null; gcs_uri: string }[]
  attempts: ShownAttempt[]
}
