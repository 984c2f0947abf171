import { REQUESTS_PER_INSTANCE_AIMED_AT } from '../../contracts/concurrency.ts'
import { throughputTiers } from '../../contracts/google-prices.ts'
import type { Tier } from '../../contracts/model-options.ts'
import type { GeminiOptions, RunSpec } from '../../contracts/run-spec.ts'

/**
 * Assumed seconds of one answer, besides its length: a flex answer has no promise but 30 minutes at most
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo).
 */
const ANSWER_SECONDS: Record<Tier, number> = { standard: 3, flex: 60 }

/** Assumed output tokens per second of one answer. */
const TOKENS_PER_SECOND = 150

/** Assumed seconds to read and measure one image, on one vCPU. */
const SECONDS_PER_MEASURED_IMAGE = 0.15

/** vCPUs of an instance of the main service. */
const MAIN_CPUS = 2

/** Assumed seconds until the first task starts: tables, queues, and a cold instance. */
export const START_SECONDS = 20

export interface DurationEstimate {
  /** Without throttling. */
  seconds: number
  /** Tasks that run at once. */
  concurrency: number
  /** Instances of the main service. */
  instances: number
  secondsPerUnit: number
  /** For Gemini: the duration within the throughput that Google documents for an organization's spend. */
  tiers: { name: string; spend: string; tokensPerMinute: number; seconds: number }[]
}

/** Estimates how long a run takes. Assumptions are above. */
export function estimateDuration(
  { gemini, limits }: { gemini: GeminiOptions | null; limits: RunSpec['limits'] },
  size: {
    units: number
    images: number
    promptTokens: number
    outputTokens: number
    /** Measured by a sample; undefined for the assumptions. */
    secondsPerUnit?: number | undefined
  },
): DurationEstimate {
  const { units, images, promptTokens, outputTokens } = size
  const perUnit = Math.max(units, 1)
  const atOnce = Math.min(limits.max_calls ?? limits.max_concurrent, perUnit)
  const instances = Math.max(1, Math.ceil(Math.min(limits.max_concurrent, perUnit) / REQUESTS_PER_INSTANCE_AIMED_AT))
  const secondsPerUnit =
    size.secondsPerUnit ??
    (gemini === null
      ? (images / perUnit) * SECONDS_PER_MEASURED_IMAGE
      : ANSWER_SECONDS[gemini.tier] + outputTokens / perUnit / TOKENS_PER_SECOND)
  // Measuring is bound by the processors, calls by how many run at once.
  const lanes = gemini === null ? instances * MAIN_CPUS : atOnce
  const seconds = START_SECONDS + Math.max((units * secondsPerUnit) / lanes, units / limits.max_per_second)
  const tiers =
    gemini === null
      ? []
      : throughputTiers(gemini.model).map((tier) => ({
          ...tier,
          seconds: Math.max(seconds, START_SECONDS + ((promptTokens + outputTokens) / tier.tokensPerMinute) * 60),
        }))
  return { seconds, concurrency: atOnce, instances, secondsPerUnit, tiers }
}
