/**
 * Bounds the pixels that are decoded at once, whatever the number of requests in flight: three
 * bytes each, they are the bulk of the process's memory. First come, first served.
 */
export class PixelBudget {
  readonly #capacity: number
  readonly #waiting: { pixels: number; start: () => void }[] = []
  #taken = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /**
   * Runs `work` once its pixels fit.
   *
   * @param pixels more than the capacity counts as the whole of it, so that nothing waits for ever
   * @throws the signal's reason when it is aborted while waiting; `work` is then never started
   */
  async spend<T>(pixels: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const share = Math.min(pixels, this.#capacity)
    await this.#take(share, signal)
    try {
      return await work()
    } finally {
      this.#taken -= share
      this.#startWaiting()
    }
  }

  #take(pixels: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const entry = {
        pixels,
        start: () => {
          signal.removeEventListener('abort', abandon)
          resolve()
        },
      }
      const abandon = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(signal.reason)
        // A large image at the head may have held back smaller ones.
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
      if (!next || this.#taken + next.pixels > this.#capacity) return
      this.#waiting.shift()
      this.#taken += next.pixels
      next.start()
    }
  }
}
