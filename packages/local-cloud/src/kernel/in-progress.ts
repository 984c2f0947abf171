/** Sent work without a response yet, with the deadline of each. */
export class InProgress {
  readonly #deadlines = new Map<number, number>()
  #sequence = 0
  #whenNone: (() => void)[] = []

  get count(): number {
    return this.#deadlines.size
  }

  /** The time by which everything has ended, in the clock's milliseconds; 0 when nothing is in progress. */
  get endMs(): number {
    return Math.max(0, ...this.#deadlines.values())
  }

  /** Counts `work` from now until it ends. */
  async during<Result>(deadlineMs: number, work: () => Promise<Result>): Promise<Result> {
    const key = (this.#sequence += 1)
    this.#deadlines.set(key, deadlineMs)
    try {
      return await work()
    } finally {
      this.#deadlines.delete(key)
      if (this.#deadlines.size === 0) this.#tell()
    }
  }

  /** Resolves when nothing is in progress and the last sender has received its response. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenNone.push(resolve)
      if (this.#deadlines.size === 0) this.#tell()
    })
  }

  #tell(): void {
    setImmediate(() => {
      if (this.#deadlines.size > 0) return
      for (const resolve of this.#whenNone.splice(0)) resolve()
    })
  }
}
