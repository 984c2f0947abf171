import type { CancelTimer, Clock } from './clock.ts'

/** Delay before the retry of a failed write. */
const RETRY_MS = 1_000

/**
 * Outcomes of background work. A failed write must neither stop the local cloud nor make the work look
 * unfinished forever: readers get the outcome from memory, and it is written as soon as possible.
 */
export class PendingWrites<Outcome> {
  readonly #clock: Clock
  readonly #write: (key: string, outcome: Outcome) => void
  readonly #outcomes = new Map<string, Outcome>()
  #cancelRetry: CancelTimer | undefined
  #isStopped = false

  /** @param write stores an outcome, or throws */
  constructor(clock: Clock, write: (key: string, outcome: Outcome) => void) {
    this.#clock = clock
    this.#write = write
  }

  /** Writes an outcome now, or later. Never throws. */
  put(key: string, outcome: Outcome): void {
    this.#outcomes.delete(key)
    if (this.#tryToWrite(key, outcome)) return
    this.#outcomes.set(key, outcome)
    this.#retryLater()
  }

  /** Returns an outcome that is not written yet. */
  get(key: string): Outcome | undefined {
    return this.#outcomes.get(key)
  }

  /** Tries once more. Work whose outcome cannot be written is repeated after the next start. */
  stop(): void {
    this.#isStopped = true
    this.#cancelRetry?.()
    this.#writeAll()
  }

  #retryLater(): void {
    if (this.#isStopped) return
    this.#cancelRetry ??= this.#clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined
      this.#writeAll()
      if (this.#outcomes.size > 0) this.#retryLater()
    })
  }

  #writeAll(): void {
    for (const [key, outcome] of this.#outcomes) {
      if (!this.#tryToWrite(key, outcome)) return
      this.#outcomes.delete(key)
    }
  }

  #tryToWrite(key: string, outcome: Outcome): boolean {
    try {
      this.#write(key, outcome)
      return true
    } catch (error) {
      console.error(`The outcome of ${key} cannot be stored yet:`, error)
      return false
    }
  }
}
