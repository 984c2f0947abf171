import * as z from 'zod'

/** The JSON document of run, status and resume, as the README promises it: members may be added but not removed. */
export const runReport = z.object({
  run_id: z.string().regex(/^\d{6}-[0-9a-f]{8}$/),
  state: z.enum(['loading', 'starting', 'running', 'paused', 'complete', 'torn_down']),
  profile: z.string(),
  source: z.string(),
  units: z.strictObject({ total: z.int(), ok: z.int(), failed: z.int(), pending: z.int() }),
  causes: z.record(z.string(), z.int()),
  failures: z.array(z.object({ asset_id: z.string(), cause: z.string(), error_message: z.string() })),
  answers: z.strictObject({ by: z.string(), billed: z.boolean().nullable(), available: z.boolean() }).optional(),
  cost_usd: z.number(),
  results_table: z.string().nullable(),
  attempts_table: z.string(),
  started_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
})

export const runList = z.strictObject({ runs: z.array(runReport) })

export const rowsDocument = z.strictObject({
  run_id: z.string(),
  table: z.string(),
  rows: z.array(z.record(z.string(), z.unknown())),
})

export const fileDocument = z.strictObject({ run_id: z.string(), table: z.string(), rows: z.int(), file: z.string() })

export const teardownDocument = z.strictObject({
  run_id: z.string(),
  deleted: z.array(z.string()),
  kept: z.array(z.string()),
})

/** A whole results row of the `image-quality` profile: names and types are a public interface. */
export const imageQualityRow = z.strictObject({
  unit_id: z.string(),
  asset_id: z.string(),
  location: z.strictObject({ latitude: z.number(), longitude: z.number() }).nullable(),
  detection_time: z.iso.datetime().nullable(),
  observation_ids: z.array(z.string()),
  gcs_uris: z.array(z.string()),
  width: z.int().nullable(),
  height: z.int().nullable(),
  megapixels: z.number().nullable(),
  sharpness: z.number().nullable(),
  brightness: z.number().nullable(),
  contrast: z.number().nullable(),
  near_black_share: z.number().nullable(),
  clipped_share: z.number().nullable(),
  verdict: z.enum(['good', 'fair', 'poor', 'unusable']).nullable(),
  reason: z.string().nullable(),
  note: z.string().nullable(),
  best_observation_id: z.string().nullable(),
  images: z.array(z.record(z.string(), z.unknown())),
  unreadable_observation_ids: z.array(z.string()),
  status: z.enum(['ok', 'failed', 'throttled', 'pending']),
  cause: z.string().nullable(),
  error_message: z.string().nullable(),
  repaired: z.boolean().nullable(),
  model: z.string(),
  model_version: z.string().nullable(),
  tier: z.string().nullable(),
  prompt_hash: z.string(),
  input_hash: z.string().nullable(),
  prompt_tokens: z.int().nullable(),
  output_tokens: z.int().nullable(),
  thought_tokens: z.int().nullable(),
  cost_usd: z.number(),
  latency_ms: z.int(),
  finish_reason: z.string().nullable(),
  attempt_id: z.string(),
  run_id: z.string(),
  finished_at: z.iso.datetime(),
  carried_from: z.string().nullable(),
  carried_cost_usd: z.number().nullable(),
})
