import type { Clock } from '../clock.ts'
import type { FirstInstance } from './first-instance.ts'

/** Calls at once until the first answer. */
export const CALLS_UNTIL_AN_ANSWER = 4

/** The longest wait for a first answer, in milliseconds. Then the calls are made all the same. */
export const FIRST_ANSWER_MS = 10_000

/**
 * Sends few calls at once until one of them is answered, and from one instance at first. If the prompt or the schema is
 * wrong, every call fails, and the first failures then stop the run before hundreds of calls were made.
 */
export class FirstCalls {
  readonly #clock: Clock
  readonly #longestMs: number
  readonly #instance: Pick<FirstInstance, 'turn' | 'answered'> | undefined
  readonly #waiting = new Set<() => void>()
  readonly #ended = new AbortController()
  #inProgress = 0
  #isOpen = false
  #hasBegun = false
  /** Whether the first calls are made elsewhere. */
  #isHeld = false

  /**
   * @param turnMs how long a delivery waits for its call. This wait takes at most a quarter of it
   * @param instance absent in the only instance
   */
  constructor(clock: Clock, turnMs: number, instance?: Pick<FirstInstance, 'turn' | 'answered'>) {
    this.#clock = clock
    this.#instance = instance
    this.#longestMs = Math.min(FIRST_ANSWER_MS, turnMs / 4)
  }

  /**
   * Makes a call when it may be made. Rejects with the signal's reason if it is aborted meanwhile, and with that of a
   * dismissal; `call` then never starts.
   */
  async make<Answer>(signal: AbortSignal, call: () => Promise<Answer>): Promise<Answer> {
    this.#begin()
    if (this.#mayStart()) this.#inProgress += 1
    else await this.#turn(signal)
    try {
      signal.throwIfAborted()
      this.#ended.signal.throwIfAborted()
      const answer = await call()
      this.#open()
      return answer
    } finally {
      this.#inProgress -= 1
      if (this.#mayStart()) this.#waiting.values().next().value?.()
    }
  }

  /** Rejects every call that waits now, or comes later, with `reason`. */
  dismiss(reason: unknown): void {
    this.#ended.abort(reason)
    for (const start of this.#waiting) start()
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    if (!this.#instance) return
    this.#isHeld = true
    // Half of the time is left for first calls of its own.
    void this.#instance.turn(this.#longestMs / 2).then(() => {
      this.#isHeld = false
      for (const start of this.#waiting) if (this.#mayStart()) start()
    })
  }

  #mayStart(): boolean {
    return this.#isOpen || (!this.#isHeld && this.#inProgress < CALLS_UNTIL_AN_ANSWER)
  }

  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    void this.#instance?.answered()
    for (const start of this.#waiting) start()
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const start = (): void => {
        this.#waiting.delete(start)
        signal.removeEventListener('abort', start)
        cancel()
        this.#inProgress += 1
        resolve()
      }
      const cancel = this.#clock.after(this.#longestMs, start)
      signal.addEventListener('abort', start, { once: true })
      this.#waiting.add(start)
    })
  }
}
