import type { RunSpec } from '../../contracts/run-spec.ts'
import { KEEP_EVERY_MS } from '../../run-data/scratch-tables.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'

/** Runs that this instance remembers. A forgotten one is looked at once more than needed. */
const MOST_RUNS = 64

export interface SnapshotKeeperOptions {
  /** Moves the expiry of the run's snapshot forward. */
  keep: (spec: RunSpec, nowMs: number) => Promise<void>
  clock: Clock
  log: Logger
}

/** Keeps the snapshots of the runs whose tasks arrive here, with one look every few hours. */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions
  readonly #keptMs = new Map<string, number>()

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options
  }

  /** Returns at once and never throws: no task waits for it, or fails because of it. */
  touch(spec: RunSpec): void {
    const { clock, keep, log } = this.#options
    const nowMs = clock.now()
    const keptMs = this.#keptMs.get(spec.run_id)
    if (keptMs !== undefined && nowMs - keptMs < KEEP_EVERY_MS) return
    this.#keptMs.set(spec.run_id, nowMs)
    for (const oldest of this.#keptMs.keys()) {
      if (this.#keptMs.size <= MOST_RUNS) break
      this.#keptMs.delete(oldest)
    }
    keep(spec, nowMs).catch((error: unknown) => {
      log.warning(`could not move the expiry of the snapshot: ${String(error)}`, { run_id: spec.run_id })
    })
  }
}
