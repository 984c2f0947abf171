import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenedRun } from './open-run.ts'

/** How a run in progress is followed. */
export interface RunChanges {
  /** Looks whether there can be new rows, at next to no cost. */
  look(): Promise<'same' | 'changed' | 'ended'>
  /** Opens the run again. */
  open(): Promise<OpenedRun>
  /** Milliseconds between two looks. */
  lookMs: number
  /** The least milliseconds between two readings of the rows, whose query is billed. */
  readMs(run: OpenedRun): number
}

/** Reading takes at most this share of the time, so that it slows neither the run nor the page. */
const MOST_TIME_READING = 0.1

/** Returns when the time is over, or throws when the signal is aborted. */
export type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>

const pauseFor: Pause = async (milliseconds, signal) => {
  await sleep(milliseconds, undefined, { signal })
}

/**
 * Reads a run's rows again when there are new ones, until the run has ended or the signal is aborted. A failure, as
 * without a network, is tried again at the next look.
 *
 * @param read reads the rows, and shows them from then on
 */
export async function followRun(
  run: OpenedRun,
  changes: RunChanges,
  options: { read: (run: OpenedRun) => Promise<void>; signal: AbortSignal; pause?: Pause; now?: () => number },
): Promise<void> {
  const { read, signal, pause = pauseFor, now = () => performance.now() } = options
  let current = run
  let readAtMs = now()
  let tookMs = 0
  let isDue = false
  try {
    for (;;) {
      await pause(changes.lookMs, signal)
      try {
        const found = await changes.look()
        isDue ||= found !== 'same'
        // The last reading is of the results table, which costs nothing.
        const leastMs = Math.max(changes.readMs(current), tookMs / MOST_TIME_READING)
        const waits = found !== 'ended' && now() - readAtMs < leastMs
        if (!isDue || waits) continue
        const startedMs = now()
        current = await changes.open()
        await read(current)
        readAtMs = now()
        tookMs = readAtMs - startedMs
        isDue = false
        // The results table of a run that has ended, or was torn down, does not change.
        if (found === 'ended' || current.rows.version !== undefined) return
      } catch {
        signal.throwIfAborted()
        isDue = true
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
