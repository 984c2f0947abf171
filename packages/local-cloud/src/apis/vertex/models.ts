import { vertexError } from './failures.ts'

/** Values of `mediaResolution`, without their prefix. */
export type MediaResolution = 'UNSPECIFIED' | 'LOW' | 'MEDIUM' | 'HIGH' | 'ULTRA_HIGH'

/** What the emulator knows of one publisher model. */
export interface GeminiModel {
  id: string
  generation: 2 | 3
  /** Tokens that one image counts. */
  imageTokens: Record<MediaResolution, number>
  maxOutputTokens: number
  /** Served by the global endpoint alone. */
  isGlobalOnly: boolean
  /** Whether Flex PayGo takes it (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo). */
  hasFlex: boolean
}

/** Gemini 2.5: https://ai.google.dev/gemini-api/docs/media-resolution; without a choice, 258 an image. */
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

function second(id: string): GeminiModel {
  return {
    id,
    generation: 2,
    imageTokens: IMAGE_TOKENS_2,
    maxOutputTokens: 65_536,
    isGlobalOnly: false,
    hasFlex: false,
  }
}

function third(id: string): GeminiModel {
  return {
    id,
    generation: 3,
    imageTokens: IMAGE_TOKENS_3,
    maxOutputTokens: 65_536,
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
  third('gemini-3.1-flash-lite'),
  third('gemini-3.5-flash'),
  third('gemini-3.5-flash-lite'),
  third('gemini-3.6-flash'),
  third('gemini-3.7-flash'),
  third('gemini-3.8-flash'),
]

const BY_ID = new Map(MODELS.map((model) => [model.id, model]))

/** A Google Cloud location that Vertex AI may have: `global`, the multi-regions, or a region's name. */
const LOCATION = /^(?:global|us|eu|[a-z]+-[a-z]+\d+)$/

/**
 * The model that a request names. Throws NOT_FOUND for one that is unknown, retired or not served
 * there: Google answers the same to all three.
 */
export function findModel(project: string, location: string, id: string): GeminiModel {
  const model = BY_ID.get(id)
  if (model && LOCATION.test(location) && !(model.isGlobalOnly && location !== 'global')) return model
  throw vertexError(
    'NOT_FOUND',
    `Publisher Model \`projects/${project}/locations/${location}/publishers/google/models/${id}\` was not found or your project does not have access to it. Please ensure you are using a valid model version. For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions`,
  )
}
