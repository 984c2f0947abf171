import type { CancelTimer, Clock } from './clock.ts'

/** After the disk refused a write, it is tried again this much later. */
const RETRY_MS = 1_000

/**
 * Outcomes of work that no caller waits for. One that the disk refuses must neither end the local
 * cloud nor leave the work looking as if it went on for ever: whoever asks is told, and it is written
 * as soon as that can be done.
 */
export class Unwritten<Outcome> {
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

  /** The outcome that is not written yet. */
  get(key: string): Outcome | undefined {
    return this.#outcomes.get(key)
  }

  /** Tries once more; what cannot be written is done again after the next start. */
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
