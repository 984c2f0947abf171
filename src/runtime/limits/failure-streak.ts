import type { Clock } from '../clock.ts'

/** What became of a unit: a final failure of some kind, an answer, or neither, because it is tried again. */
export type UnitEnd = { failed: string } | 'answered' | 'tried again'

/** One unit in progress. */
export interface StreakUnit {
  /** Returns the length of the streak that this unit ends with; 0 for one that has not failed for good. */
  end: (end: UnitEnd) => number
}

interface Entry {
  startedMs: number
  end: UnitEnd | undefined
  isPassed: boolean
}

/** A unit that takes this many times as long as answers usually take is not waited for. */
const PATIENCE = 4

/** Until answers were seen, and for very quick ones. */
const LEAST_PATIENCE_MS = 5_000

/**
 * Counts final failures of one kind in a row, in the order in which the units started. In the order in which they end,
 * units that fail at once, for example because their image is missing, would always come before those that the model
 * answers, and a healthy run would seem to fail.
 */
export class FailureStreak {
  readonly #clock: Clock
  readonly #units: Entry[] = []
  #kind: string | undefined
  #length = 0
  #usualMs = 0
  #hasAnswers = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The failures in a row so far. */
  get length(): number {
    return this.#length
  }

  /** Whether any unit was answered. */
  get hasAnswers(): boolean {
    return this.#hasAnswers
  }

  start(): StreakUnit {
    const entry: Entry = { startedMs: this.#clock.now(), end: undefined, isPassed: false }
    this.#units.push(entry)
    return { end: (end) => this.#end(entry, end) }
  }

  /** Begins to count again: the run was resumed. */
  reset(): void {
    this.#kind = undefined
    this.#length = 0
    for (const entry of this.#units.splice(0)) entry.isPassed = true
  }

  #end(entry: Entry, end: UnitEnd): number {
    if (entry.end !== undefined) return 0
    entry.end = end
    if (end === 'answered') {
      this.#hasAnswers = true
      const tookMs = this.#clock.now() - entry.startedMs
      this.#usualMs = this.#usualMs === 0 ? tookMs : this.#usualMs * 0.9 + tookMs * 0.1
      // The units after it were counted without it.
      if (entry.isPassed) this.#length = 0
    }
    this.#passEnded()
    return typeof end === 'object' && entry.isPassed && end.failed === this.#kind ? this.#length : 0
  }

  #passEnded(): void {
    const longestMs = Math.max(LEAST_PATIENCE_MS, this.#usualMs * PATIENCE)
    for (;;) {
      const first = this.#units[0]
      if (!first) return
      if (first.end === undefined && this.#clock.now() - first.startedMs < longestMs) return
      this.#units.shift()
      first.isPassed = true
      if (first.end === 'answered') {
        this.#length = 0
        this.#kind = undefined
      } else if (typeof first.end === 'object') {
        this.#length = first.end.failed === this.#kind ? this.#length + 1 : 1
        this.#kind = first.end.failed
      }
    }
  }
}
