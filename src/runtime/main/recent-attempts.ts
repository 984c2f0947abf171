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

/** An answer whose row could not be written yet. */
interface Unwritten {
  bytes: number
  group: string
  write: () => Promise<unknown>
}

/**
 * The most bytes of answers of one run that wait until the ledger accepts rows. A process that dies of lack of memory
 * loses them all, and they are paid again.
 */
const MOST_UNWRITTEN_BYTES = 32 * 1024 * 1024

/**
 * The attempts of this process by task, so that an answer is billed only once: Cloud Tasks can deliver a
 * task twice (https://cloud.google.com/tasks/docs/dual-overview#http), and delivers a task again when
 * its answer could not be written.
 */
export class RecentAttempts<Tried> {
  readonly #attempts = new Map<string, RecentAttempt<Tried>>()
  readonly #unwritten = new Map<RecentAttempt<Tried>, Unwritten>()
  readonly #sizeOf: (tried: Tried) => { bytes: number; group: string }
  readonly #capacity: number
  #isWriting = false

  /**
   * @param sizeOf the bytes that an attempt takes, and its run
   * @param capacity number of remembered attempts; attempts in progress are never forgotten
   */
  constructor(sizeOf: (tried: Tried) => { bytes: number; group: string }, capacity = 10_000) {
    this.#sizeOf = sizeOf
    this.#capacity = capacity
  }

  /**
   * Whether the answers of a run that wait for the ledger fill its memory, so that no more should be paid. Then writes
   * them again, because their own tasks may be delivered to another instance.
   */
  isFull(group: string): boolean {
    const waiting = [...this.#unwritten.values()].filter((one) => one.group === group)
    if (waiting.reduce((sum, { bytes }) => sum + bytes, 0) < MOST_UNWRITTEN_BYTES) return false
    if (!this.#isWriting) void this.#writeAgain(waiting)
    return true
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
    this.#unwritten.delete(attempt)
    if (this.#attempts.get(key) === attempt) this.#attempts.delete(key)
  }

  /** Writes the attempt's row, once for all deliveries that wait for it; a write that fails may be made again. */
  record(attempt: RecentAttempt<Tried>, write: () => Promise<Recorded>): Promise<Recorded> {
    attempt.recorded ??= write().then(
      (recorded) => {
        attempt.isDurable = true
        attempt.tried = undefined
        this.#unwritten.delete(attempt)
        return recorded
      },
      async (error: unknown) => {
        attempt.recorded = undefined
        const tried = await attempt.tried
        if (tried !== undefined)
          this.#unwritten.set(attempt, { ...this.#sizeOf(tried), write: () => this.record(attempt, write) })
        throw error
      },
    )
    return attempt.recorded
  }

  /** Goes on until one cannot be written. Never rejects: the deliveries that wait for a row get its error. */
  async #writeAgain(waiting: readonly Unwritten[]): Promise<void> {
    this.#isWriting = true
    try {
      for (const { write } of waiting) await write()
    } catch {
      // The ledger still does not accept rows. The next delivery tries again.
    } finally {
      this.#isWriting = false
    }
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
