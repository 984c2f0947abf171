import type { Carried } from './carry.ts'
import type { AttemptStatus, Cause } from './causes.ts'
import type { Column } from './columns.ts'
import type { MediaResolution, Tier } from './model-options.ts'

/** The JSON of `imagery estimate` and `imagery run --dry-run`. A stable interface: members can be added, never changed. */
export interface EstimateReport {
  profile: string
  source: string
  unit: 'asset' | 'observation'
  /** Units of the run: assets, or observations with `--unit observation`. */
  units: number
  /** Images that the run would use. */
  images: number
  /**
   * How the units compare with earlier runs (`--update`, `--reuse`); null without them. The costs are those of the units
   * that are not unchanged. If a warning says so, images that were replaced at the same address count as unchanged here.
   */
  carried: Omit<Carried, 'v' | 'carried_at'> | null
  /** Units by their number of images. */
  images_per_unit: { images: number; units: number }[]
  /** Rows and images that the run would not use. One row can be counted under several reasons. */
  left_out: { reason: LeftOutReason; count: number; text: string }[]
  counted: {
    /** `query` reads the table, `local` reads the file on this machine, `temporary_table` loads it and deletes it again. */
    how: 'query' | 'local' | 'temporary_table'
    /** Bytes that this command has read in BigQuery. */
    bytes_read: number
  }
  /** Bytes that BigQuery will scan for the run's snapshot, by a dry run of its query; estimated for a file that was counted locally. */
  snapshot_bytes: number
  /** The columns of the results table. */
  columns: Column[]
  samples: { unit_id: string; asset_id: string | null; images: string[] }[]
  /** Null for the pixels model, which costs no Gemini. */
  gemini: GeminiEstimate | null
  /** Costs at list prices, in US dollars, without free tiers. */
  cost_usd: { gemini: number; bigquery: number; cloud_run: number; cloud_tasks: number; pubsub: number; total: number }
  cost_parts: {
    service: 'bigquery' | 'cloud_run' | 'cloud_tasks' | 'pubsub'
    what: string
    usd: number
    /** What is billed, in words. */
    amount: string
    /** The list price, in US dollars per unit, and its page. */
    price_usd: number
    price_per: string
    source: string
  }[]
  /** The dates of the price lists: the model's, and that of Google's other services. */
  prices_dated: { gemini: string; google: string }
  duration: {
    seconds: number
    /** Calls or tasks at once. */
    concurrency: number
    instances: number
    /** For Gemini: within the throughput that Google documents. */
    throughput_tiers: { name: string; spend: string; tokens_per_minute: number; seconds: number }[]
    throughput_source: string | null
  }
  /** Null without `--max-cost`. */
  max_cost: { usd: number; would_be_refused: boolean; fitting_units: number } | null
  ai_generate: { is_better: boolean; reasons: string[]; statement: string | null; sources: string[] }
  /** Null without `--sample`. Else the tokens, costs and duration above follow from it. */
  sample: SampleReport | null
}

/** The units that were asked about for an estimate. Their answers are rows of a run, which a resume finishes. */
export interface SampleReport {
  run_id: string
  /** Units that were chosen. */
  units: number
  ok: number
  failed: number
  /** Units without a row: the model was throttled or failing, or `--max-cost` would have been passed. */
  unanswered: number
  /** What the sample cost, by its ledger. */
  cost_usd: number
  /** The cost of Gemini for the whole run, with its interval; null if fewer than two units were answered. */
  gemini_usd: { low: number; high: number; confidence: number; method: 'student_t' } | null
  answers: {
    unit_id: string
    images: number
    status: AttemptStatus
    cause: Cause | null
    error_message: string | null
    /** By column; null for a unit that failed. */
    answer: Record<string, unknown> | null
    prompt_tokens: number
    output_tokens: number
    thought_tokens: number
    cost_usd: number
    latency_ms: number
  }[]
}

export type LeftOutReason =
  | 'row_without_asset'
  | 'row_without_image'
  | 'repeated_observation'
  | 'image_over_limit'
  | 'image_address'
  | 'unit_without_image'

export interface GeminiEstimate {
  model: string
  tier: Tier
  media_resolution: MediaResolution | null
  /** What answers, if the answers are not billed: a stand-in of the local cloud. Else null. */
  stand_in: string | null
  tokens: { prompt: number; images: number; answers: number; thoughts: number; total: number }
  assumptions: {
    characters_per_token: number
    tokens_per_image: number
    tokens_per_answer: number
    thought_tokens_per_answer: number
  }
  /** The same run with other models, tiers and media resolutions. */
  alternatives: {
    model: string
    tier: Tier
    media_resolution: MediaResolution
    usd: number
    /** Whether this is the run as it is. */
    is_chosen: boolean
  }[]
  /** The page of the model's price, or the file of `--prices` if it has the price. */
  price_source: string
}
