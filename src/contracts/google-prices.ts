import type { Tier } from './model-options.ts'

/**
 * The date of the list in this file. It was compared with stored copies of the pages, some of them older than the date, and
 * not with a bill.
 */
export const GOOGLE_PRICES_DATED = '2026-11-30'

/** A list price, with the page that has it. */
export interface ListPrice {
  /** US dollars per unit. */
  usd: number
  /** What the price is for, in the singular. */
  per: string
  source: string
}

/**
 * List prices of the services of a run besides the model, in US dollars, without free tiers and discounts: those of
 * us-central1, the US multi-region and Cloud Run's tier 1. Other regions can cost more.
 */
export const GOOGLE_PRICES = {
  bigquery_scan: price(6.25, 'TiB', 'https://cloud.google.com/bigquery/pricing#on_demand_pricing'),
  bigquery_inserts: price(0.01, '200 MB', 'https://cloud.google.com/bigquery/pricing#data_ingestion_pricing'),
  bigquery_storage: price(0.02, 'GiB and month', 'https://cloud.google.com/bigquery/pricing#storage'),
  cloud_run_cpu: price(0.000024, 'vCPU-second', 'https://cloud.google.com/run/pricing'),
  cloud_run_memory: price(0.0000025, 'GiB-second', 'https://cloud.google.com/run/pricing'),
  cloud_run_requests: price(0.4, 'million requests', 'https://cloud.google.com/run/pricing'),
  cloud_tasks: price(0.4, 'million operations', 'https://cloud.google.com/tasks/pricing'),
  pubsub: price(40, 'TiB', 'https://cloud.google.com/pubsub/pricing'),
} as const satisfies Record<string, ListPrice>

function price(usd: number, per: string, source: string): ListPrice {
  return { usd, per, source }
}

/** The least that BigQuery bills for each table that a query reads (https://cloud.google.com/bigquery/pricing#on_demand_pricing). */
export const LEAST_SCANNED_BYTES = 10 * 2 ** 20

/** The least that BigQuery bills for a streamed row (https://cloud.google.com/bigquery/pricing#data_ingestion_pricing). */
export const LEAST_ROW_BYTES = 1_024

/** Cloud Tasks bills an operation for each 32 KB of a task (https://cloud.google.com/tasks/pricing). */
export const TASK_CHUNK_BYTES = 32 * 1_024

/** The least that Pub/Sub bills for a publish or push request (https://cloud.google.com/pubsub/pricing). */
export const LEAST_MESSAGE_BYTES = 1_000

/** What an organization that spends this much on Vertex AI within 30 days may use with priority. */
export interface ThroughputTier {
  name: string
  spend: string
  tokensPerMinute: number
}

export const THROUGHPUT_SOURCE = 'https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/standard-paygo'

/**
 * Google's usage tiers, per model and organization, for the global endpoint. Traffic beyond them is served while there is
 * room, and throttled first (`THROUGHPUT_SOURCE`).
 */
export function throughputTiers(model: string): ThroughputTier[] {
  const factor = /-pro\b/.test(model) ? 1 : 4
  return [
    { name: 'Tier 1', spend: '$10 to $250', tokensPerMinute: 500_000 * factor },
    { name: 'Tier 2', spend: '$250 to $2,000', tokensPerMinute: 1_000_000 * factor },
    { name: 'Tier 3', spend: 'more than $2,000', tokensPerMinute: factor === 1 ? 2_000_000 : 10_000_000 },
  ]
}

/** The pages of the model's prices, by tier. */
export const GEMINI_PRICE_SOURCES: Record<Tier, string> = {
  standard: 'https://cloud.google.com/vertex-ai/generative-ai/pricing',
  flex: 'https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo',
}
