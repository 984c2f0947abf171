import type { GenerationRequest } from './generation-request.ts'
import type { UsageMetadata } from './tokens.ts'

/** A `generateContent` or `countTokens` call that has passed the check. */
export interface GeminiCall {
  request: GenerationRequest
  /** The unchanged request, for forwarding. */
  body: Readonly<Record<string, unknown>>
  apiVersion: string
  /** The request's headers that Vertex AI reads. */
  headers: Readonly<Record<string, string>>
  /** Names the work: the model and the images, in whatever order they came. */
  unit: string
  /** The how-manyth call for this unit it is, from 1. */
  nth: number
  /** Aborted when the caller has gone. */
  signal: AbortSignal
}

/** The answer's JSON. It is billed when it says what it used. */
export interface GeminiAnswer {
  body: { usageMetadata?: UsageMetadata } & Record<string, unknown>
  /** What the account of calls files it under, e.g. `ok`, `truncated`. */
  outcome: string
}

/** Who answers in the model's place. */
export interface GeminiBehavior {
  /** Rejects with GoogleError. */
  generate(call: GeminiCall): Promise<GeminiAnswer>
  /** Absent where the tokens are estimated. */
  countTokens?(call: GeminiCall): Promise<object>
  /** Lets go of calls that hang. */
  stop(): void
}
