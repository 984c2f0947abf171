/** Cancels a pending timer. Calling it twice, or after the timer fired, does nothing. */
export type CancelTimer = () => void

/** The runtime's time, which tests can control: every window, backoff and deadline uses a clock. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): CancelTimer
}

/** The machine's time. */
export const runtimeClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Resolves `delayMs` from now. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

/**
 * Returns the wait before the next try of a failed call. It doubles from `firstMs` up to `longestMs`,
 * minus a random part of up to half, so that callers do not retry in lockstep.
 *
 * @param failures number of failures so far, at least 1
 */
export function backoffMs(failures: number, { firstMs, longestMs }: { firstMs: number; longestMs: number }): number {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1))
  return full * (1 - Math.random() / 2)
}

/** Returns the promise's outcome, or rejects with `late()` if it takes longer than `limitMs`. */
export async function within<Result>(
  clock: Clock,
  limitMs: number,
  promise: Promise<Result>,
  late: () => Error,
): Promise<Result> {
  let cancel: CancelTimer | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(limitMs, () => reject(late()))
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    cancel?.()
  }
}

/** A time limit that can be replaced by another one before it is over. */
export class TimeLimit {
  readonly #clock: Clock
  readonly #onOver: (late: Error) => void
  #cancel: CancelTimer | undefined
  #reject: (late: Error) => void = () => undefined
  /** Rejects when the limit is over. */
  readonly over: Promise<never>

  /** @param onOver called once, before `over` rejects */
  constructor(clock: Clock, onOver: (late: Error) => void) {
    this.#clock = clock
    this.#onOver = onOver
    this.over = new Promise((_resolve, reject) => {
      this.#reject = reject
    })
  }

  /** Replaces the limit by one that begins now. */
  set(limitMs: number, late: () => Error): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(limitMs, () => {
      const error = late()
      this.#onOver(error)
      this.#reject(error)
    })
  }

  clear(): void {
    this.#cancel?.()
  }
}
