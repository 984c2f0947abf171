/** Cancels a pending timer; calling it twice, or after the timer fired, does nothing. */
export type CancelTimer = () => void

/** Time as the runtime sees it, so that a test can move it: every window, back-off and deadline goes through one of these. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): CancelTimer
}

/** The machine's own time. */
export const systemClock: Clock = {
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
 * How long to wait before the next try of a call that failed: doubles from `firstMs` up to
 * `longestMs`, and a random part of up to a half is taken off, so that callers do not return in step.
 *
 * @param failures how often the call has failed so far, at least 1
 */
export function backoffMs(failures: number, { firstMs, longestMs }: { firstMs: number; longestMs: number }): number {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1))
  return full * (1 - Math.random() / 2)
}

/** The promise's outcome, or a rejection with `late()` when it takes longer than `limitMs`. */
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
