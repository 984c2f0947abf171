import { systemClock, type Clock } from './clock.ts'

/** The time sources of a steady clock; tests use their own. */
export interface TimeSources {
  /** Milliseconds since the Unix epoch by the machine's clock, which can jump both ways. */
  wall(): number
  /** Milliseconds since an arbitrary moment; never goes back. */
  steady(): number
}

/**
 * The machine's time without its backward jumps: if the machine is set back by an hour, a scheduled task
 * or a token issued a second ago must not wait for that hour. Forward jumps are followed.
 *
 * @param notBefore start time if the machine's clock is behind it
 */
export function steadyClock(
  notBefore = 0,
  { wall, steady }: TimeSources = { wall: Date.now, steady: () => performance.now() },
): Clock {
  let offset = Math.max(wall(), notBefore) - steady()
  return {
    now() {
      offset = Math.max(offset, wall() - steady())
      return Math.floor(offset + steady())
    },
    after: (delayMs, callback) => systemClock.after(delayMs, callback),
  }
}
