import { vertexError } from './failures.ts'

/** Values of `mediaResolution`, without their prefix. */
export type MediaResolution = 'UNSPECIFIED' | 'LOW' | 'MEDIUM' | 'HIGH' | 'ULTRA_HIGH'

export type ThinkingLevel = 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH'

/** A publisher model. */
export interface GeminiModel {
  id: string
  generation: 2 | 3
  /** The tokens of one image. */
  imageTokens: Record<MediaResolution, number>
  maxOutputTokens: number
  /**
   * The thinking levels that it accepts (https://cloud.google.com/vertex-ai/generative-ai/docs/thinking). Gemini 2.5 has
   * none: it takes a budget.
   */
  thinkingLevels: readonly ThinkingLevel[]
  /** The smallest and the largest budget of thinking tokens, besides -1 for the model's choice. */
  thinkingBudget: readonly [number, number]
  /**
   * Whether it ignores temperature, top-P and top-K and refuses penalties
   * (https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/3-5-flash-lite and the pages of later models).
   */
  hasFixedSampling: boolean
  /** Only the global endpoint serves it. */
  isGlobalOnly: boolean
  /** Whether Flex PayGo takes it (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo). */
  hasFlex: boolean
}

/** Gemini 2.5: https://ai.google.dev/gemini-api/docs/media-resolution; by default, 258 per image. */
const IMAGE_TOKENS_2: GeminiModel['imageTokens'] = {
  UNSPECIFIED: 258,
  LOW: 64,
  MEDIUM: 256,
  HIGH: 256,
  ULTRA_HIGH: 256,
}

/** Gemini 3: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding. */
const IMAGE_TOKENS_3: GeminiModel['imageTokens'] = {
  UNSPECIFIED: 1_120,
  LOW: 280,
  MEDIUM: 560,
  HIGH: 1_120,
  ULTRA_HIGH: 2_240,
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/thinking#budget */
const FLASH_BUDGET = [0, 24_576] as const
const PRO_BUDGET = [128, 32_768] as const

const FROM_MINIMAL = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'] as const
const FROM_LOW = ['LOW', 'MEDIUM', 'HIGH'] as const

function second(id: string): GeminiModel {
  return {
    id,
    generation: 2,
    imageTokens: IMAGE_TOKENS_2,
    maxOutputTokens: 65_536,
    thinkingLevels: [],
    thinkingBudget: id.endsWith('-pro') ? PRO_BUDGET : FLASH_BUDGET,
    hasFixedSampling: false,
    isGlobalOnly: false,
    hasFlex: false,
  }
}

function third(
  id: string,
  { from = 'MINIMAL', hasFixedSampling = false }: { from?: 'MINIMAL' | 'LOW'; hasFixedSampling?: boolean } = {},
): GeminiModel {
  return {
    id,
    generation: 3,
    imageTokens: IMAGE_TOKENS_3,
    maxOutputTokens: 65_536,
    thinkingLevels: from === 'LOW' ? FROM_LOW : FROM_MINIMAL,
    thinkingBudget: FLASH_BUDGET,
    hasFixedSampling,
    isGlobalOnly: id.endsWith('-preview'),
    hasFlex: true,
  }
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions, as of November 2026. */
const MODELS: readonly GeminiModel[] = [
  second('gemini-2.5-flash'),
  second('gemini-2.5-flash-lite'),
  second('gemini-2.5-pro'),
  third('gemini-3-flash-preview'),
  third('gemini-3.1-pro-preview', { from: 'LOW' }),
  third('gemini-3.1-flash-lite'),
  third('gemini-3.5-flash'),
  third('gemini-3.5-flash-lite', { hasFixedSampling: true }),
  third('gemini-3.6-flash', { hasFixedSampling: true }),
  third('gemini-3.7-flash', { from: 'LOW', hasFixedSampling: true }),
  third('gemini-3.8-flash', { from: 'LOW', hasFixedSampling: true }),
]

const BY_ID = new Map(MODELS.map((model) => [model.id, model]))

/** A Google Cloud location of Vertex AI: `global`, a multi-region, or a region. */
const LOCATION = /^(?:global|us|eu|[a-z]+-[a-z]+\d+)$/

/**
 * The model that a request names. Throws NOT_FOUND for a model that is unknown, retired or not served in
 * the location: Google's error is the same for all three.
 */
export function findModel(project: string, location: string, id: string): GeminiModel {
  const model = BY_ID.get(id)
  if (model && LOCATION.test(location) && !(model.isGlobalOnly && location !== 'global')) return model
  throw vertexError(
    'NOT_FOUND',
    `Publisher Model \`projects/${project}/locations/${location}/publishers/google/models/${id}\` was not found or your project does not have access to it. Please ensure you are using a valid model version. For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions`,
  )
}
