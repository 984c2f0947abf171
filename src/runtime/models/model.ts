import type { Cause } from '../../contracts/causes.ts'
import type { Asset, Observation } from '../../contracts/messages.ts'
import type { Tier } from '../../contracts/model-options.ts'
import { redacted } from '../../contracts/redaction.ts'
import { cutText } from '../row-size.ts'

/** Answers a profile for one asset. */
export interface Model {
  /**
   * Computes one asset's answer from its images.
   *
   * @throws AttemptFailure when there is no answer, with the cause and whether a retry can help
   */
  answer(asset: Asset, options: AnswerOptions): Promise<Answer>
}

/** Makes a call when the limits of its run allow it. Rejects when it must not be made any more. */
export type InTurn = <Result>(call: () => Promise<Result>) => Promise<Result>

/** For work that waits for nothing. */
export const atOnce: InTurn = (call) => call()

export interface AnswerOptions {
  signal: AbortSignal
  /** A model does its work in a turn, except for what needs none. `atOnce` by default. */
  inTurn?: InTurn
  /**
   * A model calls it once, when its turn has come: an asset may wait for its turn and for memory first, and the time limit of
   * its attempt begins here. Rejects when the work is no longer needed.
   */
  onTurn?: () => void | Promise<void>
  /** Called after each billed answer with everything billed so far, because the attempt can still fail or never end. */
  onBilled?: (known: Known) => void
}

/** One asset's answer, with the provenance for its ledger row. */
export interface Answer {
  /** The values of the profile's `output`, by column name. */
  columns: Record<string, unknown>
  /** The model's exact text, if it was not usable unchanged. */
  rawAnswer?: string
  /** Whether the answer was malformed JSON that was repaired before it was checked. */
  repaired: boolean
  /** The exact model version that answered. */
  modelVersion: string
  usage?: TokenUsage
  /** The tier that answered. */
  tier?: Tier
  finishReason?: string
  /** The images that the answer is based on, in the asset's order. */
  observationsUsed: Observation[]
  /** SHA-256, hex, of the images: two attempts with the same hash saw the same images. */
  inputHash: string
  /** The versions of the images that were read, by URI (`ImageVersions`). */
  imageVersions?: ReadonlyMap<string, string>
}

/** Known details of an attempt without an answer. */
export type Known = Partial<Omit<Answer, 'columns'>>

/** Billed tokens; null for a count that the model did not report. */
export interface TokenUsage {
  promptTokens: number | null
  /** Without thoughts. */
  outputTokens: number | null
  thoughtTokens: number | null
}

export interface AttemptFailureOptions {
  /** A retry of the same asset can succeed. */
  retryable: boolean
  /** False if the model was not really tried, for example because it asked for a slower rate. Default: true. */
  countsAsTry?: boolean
  /** The wait that the refusing service requested, in milliseconds. */
  retryAfterMs?: number
  /** Details that are known anyway: a refused answer was billed too. */
  known?: Known
  cause?: unknown
}

/** An attempt that ended without an answer. `failure` is the ledger's `cause` (`cause` is the JavaScript error behind it). */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  readonly failure: Cause
  readonly retryable: boolean
  readonly countsAsTry: boolean
  readonly retryAfterMs: number | undefined
  readonly known: Known

  constructor(failure: Cause, message: string, options: AttemptFailureOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.failure = failure
    this.retryable = options.retryable
    this.countsAsTry = options.countsAsTry ?? true
    this.retryAfterMs = options.retryAfterMs
    this.known = options.known ?? {}
  }
}

/** A little more than the maximum length of a gs:// URI. */
const MAX_URI_CHARACTERS = 1_300

/**
 * One image that is permanently unusable: missing, empty, damaged, or not an image. The asset's other
 * images still count; the asset fails only when none is left.
 */
export class UnreadableImage extends Error {
  override readonly name = 'UnreadableImage'
  readonly uri: string
  /** The predicate of a sentence about the image: `does not exist`, `is a GIF image: ...`. */
  readonly reason: string

  constructor(uri: string, reason: string, options: { cause?: unknown } = {}) {
    // A table can contain signed URLs, and a value that is not a gs:// URI can have any length.
    super(
      `${redacted(cutText(uri, MAX_URI_CHARACTERS))} ${reason}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.uri = uri
    this.reason = reason
  }
}
