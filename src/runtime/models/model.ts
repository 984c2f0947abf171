import type { Cause } from '../../contracts/causes.ts'
import type { Asset, Observation } from '../../contracts/messages.ts'
import type { Tier } from '../../contracts/model-options.ts'
import { redacted } from '../../contracts/redaction.ts'
import { cutText } from '../row-size.ts'

/** What answers a profile for one asset. */
export interface Model {
  /**
   * Works out one asset's answer from its images.
   *
   * @throws AttemptFailure when there is no answer: it says why, and whether another try may help
   */
  answer(asset: Asset, options: AnswerOptions): Promise<Answer>
}

export interface AnswerOptions {
  signal: AbortSignal
  /** Called when the work begins, where an asset may have to wait for its turn. Rejects when there is no work any more. */
  onTurn?: () => void | Promise<void>
  /** Told after each answer that is billed, with all that the attempt is billed so far: it may still fail, or never end. */
  onBilled?: (known: Known) => void
}

/** One asset's answer, with what a ledger row needs to know of how it came about. */
export interface Answer {
  /** The values of the profile's `output`, by column name. */
  columns: Record<string, unknown>
  /** What the model said, word for word, when it was not usable as it stood. */
  rawAnswer?: string
  /** The answer was malformed and was mended before it was checked. */
  repaired: boolean
  /** The model that answered, as exactly as it names itself. */
  modelVersion: string
  usage?: TokenUsage
  /** The tier that answered. */
  tier?: Tier
  finishReason?: string
  /** The images that the answer rests on, in the asset's order. */
  observationsUsed: Observation[]
  /** SHA-256, hex, of what was looked at: two attempts with one hash saw the same images. */
  inputHash: string
}

/** What is known of an attempt that has no answer. */
export type Known = Partial<Omit<Answer, 'columns'>>

export interface TokenUsage {
  promptTokens: number
  /** Without thoughts. */
  outputTokens: number
  thoughtTokens: number
}

export interface AttemptFailureOptions {
  /** Another try of the same asset may succeed. */
  retryable: boolean
  /** How long the one who refused asked us to wait, milliseconds. */
  retryAfterMs?: number
  /** What is known all the same: a refused answer was paid for too. */
  known?: Known
  cause?: unknown
}

/** An attempt that ended without an answer. `failure` is the ledger's `cause` (`cause` is the JavaScript error behind it). */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  readonly failure: Cause
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly known: Known

  constructor(failure: Cause, message: string, options: AttemptFailureOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.failure = failure
    this.retryable = options.retryable
    this.retryAfterMs = options.retryAfterMs
    this.known = options.known ?? {}
  }
}

/** The longest that a gs:// URI can be, and a little more. */
const MAX_URI_CHARACTERS = 1_300

/**
 * One image that cannot be used whatever is tried: missing, empty, damaged, or no image at all.
 * The asset's other images still count; it fails only when none is left.
 */
export class UnreadableImage extends Error {
  override readonly name = 'UnreadableImage'
  readonly uri: string
  /** Continues a sentence about the image: `does not exist`, `is a GIF image: ...`. */
  readonly reason: string

  constructor(uri: string, reason: string, options: { cause?: unknown } = {}) {
    // A table may list signed URLs; what is no gs:// URI may also be of any length.
    super(
      `${redacted(cutText(uri, MAX_URI_CHARACTERS))} ${reason}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.uri = uri
    this.reason = reason
  }
}
