/**
 * Limits what all requests in progress use at once: bytes of decoded images (most of the process's memory), bytes of
 * inline images, or units at a model. First come, first served.
 */
export class Budget {
  readonly #capacity: number
  readonly #waiting: { amount: number; start: () => void; drop: (reason: unknown) => void }[] = []
  #taken = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get capacity(): number {
    return this.#capacity
  }

  /**
   * Runs `work` as soon as its amount is free.
   *
   * @param amount capped at the capacity, so that nothing waits forever
   * @param work gets a function that lowers its amount to a smaller one
   * @throws the signal's reason when it is aborted while waiting; `work` then never starts
   */
  async spend<T>(
    amount: number,
    signal: AbortSignal,
    work: (lower: (amount: number) => void) => Promise<T>,
  ): Promise<T> {
    let share = Math.min(amount, this.#capacity)
    const lower = (to: number): void => {
      const kept = Math.min(share, to)
      this.#taken -= share - kept
      share = kept
      this.#startWaiting()
    }
    await this.#take(share, signal)
    try {
      return await work(lower)
    } finally {
      lower(0)
    }
  }

  /** Rejects everything that waits now with `reason`; that work never starts. */
  dismiss(reason: unknown): void {
    for (const { drop } of this.#waiting.splice(0)) drop(reason)
  }

  #take(amount: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const entry = {
        amount,
        start: () => {
          signal.removeEventListener('abort', abandon)
          resolve()
        },
        drop: (reason: unknown) => {
          signal.removeEventListener('abort', abandon)
          reject(reason)
        },
      }
      const abandon = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(signal.reason)
        // A large request at the head can have held back smaller ones.
        this.#startWaiting()
      }
      signal.addEventListener('abort', abandon, { once: true })
      this.#waiting.push(entry)
      this.#startWaiting()
    })
  }

  #startWaiting(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (!next || this.#taken + next.amount > this.#capacity) return
      this.#waiting.shift()
      this.#taken += next.amount
      next.start()
    }
  }
}
