import type { CancelTimer, Clock } from '../clock.ts'
import { MOST_FIRST_FAILURES } from '../../contracts/run-controls.ts'
import type { FirstInstance } from './first-instance.ts'

/** Calls at once until the first answer. */
export const CALLS_UNTIL_AN_ANSWER = 4

/** The longest wait for a first answer, in milliseconds. Then the calls are made all the same. */
export const FIRST_ANSWER_MS = 10_000

/**
 * That wait begins again with each of this many failures. Only failures that have ended can stop the run, and slow ones take
 * longer than one wait. A run that goes on after this many is one that they do not stop.
 */
const FAILURES_WAITED_FOR = 2 * MOST_FIRST_FAILURES

/**
 * Sends few calls at once until one of the run's calls is answered, and from one instance at first. If the prompt or the schema
 * is wrong, every call fails, and the first failures then stop the run before hundreds of calls were made.
 */
export class FirstCalls {
  readonly #clock: Clock
  readonly #instance: Pick<FirstInstance, 'turn' | 'answered'> | undefined
  readonly #waiting = new Set<() => void>()
  readonly #ended = new AbortController()
  #inProgress = 0
  #isOpen = false
  #hasBegun = false
  /** Whether the first calls are made elsewhere. */
  #isHeld = false
  #failures = 0
  #failedMs = Number.NEGATIVE_INFINITY

  /** @param instance absent in the only instance */
  constructor(clock: Clock, instance?: Pick<FirstInstance, 'turn' | 'answered'>) {
    this.#clock = clock
    this.#instance = instance
  }

  /**
   * Makes a call when it may be made. Rejects with the signal's reason if it is aborted meanwhile, and with that of a
   * dismissal; `call` then never starts.
   *
   * @param turnMs how long the delivery waits for its call. A wait for a first answer takes at most a quarter of it. A probe
   *   has less time than the tasks after it
   */
  async make<Answer>(signal: AbortSignal, turnMs: number, call: () => Promise<Answer>): Promise<Answer> {
    const longestMs = Math.min(FIRST_ANSWER_MS, turnMs / 4)
    this.#begin(longestMs)
    if (this.#mayStart()) this.#inProgress += 1
    else await this.#turn(signal, longestMs)
    try {
      signal.throwIfAborted()
      this.#ended.signal.throwIfAborted()
      const answer = await call().catch((error: unknown) => this.#failed(error))
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

  #begin(longestMs: number): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    if (!this.#instance) return
    this.#isHeld = true
    // Half of the time is left for first calls of its own.
    void this.#instance.turn(longestMs / 2).then((isAnswered) => {
      this.#isHeld = false
      if (isAnswered) this.#isOpen = true
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

  #failed(error: unknown): never {
    this.#failures += 1
    if (this.#failures <= FAILURES_WAITED_FOR) this.#failedMs = this.#clock.now()
    throw error
  }

  #turn(signal: AbortSignal, longestMs: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: CancelTimer = () => undefined
      const start = (): void => {
        this.#waiting.delete(start)
        signal.removeEventListener('abort', start)
        cancel()
        this.#inProgress += 1
        resolve()
      }
      const wait = (waitMs: number): void => {
        cancel = this.#clock.after(waitMs, () => {
          const leftMs = this.#failedMs + longestMs - this.#clock.now()
          if (leftMs > 0) wait(leftMs)
          else start()
        })
      }
      wait(longestMs)
      signal.addEventListener('abort', start, { once: true })
      this.#waiting.add(start)
    })
  }
}
