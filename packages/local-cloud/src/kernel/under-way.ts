/** What has been sent and not been answered yet, with the moment by which each must have ended. */
export class InProgress {
  readonly #deadlines = new Map<number, number>()
  #sequence = 0
  #whenNone: (() => void)[] = []

  get count(): number {
    return this.#deadlines.size
  }

  /** By when everything has ended, in the clock's milliseconds; 0 when nothing is under way. */
  get endMs(): number {
    return Math.max(0, ...this.#deadlines.values())
  }

  /** Counts `work` from now until it has ended. */
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

  /** Resolves when nothing is under way, and whoever sent the last has taken its answer. */
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
