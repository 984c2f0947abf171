import type { AttemptStatus, Cause } from '../../contracts/causes.ts'

/** The outcome of a task whose row is durable. */
export interface Recorded {
  status: AttemptStatus
  cause?: Cause
}

/** One attempt that is in progress or just ended, and the recording of its row. */
export interface RecentAttempt<Tried> {
  /** Never rejects: a failure is an outcome. Dropped when the row is durable. */
  tried: Promise<Tried> | undefined
  /** Absent before the row is written, and after a failed write. */
  recorded: Promise<Recorded> | undefined
  isDurable: boolean
}

/**
 * The attempts of this process by task, so that an answer is billed only once: Cloud Tasks can deliver a
 * task twice (https://cloud.google.com/tasks/docs/dual-overview#http), and delivers a task again when
 * its answer could not be written.
 */
export class RecentAttempts<Tried> {
  readonly #attempts = new Map<string, RecentAttempt<Tried>>()
  readonly #capacity: number

  /** @param capacity number of remembered attempts; attempts in progress are never forgotten */
  constructor(capacity = 10_000) {
    this.#capacity = capacity
  }

  has(key: string): boolean {
    return this.#attempts.has(key)
  }

  /** Returns the current or recent attempt of this task, or starts a new one with `start`. */
  enter(key: string, start: () => Promise<Tried>): RecentAttempt<Tried> {
    const known = this.#attempts.get(key)
    if (known) return known
    const attempt: RecentAttempt<Tried> = { tried: start(), recorded: undefined, isDurable: false }
    this.#attempts.set(key, attempt)
    if (this.#attempts.size > this.#capacity) this.#evict()
    return attempt
  }

  /** The next delivery of this task starts a new attempt. */
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

  /** Removes the oldest attempts with a durable row first. An answer that is not written yet is worth its memory. */
  #evict(): void {
    for (const [key, attempt] of this.#attempts) {
      if (!attempt.isDurable) continue
      this.#attempts.delete(key)
      return
    }
  }
}
