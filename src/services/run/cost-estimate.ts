import { answerColumns } from '../../contracts/answer-schema.ts'
import type { Column } from '../../contracts/columns.ts'
import { DEFAULT_OUTPUT_TOKENS, type ThinkingLevel } from '../../contracts/model-options.ts'
import { costUsd, imageTokens } from '../../contracts/prices.ts'
import type { GeminiOptions, Profile } from '../../contracts/run-spec.ts'

/**
 * English prose has four characters to a token
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count); names and
 * punctuation of a schema have fewer.
 */
const CHARACTERS_PER_TOKEN = 3

/** "Image 2 of 6, taken 2026-04-30:", before each image. */
const CAPTION_TOKENS = 20

/** Gemini 2.5 cuts images above 384 pixels into tiles; a street-level crop gets about this many. */
const GEMINI_2_TILES = 8

/** Twice what Gemini's recorded answers on road signs took per value. */
const TOKENS_PER_VALUE = 40

/** The assumed number of elements in an array of an answer. */
const ARRAY_ELEMENTS = 5

/** Assumed thought tokens. The model decides how much it thinks; null is its default level. */
const THOUGHT_TOKENS: Record<ThinkingLevel | 'default', number> = {
  minimal: 50,
  low: 500,
  medium: 2_000,
  high: 6_000,
  default: 1_000,
}

export interface CostEstimate {
  usd: number
  promptTokens: number
  outputTokens: number
}

/**
 * Estimates the cost of a run's first attempts, high rather than low: tokens of the prompt, schema,
 * images, answers and thoughts by the assumptions above, at the run's own prices. Excludes retries of
 * answers that were billed but not valid, about 2 % of them. The ledger has the actual cost.
 *
 * @param images over all units
 */
export function estimateCost(
  { profile, gemini }: { profile: Profile; gemini: GeminiOptions },
  { units, images }: { units: number; images: number },
): CostEstimate {
  const text = (profile.prompt?.length ?? 0) + JSON.stringify(profile.output).length
  const tiles = gemini.model.startsWith('gemini-2') ? GEMINI_2_TILES : 1
  const perImage = imageTokens(gemini.model, gemini.media_resolution) * tiles + CAPTION_TOKENS
  const promptTokens = units * Math.ceil(text / CHARACTERS_PER_TOKEN) + images * perImage
  const answer = values(answerColumns(profile.output)) * TOKENS_PER_VALUE + THOUGHT_TOKENS[gemini.thinking ?? 'default']
  const outputTokens = units * Math.min(answer, gemini.max_output_tokens ?? DEFAULT_OUTPUT_TOKENS)
  return {
    usd: costUsd({ promptTokens, outputTokens, thoughtTokens: 0 }, gemini.price, gemini.tier),
    promptTokens,
    outputTokens,
  }
}

/** Counts the single values of an answer with these columns. */
function values(columns: readonly Column[]): number {
  return columns.reduce(
    (sum, { mode, columns: members }) =>
      sum + (mode === 'REPEATED' ? ARRAY_ELEMENTS : 1) * (members ? values(members) : 1),
    0,
  )
}
