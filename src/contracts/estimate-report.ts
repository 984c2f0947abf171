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
  price_source: string
}
