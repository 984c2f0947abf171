import type { Clock } from '@imagery/local-cloud/internal/kernel/clock'
import { usePauses } from '../../src/google/transport/pauses.ts'

/**
 * One time for imagery and for the local cloud: the machine's, except that every pause of imagery's makes it jump. So
 * what Google takes minutes for takes a test milliseconds, and programs that really start have their real time.
 */
export class JumpingClock implements Clock {
  #aheadMs = 0
  readonly #timers = new Set<{ dueMs: number; callback: () => void; timer: NodeJS.Timeout | undefined }>()

  now(): number {
    return Date.now() + this.#aheadMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry = { dueMs: this.now() + Math.max(0, delayMs), callback, timer: undefined as NodeJS.Timeout | undefined }
    this.#timers.add(entry)
    this.#arm(entry)
    return () => this.#forget(entry)
  }

  /** Moves time forward. Timers that are due fire before it returns. */
  async jump(durationMs: number): Promise<void> {
    this.#aheadMs += durationMs
    for (const entry of this.#timers) this.#arm(entry)
    // Timers set by timers, and the work that they start, get their turns.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Makes imagery's pauses jump, until the returned function is called. */
  takePauses(): () => void {
    usePauses({ now: () => this.now(), pause: (durationMs) => this.jump(durationMs) })
    return () => usePauses()
  }

  #arm(entry: { dueMs: number; callback: () => void; timer: NodeJS.Timeout | undefined }): void {
    clearTimeout(entry.timer)
    // Longer waits than setTimeout can count end with the test.
    const waitMs = Math.min(Math.max(0, entry.dueMs - this.now()), 2 ** 31 - 1)
    entry.timer = setTimeout(() => {
      this.#forget(entry)
      entry.callback()
    }, waitMs)
    entry.timer.unref()
  }

  #forget(entry: { dueMs: number; callback: () => void; timer: NodeJS.Timeout | undefined }): void {
    clearTimeout(entry.timer)
    this.#timers.delete(entry)
  }
}
