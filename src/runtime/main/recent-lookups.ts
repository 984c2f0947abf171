import type { Clock } from '../clock.ts'

/** How long a lookup that found no row counts. */
const FRESH_MS = 10 * 60_000

/** Number of remembered lookups. */
const CAPACITY = 10_000

/**
 * The tasks that this process looked up in the ledger without finding a row, so that a task of a later generation that is
 * throttled again and again does not cost a query each time.
 */
export class RecentLookups {
  readonly #clock: Clock
  readonly #atMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(key: string): boolean {
    const atMs = this.#atMs.get(key)
    return atMs !== undefined && this.#clock.now() - atMs < FRESH_MS
  }

  add(key: string): void {
    this.#atMs.delete(key)
    this.#atMs.set(key, this.#clock.now())
    if (this.#atMs.size <= CAPACITY) return
    for (const oldest of this.#atMs.keys()) {
      this.#atMs.delete(oldest)
      return
    }
  }
}
