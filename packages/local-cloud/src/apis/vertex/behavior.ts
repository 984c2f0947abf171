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
  /** Names the work: the model and the images, sorted. */
  unit: string
  /** The number of this call among those for its unit, from 1. */
  nth: number
  /** Aborted when the caller disconnects. */
  signal: AbortSignal
}

/** The answer's JSON. It is billed if it has usage metadata. */
export interface GeminiAnswer {
  body: { usageMetadata?: UsageMetadata } & Record<string, unknown>
  /** The outcome in the account of calls, e.g. `ok`, `truncated`. */
  outcome: string
}

/** Answers in the model's place. */
export interface GeminiBehavior {
  /** Rejects with GoogleError. */
  generate(call: GeminiCall): Promise<GeminiAnswer>
  /** Absent if tokens are estimated. */
  countTokens?(call: GeminiCall): Promise<object>
  /** Ends calls that hang. */
  stop(): void
}
