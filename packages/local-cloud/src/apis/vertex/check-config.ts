import { notEmulatedByVertex, refused } from './failures.ts'
import { MAX_STOP_SEQUENCES } from './limits.ts'
import type { GeminiModel } from './models.ts'

/** `generationConfig`, read by `parseMessage`. */
export interface GenerationConfig {
  temperature?: number
  topP?: number
  topK?: number
  candidateCount?: number
  maxOutputTokens?: number
  stopSequences?: string[]
  presencePenalty?: number
  frequencyPenalty?: number
  responseMimeType?: string
  responseSchema?: unknown
  responseJsonSchema?: unknown
  mediaResolution?: string
  responseModalities?: string[]
  thinkingConfig?: { includeThoughts?: boolean; thinkingBudget?: number; thinkingLevel?: string }
}

/**
 * Checks the values of `generationConfig` against
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#generationconfig.
 * Throws INVALID_ARGUMENT, or UNIMPLEMENTED for features that are not emulated.
 */
export function checkConfig(config: GenerationConfig, model: GeminiModel): void {
  checkRange('temperature', config.temperature, 0, 2)
  checkRange('topP', config.topP, 0, 1)
  checkRange('presencePenalty', config.presencePenalty, -2, 2)
  checkRange('frequencyPenalty', config.frequencyPenalty, -2, 2)
  checkPenalties(config, model)
  const { maxOutputTokens, candidateCount, stopSequences = [], responseMimeType, responseModalities = [] } = config
  if (maxOutputTokens !== undefined && (maxOutputTokens < 1 || maxOutputTokens > model.maxOutputTokens)) {
    throw refused(
      `it has a maxOutputTokens value of ${maxOutputTokens} but the supported range is from 1 (inclusive) to ${model.maxOutputTokens + 1} (exclusive). Update the value and try again.`,
    )
  }
  checkRange('candidateCount', candidateCount, 1, 8)
  if (candidateCount !== undefined && candidateCount > 1) throw notEmulatedByVertex('More than one candidate')
  if (stopSequences.length > MAX_STOP_SEQUENCES) {
    throw refused(`it has ${stopSequences.length} stopSequences but the maximum number is ${MAX_STOP_SEQUENCES}.`)
  }
  if (responseModalities.some((modality) => modality !== 'TEXT'))
    throw notEmulatedByVertex('An answer that is not text')
  checkMimeType(responseMimeType)
  checkThinking(config.thinkingConfig ?? {}, model)
}

function checkMimeType(mimeType: string | undefined): void {
  if (mimeType === undefined || ['', 'text/plain', 'application/json'].includes(mimeType)) return
  if (mimeType === 'text/x.enum') throw notEmulatedByVertex('responseMimeType text/x.enum')
  throw refused(
    `it has a responseMimeType parameter with value ${mimeType}, which is not supported. Update the responseMimeType and try again.`,
  )
}

/** Models with fixed sampling ignore a temperature, but refuse penalties. Google documents the refusal, not its words. */
function checkPenalties(config: GenerationConfig, model: GeminiModel): void {
  if (!model.hasFixedSampling) return
  for (const name of ['presencePenalty', 'frequencyPenalty'] as const) {
    if (config[name] !== undefined) throw refused(`${name} is not supported by this model.`)
  }
}

/** Gemini 2.5 takes a budget, Gemini 3 a level; both at once are refused (https://cloud.google.com/vertex-ai/generative-ai/docs/thinking). */
function checkThinking(thinking: NonNullable<GenerationConfig['thinkingConfig']>, model: GeminiModel): void {
  const { thinkingBudget } = thinking
  const thinkingLevel = thinking.thinkingLevel === 'THINKING_LEVEL_UNSPECIFIED' ? undefined : thinking.thinkingLevel
  if (thinkingBudget !== undefined && thinkingLevel !== undefined) {
    throw refused('thinking_budget and thinking_level cannot be set together.')
  }
  // The words of google-gemini/gemini-cli#14025 and jenslys/opencode-gemini-auth#14.
  if (thinkingLevel !== undefined && model.generation < 3)
    throw refused('thinking_level is not supported by this model.')
  if (thinkingLevel !== undefined && !model.thinkingLevels.some((level) => level === thinkingLevel))
    throw refused(`thinking_level ${thinkingLevel} is not supported by this model.`)
  const [least, most] = model.thinkingBudget
  if (thinkingBudget !== undefined && thinkingBudget !== -1 && (thinkingBudget < least || thinkingBudget > most)) {
    throw refused(
      `it has a thinking_budget value of ${thinkingBudget} but the supported range is from ${least} to ${most}, or -1. Update the value and try again.`,
    )
  }
}

function checkRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (value >= min && value <= max)) return
  throw refused(
    `it has a ${name} value of ${value} but the supported range is from ${min} (inclusive) to ${max} (inclusive). Update the value and try again.`,
  )
}
