import type { AttemptStatus, Cause } from '../../contracts/causes.ts'

/** What became of a task: its row is durable. */
export interface Recorded {
  status: AttemptStatus
  cause?: Cause
}

/** One attempt that is under way or was just made, and the recording of its row. */
export interface RecentAttempt<Tried> {
  /** Never rejects: a failure is an outcome. Dropped once the row is durable. */
  tried: Promise<Tried> | undefined
  /** Absent until the row is being written, and again after a write that failed. */
  recorded: Promise<Recorded> | undefined
  isDurable: boolean
}

/**
 * The attempts of this process by task, so that an answer is paid for once: Cloud Tasks may deliver
 * a task twice (https://cloud.google.com/tasks/docs/dual-overview#http), and delivers again a task
 * whose answer was had but could not be written down.
 */
export class RecentAttempts<Tried> {
  readonly #attempts = new Map<string, RecentAttempt<Tried>>()
  readonly #capacity: number

  /** @param capacity attempts remembered; those under way are never forgotten */
  constructor(capacity = 10_000) {
    this.#capacity = capacity
  }

  has(key: string): boolean {
    return this.#attempts.has(key)
  }

  /** The attempt of this task that is under way or was made, or a new one by `start`. */
  enter(key: string, start: () => Promise<Tried>): RecentAttempt<Tried> {
    const known = this.#attempts.get(key)
    if (known) return known
    const attempt: RecentAttempt<Tried> = { tried: start(), recorded: undefined, isDurable: false }
    this.#attempts.set(key, attempt)
    if (this.#attempts.size > this.#capacity) this.#evict()
    return attempt
  }

  /** The next delivery of this task tries anew. */
  forget(key: string, attempt: RecentAttempt<Tried>): void {
    if (this.#attempts.get(key) === attempt) this.#attempts.delete(key)
  }

  /** Writes the attempt's row, once for all deliveries that wait for it; a write that fails may be made again. */
  record(attempt: RecentAttempt<Tried>, write: () => Promise<Recorded>): Promise<Recorded> {
    attempt.recorded ??= write().then(
      (recorded) => {
        attempt.isDurable = true
        attempt.tried = undefined
        return recorded
      },
      (error: unknown) => {
        attempt.recorded = undefined
        throw error
      },
    )
    return attempt.recorded
  }

  /** The oldest whose row is durable goes first. An answer that is not written down yet is worth its memory. */
  #evict(): void {
    for (const [key, attempt] of this.#attempts) {
      if (!attempt.isDurable) continue
      this.#attempts.delete(key)
      return
    }
  }
}
