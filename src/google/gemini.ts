import type {
  GenerateContentConfig,
  GenerateContentResponse,
  GoogleGenAI,
  GoogleGenAIOptions,
  HttpOptions,
  MediaResolution as MediaResolutionName,
  Part,
  ThinkingLevel as ThinkingLevelName,
} from '@google/genai'
import type { ResponseSchema } from '../contracts/answer-check.ts'
import type { MediaResolution, ThinkingLevel, Tier } from '../contracts/model-options.ts'
import { redacted } from '../contracts/redaction.ts'
import { localAuthOptions } from './auth/credentials.ts'
import { localCloud } from './transport/environment.ts'
import { cloudError } from './transport/errors.ts'
import { patientFetch } from './transport/patient-fetch.ts'

export type GeminiPart = { text: string } | { gcsUri: string; mimeType: string } | { bytes: Buffer; mimeType: string }

export interface GeminiRequest {
  projectId: string
  location: string
  /** Base URL of a proxy or replacement; null for Google, or for the local cloud when imagery uses one. */
  endpoint: string | null
  model: string
  tier: Tier
  parts: readonly GeminiPart[]
  responseSchema: ResponseSchema
  mediaResolution: MediaResolution | null
  temperature: number | null
  maxOutputTokens: number | null
  thinking: ThinkingLevel | null
  labels: Record<string, string>
  /** Time limit for the server, also sent to it. */
  timeoutMs: number
}

/** The billed tokens. Null for a count that Gemini did not report and that does not follow from the others. */
export interface GeminiUsage {
  promptTokens: number | null
  /** Without thoughts. */
  outputTokens: number | null
  thoughtTokens: number | null
}

export interface GeminiAnswer {
  /** The text of the first candidate without thoughts; empty when there is none. */
  text: string
  finishReason: string | undefined
  /** Why the model stopped, or why it did not start. */
  message: string | undefined
  blockReason: string | undefined
  /** Absent when nothing is billed. */
  usage: GeminiUsage | undefined
  modelVersion: string | undefined
  /** https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#TrafficType */
  trafficType: string | undefined
}

/** A request without an answer: an HTTP status, or the problem that occurred instead. */
export class GeminiRefused extends Error {
  override readonly name = 'GeminiRefused'
  /** The HTTP status, or a connection problem. */
  readonly sign: { http: number; message: string } | { problem: 'deadline' | 'connection' }
  /** The wait that the server requested, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    sign: GeminiRefused['sign'],
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(redacted(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.sign = sign
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Chooses Flex PayGo (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo#use-flex-paygo). */
const TIER_HEADER = 'X-Vertex-AI-LLM-Shared-Request-Type'

/**
 * Gemini 2.5 has token budgets instead of levels
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/thinking#budget).
 */
const BUDGETS: Record<ThinkingLevel, number> = { minimal: 0, low: 1_024, medium: 8_192, high: 24_576 }

const clients = new Map<string, Promise<GoogleGenAI>>()

function client({
  projectId,
  location,
  endpoint,
}: Pick<GeminiRequest, 'projectId' | 'location' | 'endpoint'>): Promise<GoogleGenAI> {
  const key = `${projectId} ${location} ${endpoint ?? ''}`
  let known = clients.get(key)
  if (!known) {
    known = makeClient(projectId, location, endpoint ?? localCloud()?.http)
    clients.set(key, known)
  }
  return known
}

/** The client's own retries are off: it ignores Retry-After, and Cloud Tasks controls the rate. */
async function makeClient(project: string, location: string, baseUrl: string | undefined): Promise<GoogleGenAI> {
  const [genai, auth] = await Promise.all([import('@google/genai'), localAuthOptions(project)])
  return new genai.GoogleGenAI({
    vertexai: true,
    project,
    location,
    apiVersion: 'v1',
    ...(auth ? { googleAuthOptions: auth as unknown as NonNullable<GoogleGenAIOptions['googleAuthOptions']> } : {}),
    ...(baseUrl === undefined ? {} : { httpOptions: { baseUrl: `${baseUrl.replace(/\/+$/, '')}/` } }),
  })
}

/**
 * Calls a Gemini model once
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference).
 *
 * @throws GeminiRefused when there is no answer; returns an answer that was blocked or cut off
 */
export async function askGemini(request: GeminiRequest, signal: AbortSignal): Promise<GeminiAnswer> {
  let heard: Heard | undefined
  const rememberingFetch: typeof fetch = async (...arguments_) => {
    const response = await patientFetch(...arguments_)
    heard = { status: response.status, retryAfter: response.headers.get('retry-after') }
    return response
  }
  try {
    const { models } = await client(request)
    signal.throwIfAborted()
    const answer = await models.generateContent({
      model: request.model,
      contents: [{ role: 'user', parts: request.parts.map(part) }],
      config: config(request, rememberingFetch, signal),
    })
    return readAnswer(answer)
  } catch (error) {
    throw geminiRefusal(error, signal, heard)
  }
}

/** Time limit for counting tokens. */
const COUNT_TIMEOUT_MS = 20_000

/**
 * Counts the tokens of one word with a model, which is free and shows whether this account can use the
 * model (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count).
 *
 * @throws GeminiRefused when it cannot
 */
export async function countTokens(asked: { projectId: string; location: string; model: string }): Promise<number> {
  const signal = AbortSignal.timeout(COUNT_TIMEOUT_MS)
  try {
    const { models } = await client({ ...asked, endpoint: null })
    const answer = await models.countTokens({
      model: asked.model,
      contents: [{ role: 'user', parts: [{ text: 'imagery' }] }],
      config: { abortSignal: signal, httpOptions: { fetch: patientFetch as NonNullable<HttpOptions['fetch']> } },
    })
    return answer.totalTokens ?? 0
  } catch (error) {
    throw geminiRefusal(error, signal, undefined)
  }
}

function part(given: GeminiPart): Part {
  if ('text' in given) return { text: given.text }
  if ('gcsUri' in given) return { fileData: { fileUri: given.gcsUri, mimeType: given.mimeType } }
  return { inlineData: { data: given.bytes.toString('base64'), mimeType: given.mimeType } }
}

function config(request: GeminiRequest, ownFetch: typeof fetch, signal: AbortSignal): GenerateContentConfig {
  const { mediaResolution, temperature, maxOutputTokens, thinking } = request
  return {
    responseMimeType: 'application/json',
    responseSchema: request.responseSchema,
    labels: request.labels,
    ...(mediaResolution === null
      ? {}
      : { mediaResolution: `MEDIA_RESOLUTION_${mediaResolution.toUpperCase()}` as MediaResolutionName }),
    ...(temperature === null ? {} : { temperature }),
    ...(maxOutputTokens === null ? {} : { maxOutputTokens }),
    ...(thinking === null ? {} : { thinkingConfig: thinkingConfig(request.model, thinking) }),
    abortSignal: signal,
    httpOptions: {
      timeout: request.timeoutMs,
      fetch: ownFetch as NonNullable<HttpOptions['fetch']>,
      ...(request.tier === 'flex' ? { headers: { [TIER_HEADER]: 'flex' } } : {}),
    },
  }
}

function thinkingConfig(model: string, level: ThinkingLevel): NonNullable<GenerateContentConfig['thinkingConfig']> {
  if (!model.startsWith('gemini-2')) return { thinkingLevel: level.toUpperCase() as ThinkingLevelName }
  // 2.5 Pro cannot turn thinking off; its minimum is 128 tokens (same page).
  return { thinkingBudget: /-pro/.test(model) ? Math.max(128, BUDGETS[level]) : BUDGETS[level] }
}

function readAnswer({
  candidates,
  promptFeedback,
  usageMetadata,
  modelVersion,
}: GenerateContentResponse): GeminiAnswer {
  const candidate = candidates?.[0]
  const text = (candidate?.content?.parts ?? [])
    .flatMap((piece) => (piece.thought || !piece.text ? [] : [piece.text]))
    .join('')
  return {
    text,
    finishReason: candidate?.finishReason,
    message: candidate?.finishMessage ?? promptFeedback?.blockReasonMessage,
    blockReason: promptFeedback?.blockReason,
    usage: billedUsage(usageMetadata ?? {}, {
      hasText: text !== '',
      // A prompt that is blocked before it reaches the model has no candidate, and only a reason
      // (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/process-blocked-responses).
      hasReachedModel: candidate !== undefined || promptFeedback?.blockReason === undefined,
    }),
    modelVersion,
    trafficType: usageMetadata?.trafficType,
  }
}

/**
 * Returns the billed tokens. Answers can lack some counts, or all (neuron-core/neuron-ai#443). A missing one follows from
 * the total, which is the sum of prompt, answer and thoughts
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#UsageMetadata).
 * Without a total, it is unknown; only thoughts are absent when there are none.
 */
function billedUsage(
  reported: NonNullable<GenerateContentResponse['usageMetadata']>,
  { hasText, hasReachedModel }: { hasText: boolean; hasReachedModel: boolean },
): GeminiUsage | undefined {
  const { promptTokenCount: prompt, totalTokenCount: total, thoughtsTokenCount: thoughts } = reported
  // An answer without text has no tokens of its own.
  const output = reported.candidatesTokenCount ?? (hasText ? undefined : 0)
  const rest = (...counts: (number | undefined)[]): number | null => {
    const known = counts.reduce<number | undefined>(
      (sum, count) => (sum === undefined || count === undefined ? undefined : sum - count),
      total,
    )
    return known === undefined || known < 0 ? null : known
  }
  const usage = {
    promptTokens: prompt ?? rest(output, thoughts ?? 0),
    // Thoughts cost as much as the answer, so the cost is right if some of these were thoughts.
    outputTokens: output ?? rest(prompt, thoughts ?? 0),
    thoughtTokens: thoughts ?? (output === undefined || prompt === undefined ? 0 : (rest(prompt, output) ?? 0)),
  }
  const isNothing = Object.values(usage).every((count) => count === 0 || count === null)
  if (!isNothing) return usage
  // The model read the prompt even if its answer was withheld, so a cost without counts is unknown, not zero.
  return hasReachedModel ? { promptTokens: null, outputTokens: null, thoughtTokens: null } : undefined
}

/** Parts of an HTTP response that the client does not expose. */
interface Heard {
  status: number
  retryAfter: string | null
}

/** Converts what the client threw: its ApiError, an abort, or an error from fetch or the credentials. */
function geminiRefusal(error: unknown, signal: AbortSignal, heard: Heard | undefined): GeminiRefused {
  const { name, status, message } = error as { name?: string; status?: unknown; message?: string }
  if (signal.aborted || name === 'AbortError' || name === 'TimeoutError') {
    return new GeminiRefused('the model did not answer in time', { problem: 'deadline' }, { cause: error })
  }
  // A body that does not match its content type makes the client fail; the status still counts.
  const http =
    name === 'ApiError' && typeof status === 'number'
      ? status
      : heard !== undefined && heard.status >= 400
        ? heard.status
        : undefined
  if (http !== undefined) {
    const body = errorBody(message ?? '')
    const retryAfterMs = headerDelay(heard?.retryAfter ?? null) ?? body.retryDelayMs
    return new GeminiRefused(body.message, { http, message: body.message }, { retryAfterMs, cause: error })
  }
  const known = cloudError(error)
  if (
    known.status === 'UNAUTHENTICATED' ||
    known.status === 'PERMISSION_DENIED' ||
    /default credentials/i.test(known.message)
  ) {
    return new GeminiRefused(known.message, { http: 401, message: known.message }, { cause: error })
  }
  const behind = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new GeminiRefused(`${known.message}${behind}`, { problem: 'connection' }, { cause: error })
}

/**
 * Google's error document, which the client uses as its message
 * (https://cloud.google.com/apis/design/errors#http_mapping).
 */
function errorBody(text: string): { message: string; retryDelayMs: number | undefined } {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; details?: { retryDelay?: unknown }[] } }
    const delay = error?.details
      ?.map(({ retryDelay }) => /^(\d+(?:\.\d+)?)s$/.exec(String(retryDelay))?.[1])
      .find((seconds) => seconds !== undefined)
    return {
      message: typeof error?.message === 'string' ? error.message : text,
      retryDelayMs: delay === undefined ? undefined : Number(delay) * 1_000,
    }
  } catch {
    // For example, a proxy's page: shown unchanged.
    return { message: text, retryDelayMs: undefined }
  }
}

/** Retry-After in seconds or as a date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after). */
function headerDelay(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
