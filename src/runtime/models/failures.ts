import type { Cause } from '../../contracts/causes.ts'

/** What a failure means for the attempt and for the bill. */
export interface FailureKind {
  cause: Cause
  /** The same request can succeed when retried. */
  retryable: boolean
  /**
   * False for a request for a slower rate: it uses up none of a unit's tries, so a run under a low quota gets slower
   * and no unit is given up.
   */
  countsAsTry: boolean
  /** The model did its work: the tokens that the answer reports are billed. */
  billed: boolean
}

/** The sign of a failure: one of these. */
export type FailureSign =
  /** An HTTP response other than 2xx, with its content. */
  | { http: number; message?: string }
  /** An answer with a finish reason other than STOP. */
  | { finishReason: string }
  /** A prompt without an answer. */
  | { blockReason: string }
  /**
   * `deadline`: no answer in time. `connection`: it could not be opened, or was lost. `empty`: an answer without text.
   * `malformed`: text that is not the profile's JSON.
   */
  | { problem: 'deadline' | 'connection' | 'empty' | 'malformed' }

const retryable = (cause: Cause): FailureKind => ({ cause, retryable: true, countsAsTry: true, billed: false })
const final = (cause: Cause): FailureKind => ({ cause, retryable: false, countsAsTry: true, billed: false })
const billed = (kind: FailureKind): FailureKind => ({ ...kind, billed: true })

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors */
const BY_HTTP: Readonly<Record<number, FailureKind>> = {
  400: final('model_error'),
  401: final('model_error'),
  403: final('model_error'),
  404: final('model_error'),
  408: retryable('timeout'),
  409: retryable('model_error'),
  413: final('unreadable_image'),
  429: { ...retryable('throttled'), countsAsTry: false },
  499: retryable('timeout'),
  500: retryable('model_error'),
  501: final('model_error'),
  502: retryable('throttled'),
  503: retryable('throttled'),
  504: retryable('timeout'),
}

/** Vertex AI's messages about images that it cannot use, in responses with 400, 403 and 404. */
const ABOUT_AN_IMAGE = [
  /unable to process input image/i,
  /provided image is not valid/i,
  /unsupported mime ?type/i,
  /cannot fetch content/i,
  /invalid_argument.*image/i,
  /(?:object|file|uri|bucket).*(?:does not exist|not found|no such)/i,
  /no such object/i,
]

/** Vertex AI's messages about images that its service agent may not read. Every image of the bucket gets them. */
const IMAGE_ACCESS_DENIED = [/permission denied while accessing input file/i, /storage\.objects\.get/i]

/**
 * In a new project, Vertex AI's service agent may not exist for some minutes. Vertex AI then answers 400
 * FAILED_PRECONDITION (https://firebase.google.com/docs/ai-logic/error-codes, GoogleCloudPlatform/generative-ai#1308).
 */
const AGENT_IS_COMING = /service agents are being provisioned/i

/** https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#FinishReason */
const BY_FINISH_REASON: Readonly<Record<string, FailureKind>> = {
  MAX_TOKENS: billed(final('truncated')),
  SAFETY: billed(final('blocked')),
  RECITATION: billed(final('blocked')),
  BLOCKLIST: billed(final('blocked')),
  PROHIBITED_CONTENT: billed(final('blocked')),
  SPII: billed(final('blocked')),
  MODEL_ARMOR: billed(final('blocked')),
  IMAGE_SAFETY: billed(final('blocked')),
  IMAGE_PROHIBITED_CONTENT: billed(final('blocked')),
  IMAGE_RECITATION: billed(final('blocked')),
  LANGUAGE: billed(final('model_error')),
  NO_IMAGE: billed(final('model_error')),
  MALFORMED_FUNCTION_CALL: billed(retryable('model_error')),
  UNEXPECTED_TOOL_CALL: billed(retryable('model_error')),
  TOO_MANY_TOOL_CALLS: billed(retryable('model_error')),
  FINISH_REASON_UNSPECIFIED: billed(retryable('model_error')),
  IMAGE_OTHER: billed(retryable('model_error')),
  OTHER: billed(retryable('model_error')),
}

const BY_PROBLEM: Readonly<Record<'deadline' | 'connection' | 'empty' | 'malformed', FailureKind>> = {
  // The model can have answered after the deadline; the cost of that is unknown.
  deadline: retryable('timeout'),
  connection: retryable('model_error'),
  empty: billed(retryable('model_error')),
  // The same request would cost the same again. The user decides on `retry --only schema`.
  malformed: billed(final('schema')),
}

/**
 * Classifies a failure. Unknown HTTP 5xx errors and unknown finish reasons can be retried; all other unknown errors are
 * final.
 */
export function failureKind(sign: FailureSign): FailureKind {
  if ('http' in sign) return httpFailure(sign.http, sign.message ?? '')
  if ('finishReason' in sign) return own(BY_FINISH_REASON, sign.finishReason) ?? billed(retryable('model_error'))
  // Whatever the reason, the prompt was refused and would be refused again
  // (https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#BlockedReason).
  if ('blockReason' in sign) return billed(final('blocked'))
  return BY_PROBLEM[sign.problem]
}

/** Whether a refusal says that Vertex AI may not read an image. The owner of its bucket can grant access. */
export function isImageAccessDenied(sign: FailureSign): boolean {
  if (!('http' in sign) || !isRefusal(sign.http)) return false
  return IMAGE_ACCESS_DENIED.some((pattern) => pattern.test(sign.message ?? ''))
}

/** Whether a refusal says that Vertex AI's service agent does not exist yet. */
export function isAgentComing(sign: FailureSign): boolean {
  return 'http' in sign && isRefusal(sign.http) && AGENT_IS_COMING.test(sign.message ?? '')
}

function isRefusal(status: number): boolean {
  return status === 400 || status === 403 || status === 404
}

function httpFailure(status: number, message: string): FailureKind {
  if (isAgentComing({ http: status, message })) return retryable('model_error')
  const isAboutImage = isRefusal(status) && ABOUT_AN_IMAGE.some((pattern) => pattern.test(message))
  if (isAboutImage || isImageAccessDenied({ http: status, message })) return final('unreadable_image')
  return own(BY_HTTP, status) ?? (status >= 500 ? retryable('model_error') : final('model_error'))
}

function own<Value>(table: Readonly<Record<string | number, Value>>, key: string | number): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
