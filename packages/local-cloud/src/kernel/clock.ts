/** Cancels a pending timer. Calling it twice, or after the timer fired, does nothing. */
export type CancelTimer = () => void

/**
 * The local cloud's time. Every backoff, expiry, rate limit and deadline uses a clock, so that tests can
 * move time instead of waiting.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `callback` once, `delayMs` from now (at once when it is not positive). */
  after(delayMs: number, callback: () => void): CancelTimer
}

/** setTimeout overflows to 1 ms past this many milliseconds (24.8 days), so longer waits are chained. */
const LONGEST_TIMER_MS = 2_147_483_647

/** The machine's time. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(0, remainingMs), LONGEST_TIMER_MS)
      timer = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs)
      timer.unref()
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}

interface PendingTimer {
  dueMs: number
  sequence: number
  callback: () => void
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number
  #sequence = 0
  #timers: PendingTimer[] = []

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /**
   * Moves time forward by `durationMs`, fires the due timers in order, and lets promises settle after
   * each, so that a timer set by a timer fires in the same call.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    for (;;) {
      await settle()
      const next = this.#timers
        .filter((timer) => timer.dueMs <= endMs)
        .toSorted((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence)[0]
      if (!next) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.callback()
    }
    this.#nowMs = endMs
    await settle()
  }
}

/** Work that is grouped by event loop turns passes through a few turns. */
const SETTLING_TURNS = 6

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}
