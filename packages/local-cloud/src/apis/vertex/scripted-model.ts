import type { Clock } from '../../kernel/clock.ts'
import { methodMatcher } from '../../kernel/method-glob.ts'
import { blockedPrompt, candidateAnswer } from './answer.ts'
import type { GeminiAnswer, GeminiBehavior, GeminiCall } from './behavior.ts'
import { Capacity } from './capacity.ts'
import { resourceExhausted, vertexError } from './failures.ts'
import type { GenerationRequest } from './generation-request.ts'
import { breakJson, breakSchema } from './broken-answers.ts'
import { makeValue } from './make-value.ts'
import { normal, randomFrom, type Random } from './random.ts'
import { ANSWER_FATES, CALL_FATES, UNIT_FATES, type Script, type Shares } from './script.ts'
import { unreadableImage } from './stored-images.ts'
import { textTokens, usageOf } from './tokens.ts'

/** The 99th percentile of the standard normal distribution. */
const NORMAL_P99 = 2.326_347_9

/** A text cut off at the limit is cut to this share when no limit was set. */
const CUT_SHARE = 0.6

/** The output limit of a request that names none counts as the model's own. */
const outputLimit = ({ config, model }: GenerationRequest): number => config.maxOutputTokens ?? model.maxOutputTokens

/**
 * A model that follows a script. The outcome of a call depends on the seed, on its model and
 * images, and on the number of earlier calls for them, but not on when it arrives.
 */
export class ScriptedModel implements GeminiBehavior {
  readonly #seed: number
  readonly #clock: Clock
  readonly #scriptFor: (call: GeminiCall) => Script
  readonly #capacity: Capacity
  readonly #hanging = new Set<() => void>()
  /** Units whose answer was cut off, with the output limit that was too small. */
  readonly #cutAt = new Map<string, number>()

  constructor(general: Script, clock: Clock) {
    this.#seed = general.seed
    this.#clock = clock
    this.#scriptFor = scriptByImage(general)
    this.#capacity = new Capacity(general, clock)
  }

  async generate(call: GeminiCall): Promise<GeminiAnswer> {
    const script = this.#scriptFor(call)
    const random = randomFrom(this.#seed, 'call', call.unit, call.nth)
    const fate = draw(random, script.shares, CALL_FATES)
    if (fate === '429' || !this.#capacity.enter()) throw resourceExhausted(script.retry_after_s)
    try {
      if (fate === '503') throw vertexError('UNAVAILABLE', 'The service is currently unavailable.')
      if (fate === 'hang') return await this.#hang(call.signal)
      const latencyMs = drawLatency(script.latency_ms, random)
      if (latencyMs > 0) await new Promise<void>((resolve) => this.#clock.after(latencyMs, resolve))
      if (fate === '500') throw vertexError('INTERNAL', 'Internal error encountered.')
      return this.#answer(script, call)
    } finally {
      this.#capacity.leave()
    }
  }

  stop(): void {
    for (const end of this.#hanging) end()
  }

  #hang(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const end = (): void => {
        this.#hanging.delete(end)
        reject(vertexError('CANCELLED', 'The caller disconnected.'))
      }
      this.#hanging.add(end)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
    })
  }

  #answer(script: Script, call: GeminiCall): GeminiAnswer {
    const { request, unit, nth } = call
    const { shares } = script
    const nowMs = this.#clock.now()
    const unitRandom = randomFrom(this.#seed, 'unit', unit)
    const unitFate = draw(unitRandom, shares, UNIT_FATES)
    if (unitFate === 'unreadable') throw unreadableImage()
    if (unitFate === 'block') return blocked(call, nowMs, unitRandom)

    const random = randomFrom(this.#seed, 'answer', unit, nth)
    const fate = draw(random, shares, ANSWER_FATES)
    const { text, value } = content(script, call)
    if (fate === 'other') {
      const usage = usageOf(request, 0, thoughtTokens(script, request))
      return candidateAnswer(call, nowMs, { finishReason: 'OTHER', usage }, 'other')
    }
    if (fate === 'schema') return whole(script, call, nowMs, JSON.stringify(breakSchema(value, random)), 'schema')

    const limit = outputLimit(request)
    const earlier = this.#cutAt.get(unit)
    const isCut = earlier === undefined ? fate === 'truncate' : limit <= earlier
    if (isCut) {
      this.#cutAt.set(unit, limit)
      return cut(script, call, nowMs, text)
    }
    if (fate === 'malformed') return whole(script, call, nowMs, breakJson(value, text, random), 'malformed')
    return whole(script, call, nowMs, text, 'ok')
  }
}

/** The script with what its first matching case changes, for a call. */
function scriptByImage(general: Script): (call: GeminiCall) => Script {
  const cases = general.cases.map(({ images, ...changes }) => ({
    matches: methodMatcher(images),
    script: { ...general, ...changes },
  }))
  return ({ request }) => cases.find(({ matches }) => request.images.some(({ uri }) => matches(uri)))?.script ?? general
}

function draw<Fate extends `${keyof Shares}`>(
  random: Random,
  shares: Shares,
  fates: readonly Fate[],
): Fate | undefined {
  const chances: Record<string, number | undefined> = shares
  let rest = random()
  for (const fate of fates) {
    rest -= chances[fate] ?? 0
    if (rest < 0) return fate
  }
  return undefined
}

function drawLatency(latency: Script['latency_ms'], random: Random): number {
  if (typeof latency === 'number') return latency
  const spread = Math.log(latency.p99 / latency.p50) / NORMAL_P99
  return latency.p50 * Math.exp(spread * normal(random))
}

/** The answer's content, as a value and as text. */
function content(script: Script, { request, unit, nth }: GeminiCall): { text: string; value: unknown } {
  if (script.answer !== undefined) {
    const value = fill(script.answer, {
      unit,
      call: String(nth),
      images: request.images.map(({ uri }) => uri).join(' '),
    })
    return { value, text: typeof value === 'string' ? value : JSON.stringify(value) }
  }
  // The same images always get the same answer.
  const random = randomFrom(script.seed, 'content', unit)
  const value = request.schema ? makeValue(request.schema, random) : 'A scripted answer.'
  return { value, text: request.schema ? JSON.stringify(value) : String(value) }
}

function fill(template: unknown, words: Record<string, string>): unknown {
  if (typeof template === 'string')
    return template.replace(/\{\{(unit|call|images)\}\}/g, (_, name: string) => words[name] ?? '')
  if (Array.isArray(template)) return template.map((item) => fill(item, words))
  if (typeof template !== 'object' || template === null) return template
  return Object.fromEntries(Object.entries(template).map(([name, item]) => [name, fill(item, words)]))
}

/** Thinking levels as shares of the default (https://cloud.google.com/vertex-ai/generative-ai/docs/thinking names them, not their size). */
const THINKING_SHARES: Record<string, number> = { MINIMAL: 0, LOW: 0.25, MEDIUM: 0.5, HIGH: 1 }

function thoughtTokens({ thought_tokens }: Script, { config }: GenerationRequest): number {
  const { thinkingBudget = -1, thinkingLevel = '' } = config.thinkingConfig ?? {}
  const wanted = Math.floor(thought_tokens * (THINKING_SHARES[thinkingLevel] ?? 1))
  return thinkingBudget < 0 ? wanted : Math.min(wanted, thinkingBudget)
}

/** A complete answer, unless it exceeds the request's output limit; thoughts count too. */
function whole(script: Script, call: GeminiCall, nowMs: number, text: string, outcome: string): GeminiAnswer {
  const thoughts = thoughtTokens(script, call.request)
  const tokens = textTokens(text.length)
  if (thoughts + tokens > outputLimit(call.request)) return cut(script, call, nowMs, text)
  return candidateAnswer(
    call,
    nowMs,
    { text, finishReason: 'STOP', usage: usageOf(call.request, tokens, thoughts) },
    outcome,
  )
}

function cut(script: Script, call: GeminiCall, nowMs: number, text: string): GeminiAnswer {
  const limit = outputLimit(call.request)
  const thoughts = Math.min(thoughtTokens(script, call.request), limit)
  const tokens = Math.min(Math.floor(textTokens(text.length) * CUT_SHARE), limit - thoughts)
  const start = text.slice(0, Math.min(tokens * 4, Math.max(0, text.length - 1)))
  const usage = usageOf(call.request, tokens, thoughts)
  return candidateAnswer(
    call,
    nowMs,
    { ...(start === '' ? {} : { text: start }), finishReason: 'MAX_TOKENS', usage },
    'truncated',
  )
}

/** Before the model saw the prompt, or while it answered. */
function blocked(call: GeminiCall, nowMs: number, random: Random): GeminiAnswer {
  if (random() < 0.5) return blockedPrompt(call, nowMs)
  const safetyRatings = [{ category: 'HARM_CATEGORY_DANGEROUS_CONTENT', probability: 'HIGH', blocked: true }]
  return candidateAnswer(
    call,
    nowMs,
    { finishReason: 'SAFETY', safetyRatings, usage: usageOf(call.request, 0) },
    'blocked',
  )
}
