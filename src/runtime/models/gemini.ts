import { answerCheck, responseSchema, type CheckedAnswer } from '../../contracts/answer-check.ts'
import { acceptedThinking, leastThinking, usesTemperature } from '../../contracts/gemini-models.ts'
import { failureKind, type FailureSign } from './failures.ts'
import { DEFAULT_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS, type ThinkingLevel } from '../../contracts/model-options.ts'
import { RUN_LABEL } from '../../contracts/names.ts'
import type { GeminiOptions, RunSpec } from '../../contracts/run-spec.ts'
import { GeminiRefused, type GeminiAnswer, type GeminiPart, type GeminiRequest } from '../../google/gemini.ts'
import type { Asset } from '../../contracts/messages.ts'
import { Budget } from '../budget.ts'
import { cutText } from '../row-size.ts'
import { isLooping, readAnswer, type ReadAnswer } from './gemini-answer.ts'
import {
  gatherImages,
  inlineBytes,
  inputHash,
  mostInlineBytes,
  pollAgain,
  type GatheredImages,
  type GeminiImage,
  type ImageSource,
} from './gemini-images.ts'
import type { ImageMemory } from './image-memory.ts'
import { ImageVersions } from './image-versions.ts'
import {
  atOnce,
  AttemptFailure,
  type Answer,
  type AnswerOptions,
  type Known,
  type Model,
  type TokenUsage,
} from './model.ts'

export interface GeminiModelOptions extends ImageSource {
  spec: RunSpec
  /** The memory for inline images, shared by all runs of this process. */
  memory: ImageMemory
  ask: (request: GeminiRequest, signal: AbortSignal) => Promise<GeminiAnswer>
}

/** Limits of an answer and of the thinking before it. */
interface Room {
  maxOutputTokens: number
  thinking: ThinkingLevel | null
}

/** Units whose images are looked at before their turn, at once. More would slow those that have their turn. */
const EARLY_UNITS = 4

/** The factor for the output limit after an answer was cut off. */
const MORE_ROOM = 4

/**
 * The model that calls Gemini. One request per attempt, with all images of the unit; a second one only
 * when the first was cut off, or when Gemini refused images and some of them can be left out.
 *
 * Its failures are those of `failureKind`; they report everything that was billed.
 */
export function geminiModel(options: GeminiModelOptions): Model {
  const { spec, ask } = options
  const { gemini, profile } = spec
  if (gemini === null || profile.prompt === undefined) throw new Error(`run ${spec.run_id} does not use a Gemini model`)
  const base = requestBase(spec, gemini)
  const usual: Room = {
    maxOutputTokens: gemini.max_output_tokens ?? DEFAULT_OUTPUT_TOKENS,
    // A retry can use a model that accepts fewer levels than the run's.
    thinking: gemini.thinking && acceptedThinking(gemini.model, gemini.thinking),
  }
  /**
   * Limits for units whose answer was cut off before another failure, so that the next delivery does not pay for the
   * cut-off answer again.
   */
  const roomOf = new Map<string, Room>()
  const early = new Budget(EARLY_UNITS)
  let check: Promise<(answer: unknown) => CheckedAnswer> | undefined

  const ownAnswer = async (
    asset: Asset,
    { signal, onTurn, onBilled }: AnswerOptions,
    { versions, gather }: { versions: ImageVersions; gather: () => Promise<GatheredImages> },
  ): Promise<Answer> => {
    await onTurn?.()
    check ??= answerCheck(profile.output, cutText)
    const exchange = new Exchange(gemini, versions, onBilled)
    let { images, unreadable } = await gather()
    let room = roomOf.get(asset.unit_id) ?? usual
    roomOf.delete(asset.unit_id)
    let hasLookedAgain = false
    for (;;) {
      if (images.length === 0)
        throw exchange.failed(
          'unreadable_image',
          `no readable image: ${unreadable.map(({ message }) => message).join('; ')}`,
        )
      exchange.looksAt(images)
      const parts = [...imageParts(images), { text: profile.prompt ?? '' }]
      const answer = await ask({ ...base, ...room, parts }, signal).catch((error: unknown) => exchange.refused(error))
      if (answer instanceof AttemptFailure) {
        if (answer.retryable && room !== usual) roomOf.set(asset.unit_id, room)
        if (hasLookedAgain || gemini.image_transport === 'inline' || !mayBeAboutImages(answer)) throw answer
        hasLookedAgain = true
        const seen = await pollAgain(images, options)
        if (seen.unreadable.length === 0) throw answer
        images = seen.images
        unreadable = [...unreadable, ...seen.unreadable]
        continue
      }
      exchange.heard(answer)
      const sign = failureSign(answer)
      const isCut = answer.finishReason === 'MAX_TOKENS'
      if (sign === undefined || isCut) {
        const read = readAnswer(answer.text, { schema: profile.output, check: await check, isCut })
        if ('columns' in read || sign === undefined) return exchange.accept(answer.text, read)
      }
      const failure = exchange.failedBy(sign, answer)
      const roomier =
        failure.failure === 'truncated' && room === usual && !isLooping(answer.text)
          ? moreRoom(room, gemini.model)
          : undefined
      if (roomier === undefined) throw failure
      room = roomier
    }
  }

  return {
    answer(asset, { inTurn = atOnce, ...answerOptions }) {
      const { signal } = answerOptions
      const versions = new ImageVersions()
      const source = versions.watching<ImageSource>(options)
      const gather = (): Promise<GatheredImages> =>
        gatherImages(asset.observations, gemini.image_transport, source, signal)
      if (gemini.image_transport === 'gs') {
        // Takes only the first bytes of each image, so they are read while the unit waits for its turn.
        let gathering: Promise<GatheredImages> | undefined
        const gatherOnce = (): Promise<GatheredImages> => (gathering ??= gather())
        // What fails now can work in the unit's turn, and a unit that gets none has no attempt that could fail.
        early.spend(1, signal, gatherOnce).catch(() => (gathering = undefined))
        return inTurn(() => ownAnswer(asset, answerOptions, { versions, gather: gatherOnce }))
      }
      const most = mostInlineBytes(asset.observations.length)
      return inTurn(() =>
        options.memory.hold(most, signal, (keep) => {
          const gatherAndKeep = async (): Promise<GatheredImages> => {
            const gathered = await gather()
            keep(inlineBytes(gathered.images))
            return gathered
          }
          return ownAnswer(asset, answerOptions, { versions, gather: gatherAndKeep })
        }),
      )
    },
  }
}

/** Whether a refusal can be about one of the images, and not about the account or the model. */
function mayBeAboutImages({ failure, retryable, cause }: AttemptFailure): boolean {
  if (retryable) return false
  const http = cause instanceof GeminiRefused && 'http' in cause.sign ? cause.sign.http : undefined
  return failure === 'unreadable_image' || http === 400
}

function requestBase(spec: RunSpec, gemini: GeminiOptions): Omit<GeminiRequest, 'parts' | keyof Room> {
  return {
    projectId: spec.place.projectId,
    location: gemini.location,
    endpoint: gemini.endpoint,
    model: gemini.model,
    tier: gemini.tier,
    responseSchema: responseSchema(spec.profile.output),
    mediaResolution: gemini.media_resolution,
    temperature: usesTemperature(gemini.model) ? gemini.temperature : null,
    labels: { [RUN_LABEL]: spec.run_id },
    timeoutMs: spec.limits.attempt_timeout_ms,
  }
}

/** Each image. If there are several, its number and time come before it, so that the prompt can refer to the newest. */
function imageParts(images: readonly GeminiImage[]): GeminiPart[] {
  if (images.length === 1) return images.map(({ part }) => part)
  return images.flatMap(({ part, observation }, index) => {
    const taken = observation.capture_time === null ? '' : `, taken ${observation.capture_time.slice(0, 10)}`
    return [{ text: `Image ${index + 1} of ${images.length}${taken}:` }, part]
  })
}

/** Returns what is wrong with the end of an answer; undefined for a complete one. */
function failureSign({ blockReason, finishReason, text }: GeminiAnswer): FailureSign | undefined {
  if (blockReason !== undefined) return { blockReason }
  if (finishReason !== undefined && finishReason !== 'STOP') return { finishReason }
  return text.trim() === '' ? { problem: 'empty' } : undefined
}

/** Returns a larger limit and less thinking, because thoughts count; undefined when neither is possible. */
function moreRoom({ maxOutputTokens, thinking }: Room, model: string): Room | undefined {
  const least = leastThinking(model)
  const roomier = {
    maxOutputTokens: Math.min(MAX_OUTPUT_TOKENS, maxOutputTokens * MORE_ROOM),
    thinking: least,
  }
  return roomier.maxOutputTokens === maxOutputTokens && thinking === least ? undefined : roomier
}

/** One attempt's exchange with the model: the images, the answers, and the billed usage. */
class Exchange {
  readonly #gemini: GeminiOptions
  readonly #onBilled: AnswerOptions['onBilled']
  readonly #versions: ImageVersions
  #known: Known = {}

  constructor(gemini: GeminiOptions, versions: ImageVersions, onBilled: AnswerOptions['onBilled']) {
    this.#gemini = gemini
    this.#versions = versions
    this.#onBilled = onBilled
  }

  looksAt(images: readonly GeminiImage[]): void {
    this.#known = {
      ...this.#known,
      observationsUsed: images.map(({ observation }) => observation),
      inputHash: inputHash(images),
      imageVersions: this.#versions.noted,
    }
  }

  /** Adds an answer. The tokens of several answers add up, because all are billed. */
  heard({ usage, modelVersion, finishReason, blockReason, trafficType }: GeminiAnswer): void {
    const before = this.#known.usage
    const sum = usage && before ? addedUsage(usage, before) : (usage ?? before)
    const ended = finishReason ?? blockReason
    this.#known = {
      ...this.#known,
      ...(sum ? { usage: sum } : {}),
      ...(modelVersion === undefined ? {} : { modelVersion }),
      ...(ended === undefined ? {} : { finishReason: ended }),
      tier: servedTier(trafficType, this.#gemini.tier),
    }
    if (this.#known.usage) this.#onBilled?.(this.#known)
  }

  accept(text: string, read: ReadAnswer): Answer {
    if ('malformed' in read)
      throw this.failed('schema', `the answer is not JSON: ${read.malformed}`, { rawAnswer: text })
    const { repaired } = read
    if ('faults' in read) {
      throw this.failed('schema', `the answer does not fit the profile: ${read.faults.join('; ')}`, {
        rawAnswer: text,
        repaired,
      })
    }
    const { observationsUsed = [], inputHash: hash = '', modelVersion = this.#gemini.model, ...known } = this.#known
    return {
      ...known,
      columns: read.columns,
      repaired,
      ...(repaired ? { rawAnswer: text } : {}),
      modelVersion,
      observationsUsed,
      inputHash: hash,
    }
  }

  failedBy(sign: FailureSign, { text, message }: GeminiAnswer): AttemptFailure {
    const { cause, retryable } = failureKind(sign)
    const why =
      'blockReason' in sign
        ? `the prompt was blocked: ${sign.blockReason}`
        : 'finishReason' in sign
          ? `the answer ended with ${sign.finishReason}`
          : 'the answer is empty'
    return this.failed(cause, message ? `${why}: ${message}` : why, { retryable, ...(text ? { rawAnswer: text } : {}) })
  }

  /** Converts a request without an answer to a failure. Unexpected errors stay unchanged. */
  refused(error: unknown): AttemptFailure {
    if (!(error instanceof GeminiRefused)) throw error
    const { cause, retryable, countsAsTry } = failureKind(error.sign)
    const status = 'http' in error.sign ? `HTTP ${error.sign.http} ` : ''
    return this.failed(cause, `${this.#gemini.model}: ${status}${error.message}`, {
      retryable,
      countsAsTry,
      retryAfterMs: error.retryAfterMs,
      cause: error,
    })
  }

  failed(
    failure: AttemptFailure['failure'],
    message: string,
    options: {
      retryable?: boolean
      countsAsTry?: boolean
      retryAfterMs?: number | undefined
      rawAnswer?: string
      repaired?: boolean
      cause?: unknown
    } = {},
  ): AttemptFailure {
    const { retryable = false, countsAsTry = true, retryAfterMs, rawAnswer, repaired, cause } = options
    const known = {
      ...this.#known,
      ...(rawAnswer === undefined ? {} : { rawAnswer }),
      ...(repaired === undefined ? {} : { repaired }),
    }
    return new AttemptFailure(failure, message, {
      retryable,
      countsAsTry,
      known,
      cause,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
}

/** A sum with an unknown part is unknown. */
function addedUsage(one: TokenUsage, other: TokenUsage): TokenUsage {
  const add = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b)
  return {
    promptTokens: add(one.promptTokens, other.promptTokens),
    outputTokens: add(one.outputTokens, other.outputTokens),
    thoughtTokens: add(one.thoughtTokens, other.thoughtTokens),
  }
}

/** The tier that answered (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo#verify-usage). */
function servedTier(trafficType: string | undefined, asked: GeminiOptions['tier']): GeminiOptions['tier'] {
  if (trafficType === 'ON_DEMAND_FLEX') return 'flex'
  return trafficType === 'ON_DEMAND' ? 'standard' : asked
}
