const SECONDS = 60

/** Counts events of the last minute, to the second, in constant memory. */
export class MinuteCounter {
  readonly #counts = Array.from({ length: SECONDS }, () => 0)
  /** The second since the epoch that each count belongs to. */
  readonly #seconds = Array.from({ length: SECONDS }, () => -1)

  add(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000)
    const index = second % SECONDS
    if (this.#seconds[index] !== second) {
      this.#seconds[index] = second
      this.#counts[index] = 0
    }
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  total(nowMs: number): number {
    const oldest = Math.floor(nowMs / 1_000) - SECONDS
    return this.#counts.reduce((sum, count, index) => ((this.#seconds[index] ?? -1) > oldest ? sum + count : sum), 0)
  }
}
