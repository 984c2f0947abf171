import type { Clock } from '../clock.ts'
import { SLOT_MS, SLOW_SLOTS } from './chain.ts'
import { LONGEST_IDLE_MS } from './observation.ts'

/** Runs whose failures an instance remembers. A forgotten one is tried once more than needed. */
const MOST_RUNS = 64

/**
 * The runs whose heartbeats fail in a way that does not pass by itself, such as a missing role. Each look at one reads its
 * ledger again, so it gets few of them, and none after some hours.
 */
export class FailedRuns {
  readonly #clock: Clock
  readonly #runs = new Map<string, { sinceMs: number; lastMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns whether a heartbeat does nothing because the one before has failed; undefined if it works on the run. */
  look(runId: string): 'waits' | 'given up' | undefined {
    const failed = this.#runs.get(runId)
    if (!failed) return undefined
    const nowMs = this.#clock.now()
    if (nowMs - failed.sinceMs > LONGEST_IDLE_MS) {
      this.forget(runId)
      return 'given up'
    }
    return nowMs - failed.lastMs < SLOW_SLOTS * SLOT_MS ? 'waits' : undefined
  }

  add(runId: string): void {
    const nowMs = this.#clock.now()
    const sinceMs = this.#runs.get(runId)?.sinceMs ?? nowMs
    this.forget(runId)
    this.#runs.set(runId, { sinceMs, lastMs: nowMs })
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= MOST_RUNS) break
      this.#runs.delete(oldest)
    }
  }

  forget(runId: string): void {
    this.#runs.delete(runId)
  }
}
