import { systemClock, type Clock } from './clock.ts'

/** Where a steady clock reads time from; tests put their own in. */
export interface TimeSources {
  /** Milliseconds since the Unix epoch, as the machine believes now: may jump either way. */
  wall(): number
  /** Milliseconds since any moment; never goes back. */
  steady(): number
}

/**
 * The machine's time, but for its jumps back: a task that waits for its moment, or a token that was
 * issued a second ago, must not wait for the hour that the machine was set back by. Jumps forward
 * are followed.
 *
 * @param notBefore where to start when the machine is behind it
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
