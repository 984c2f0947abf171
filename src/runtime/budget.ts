/**
 * Bounds what is used at once by the requests in flight, however many they are: the pixels that are
 * decoded (three bytes each, the bulk of the process's memory), the units that a model works on.
 * First come, first served.
 */
export class Budget {
  readonly #capacity: number
  readonly #waiting: { amount: number; start: () => void; drop: (reason: unknown) => void }[] = []
  #taken = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /**
   * Runs `work` once what it uses is free.
   *
   * @param amount more than the capacity counts as the whole of it, so that nothing waits for ever
   * @throws the signal's reason when it is aborted while waiting; `work` is then never started
   */
  async spend<T>(amount: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const share = Math.min(amount, this.#capacity)
    await this.#take(share, signal)
    try {
      return await work()
    } finally {
      this.#taken -= share
      this.#startWaiting()
    }
  }

  /** Rejects whatever waits now with `reason`: its work is never started. */
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
        // A large one at the head may have held back smaller ones.
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
