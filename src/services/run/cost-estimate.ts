import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import { DEFAULT_OUTPUT_TOKENS, type ThinkingLevel } from '../../contracts/model-options.ts'
import { costUsd, imageTokens } from '../../contracts/prices.ts'
import type { GeminiOptions, Profile } from '../../contracts/run-spec.ts'

/**
 * Google says four characters of prose (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count).
 * 262 recorded answers in JSON had 3.56, and their prompt, a list with an example in JSON, 3.17 without its indentation
 * (test/fixtures/road-signs/usage.jsonl).
 */
const CHARACTERS_PER_TOKEN = 3.5

/** "Image 2 of 6, taken 2026-04-30:", before each image of a unit with several. */
const CAPTION_TOKENS = 20

/**
 * Gemini 2 cuts images above 384 pixels into tiles. The prompts of the recorded images had 235 tokens of text and 258 for
 * each of 1 to 13 tiles, 6.7 on average.
 */
const GEMINI_2_TILES = 7

/** Characters of a text: 57 in the median and 76 on average in the recorded answers, and 20 in test/fixtures/road-signs/answers.jsonl. */
const TEXT_CHARACTERS = 60

/** Characters of a number or a truth value. */
const NUMBER_CHARACTERS = 3
const BOOLEAN_CHARACTERS = 5

/** Quotation marks, colon, comma and blanks of a member in JSON. */
const MEMBER_CHARACTERS = 6

/** The assumed number of elements in an array of an answer. */
const ARRAY_ELEMENTS = 5

/** Assumed thought tokens, which no recording has. The model decides how much it thinks; null is its default level. */
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
  /** Thoughts included. */
  outputTokens: number
  tokens: TokenEstimate
}

/** Estimated tokens over all units. */
export interface TokenEstimate {
  /** Prompt, schema and captions. */
  text: number
  images: number
  answers: number
  thoughts: number
}

/** What the tokens are estimated from, for people. */
export interface TokenAssumptions {
  charactersPerToken: number
  tokensPerImage: number
  tokensPerAnswer: number
  thoughtTokensPerAnswer: number
}

export interface SizeOfRun {
  units: number
  /** Over all units. */
  images: number
  /** The tiles of each image for a Gemini 2 model, if the size of the images is known. */
  tiles?: number
}

/**
 * Estimates the cost of a run's first attempts: tokens of the prompt, schema, images, answers and thoughts by the
 * assumptions above, at the run's own prices. Excludes retries of answers that were billed but not valid, about 2 % of
 * them. `npm run bench estimate` compares it with recorded usage; the ledger has the actual cost.
 */
export function estimateCost(run: { profile: Profile; gemini: GeminiOptions }, size: SizeOfRun): CostEstimate {
  const { profile, gemini } = run
  const { units, images } = size
  const { tokensPerImage, tokensPerAnswer, thoughtTokensPerAnswer } = tokenAssumptions(run, size)
  const text = textTokens(profile.prompt ?? '') + textTokens(JSON.stringify(profile.output))
  const captions = images > units ? images * CAPTION_TOKENS : 0
  const tokens = {
    text: units * text + captions,
    images: images * tokensPerImage,
    answers: units * tokensPerAnswer,
    thoughts: units * thoughtTokensPerAnswer,
  }
  const promptTokens = tokens.text + tokens.images
  const outputTokens = tokens.answers + tokens.thoughts
  return {
    usd: costUsd({ promptTokens, outputTokens, thoughtTokens: 0 }, gemini.price, gemini.tier),
    promptTokens,
    outputTokens,
    tokens,
  }
}

/** Returns what `estimateCost` assumes about each image and answer of a run. */
export function tokenAssumptions(
  { profile, gemini }: { profile: Profile; gemini: GeminiOptions },
  { tiles = GEMINI_2_TILES }: Pick<SizeOfRun, 'tiles'> = {},
): TokenAssumptions {
  const perImage = imageTokens(gemini.model, gemini.media_resolution)
  const most = gemini.max_output_tokens ?? DEFAULT_OUTPUT_TOKENS
  const answer = Math.min(most, Math.ceil(jsonCharacters(profile.output) / CHARACTERS_PER_TOKEN))
  return {
    charactersPerToken: CHARACTERS_PER_TOKEN,
    tokensPerImage: gemini.model.startsWith('gemini-2') ? perImage * tiles : perImage,
    tokensPerAnswer: answer,
    thoughtTokensPerAnswer: Math.min(most - answer, THOUGHT_TOKENS[gemini.thinking ?? 'default']),
  }
}

/** Indentation is almost free: a run of blanks is one token. */
function textTokens(text: string): number {
  return Math.ceil(text.replaceAll(/\s+/g, ' ').length / CHARACTERS_PER_TOKEN)
}

/** The expected characters of an answer in JSON. */
function jsonCharacters(schema: AnswerSchema): number {
  switch (schema.type) {
    case 'object':
      return Object.entries(schema.properties ?? {}).reduce(
        (sum, [name, member]) => sum + name.length + MEMBER_CHARACTERS + jsonCharacters(member),
        2,
      )
    case 'array':
      return 2 + elements(schema) * (2 + (schema.items ? jsonCharacters(schema.items) : 0))
    case 'string':
      return 2 + (schema.enum ? meanLength(schema.enum) : TEXT_CHARACTERS)
    case 'boolean':
      return BOOLEAN_CHARACTERS
    case 'integer':
    case 'number':
      return NUMBER_CHARACTERS
  }
}

function elements({ minItems = 0, maxItems = Number.POSITIVE_INFINITY }: AnswerSchema): number {
  return Math.min(maxItems, Math.max(minItems, ARRAY_ELEMENTS))
}

function meanLength(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0) / texts.length
}
