import type { GenerationRequest } from './generation-request.ts'
import { CHARACTERS_PER_TOKEN } from './limits.ts'

/** `usageMetadata` of an answer (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#response). */
export interface UsageMetadata {
  promptTokenCount?: number
  candidatesTokenCount?: number
  thoughtsTokenCount?: number
  totalTokenCount?: number
  trafficType?: string
  promptTokensDetails?: readonly ModalityTokens[]
  candidatesTokensDetails?: readonly ModalityTokens[]
}

interface ModalityTokens {
  modality: 'TEXT' | 'IMAGE'
  tokenCount: number
}

/** Tokens of a text with this many characters. */
export function textTokens(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

/** Tokens of a prompt, by modality: its text, and a fixed number per image and media resolution. */
export function promptTokens({ characters, images, model }: GenerationRequest): {
  total: number
  details: ModalityTokens[]
} {
  const text = textTokens(characters)
  const image = images.reduce((sum, { mediaResolution }) => sum + model.imageTokens[mediaResolution], 0)
  const details: ModalityTokens[] = [
    { modality: 'TEXT', tokenCount: text },
    { modality: 'IMAGE', tokenCount: image },
  ]
  return { total: text + image, details: details.filter(({ tokenCount }) => tokenCount > 0) }
}

/** The usage of an answer with `answerTokens` and `thoughtTokens`; without an answer, that of a blocked prompt. */
export function usageOf(request: GenerationRequest, answerTokens?: number, thoughtTokens = 0): UsageMetadata {
  const prompt = promptTokens(request)
  return {
    promptTokenCount: prompt.total,
    ...(answerTokens === undefined ? {} : { candidatesTokenCount: answerTokens }),
    ...(thoughtTokens > 0 ? { thoughtsTokenCount: thoughtTokens } : {}),
    totalTokenCount: prompt.total + (answerTokens ?? 0) + thoughtTokens,
    trafficType: request.trafficType,
    promptTokensDetails: prompt.details,
    ...(answerTokens === undefined
      ? {}
      : { candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: answerTokens }] }),
  }
}
