import { createHash } from 'node:crypto'
import type { GeminiAnswer, GeminiCall } from './behavior.ts'
import { usageOf, type UsageMetadata } from './tokens.ts'

/** The parts of an answer that differ from call to call. */
export interface AnswerContent {
  text?: string
  finishReason: string
  finishMessage?: string
  usage: UsageMetadata
  modelVersion?: string
  avgLogprobs?: number
  safetyRatings?: readonly object[]
}

/** A GenerateContentResponse with one candidate (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#response). */
export function candidateAnswer(
  call: GeminiCall,
  nowMs: number,
  content: AnswerContent,
  outcome: string,
): GeminiAnswer {
  const { text, finishReason, finishMessage, usage, avgLogprobs, safetyRatings } = content
  return {
    outcome,
    body: {
      candidates: [
        {
          content: { role: 'model', ...(text === undefined ? {} : { parts: [{ text }] }) },
          finishReason,
          ...(finishMessage === undefined ? {} : { finishMessage }),
          ...(safetyRatings === undefined ? {} : { safetyRatings }),
          ...(avgLogprobs === undefined ? {} : { avgLogprobs }),
        },
      ],
      usageMetadata: usage,
      ...provenance(call, nowMs, content.modelVersion),
    },
  }
}

/** The answer to a prompt that was blocked before the model saw it. */
export function blockedPrompt(call: GeminiCall, nowMs: number): GeminiAnswer {
  return {
    outcome: 'blocked',
    body: {
      promptFeedback: {
        blockReason: 'PROHIBITED_CONTENT',
        blockReasonMessage: 'The prompt is blocked due to prohibited contents',
      },
      usageMetadata: usageOf(call.request),
      ...provenance(call, nowMs),
    },
  }
}

function provenance(
  { request, unit, nth }: GeminiCall,
  nowMs: number,
  modelVersion = request.model.id,
): Record<string, unknown> {
  return {
    modelVersion,
    createTime: new Date(nowMs).toISOString(),
    responseId: createHash('sha1').update(`${unit}\n${nth}`).digest('base64url').slice(0, 22),
  }
}
