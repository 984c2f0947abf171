import * as z from 'zod'
import { GEMINI_MODELS, PRICES_DATED, unpinnedModel } from './gemini-models.ts'
import type { MediaResolution, Tier } from './model-options.ts'

/** Price of one token on the standard tier, in billionths of a US dollar: USD per million tokens times 1,000. */
export const tokenPrice = z.strictObject({
  input_nanousd: z.number().nonnegative(),
  /** Thoughts are billed as output. */
  output_nanousd: z.number().nonnegative(),
})

export type TokenPrice = z.infer<typeof tokenPrice>

const usdPerMillion = z.number().nonnegative()

/** A price list in the format of price files: USD per million tokens. */
export const priceList = z.strictObject({
  /** The date of the prices, e.g. 2026-10-07. */
  dated: z.iso.date(),
  models: z.record(z.string(), z.strictObject({ input: usdPerMillion, output: usdPerMillion })),
})

export type PriceList = z.infer<typeof priceList>

/** The list prices in `GEMINI_MODELS`. `--prices FILE` overrides them. */
export const LIST_PRICES: PriceList = {
  dated: PRICES_DATED,
  models: Object.fromEntries(
    Object.entries(GEMINI_MODELS).flatMap(([model, { price }]) => (price ? [[model, price]] : [])),
  ),
}

const NANO_PER_USD = 1_000_000_000

/** Returns a model's token prices from a list; undefined when the list does not have the model. A pinned version costs the same. */
export function modelPrice(list: PriceList, model: string): TokenPrice | undefined {
  const name = Object.hasOwn(list.models, model) ? model : unpinnedModel(model)
  const price = Object.hasOwn(list.models, name) ? list.models[name] : undefined
  return price && { input_nanousd: nano(price.input), output_nanousd: nano(price.output) }
}

/**
 * USD per million tokens is 1,000 times that in billionths of a dollar per token; rounded, because 0.1 is not a binary
 * fraction.
 */
function nano(usdPerMillionTokens: number): number {
  return Math.round(usdPerMillionTokens * 1_000 * 1_000) / 1_000
}

/** Flex costs half (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo). */
export const TIER_SHARE: Record<Tier, number> = { standard: 1, flex: 0.5 }

export interface BilledTokens {
  promptTokens: number
  outputTokens: number
  thoughtTokens: number
}

/**
 * Returns the list price of tokens in US dollars, as a whole number of billionths. Sums of costs are
 * exact after `exactUsd` removes the binary rounding error.
 */
export function costUsd(tokens: BilledTokens, price: TokenPrice, tier: Tier): number {
  const input = tokens.promptTokens * price.input_nanousd
  const output = (tokens.outputTokens + tokens.thoughtTokens) * price.output_nanousd
  return Math.round((input + output) * TIER_SHARE[tier]) / NANO_PER_USD
}

/** Rounds a sum of costs to the billionth of a dollar. */
export function exactUsd(sum: number): number {
  return Math.round(sum * NANO_PER_USD) / NANO_PER_USD
}

/** Formats a cost for people: `$12.30`, with more digits for small amounts, and no more than anyone would count. */
export function usdText(usd: number): string {
  if (usd > 0 && usd < 0.000_001) return '<$0.000001'
  return `$${usd >= 1 || usd === 0 ? usd.toFixed(2) : usd.toPrecision(2)}`
}

/** Gemini 3's tokens per image (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding). */
const GEMINI_3_IMAGE_TOKENS: Record<MediaResolution, number> = { low: 280, medium: 560, high: 1_120 }

/** Gemini 1's and 2's, for images up to 384 pixels and per tile of larger ones (same page). */
const GEMINI_2_IMAGE_TOKENS = 258

/** Estimates the tokens billed for an image; the ledger has the actual number. */
export function imageTokens(model: string, resolution: MediaResolution | null): number {
  return /^gemini-[12]\./.test(model) ? GEMINI_2_IMAGE_TOKENS : GEMINI_3_IMAGE_TOKENS[resolution ?? 'high']
}
