import type { RunSpec } from '../../contracts/run-spec.ts'
import type { FirstCallsState } from '../../run-data/first-calls.ts'
import { sleep, within, type Clock } from '../clock.ts'

/** What the instances of a run tell each other about its first calls. */
export interface FirstCallRecords {
  /** Returns whether this instance makes the first calls: the first one that asks. */
  claim: (spec: RunSpec) => Promise<boolean>
  /** Rejects if the run was stopped meanwhile. */
  state: (spec: RunSpec) => Promise<FirstCallsState>
  noteAnswer: (spec: RunSpec) => Promise<void>
}

/** Time between two looks at what another instance's calls have become. */
const LOOK_MS = 500

/**
 * Lets one instance of a run make the first calls. A queue fills all instances at once, and each counts its own failures:
 * without this, a wrong prompt costs the first failures once in every instance.
 */
export class FirstInstance {
  readonly #records: FirstCallRecords
  readonly #spec: RunSpec
  readonly #clock: Clock

  constructor(records: FirstCallRecords, spec: RunSpec, clock: Clock) {
    this.#records = records
    this.#spec = spec
    this.#clock = clock
  }

  /**
   * Resolves when calls may be made here: this instance is the first, or the first one has an answer, or the run was stopped,
   * which each call then finds out, or `longestMs` are over, because the first one may be gone. Never rejects.
   *
   * @returns whether a call with the same question was answered
   */
  async turn(longestMs: number): Promise<boolean> {
    const slow = (): Error => new Error(`no answer elsewhere within ${longestMs} ms`)
    // Without the bucket, each instance limits its own first calls.
    return within(this.#clock, longestMs, this.#wait(longestMs), slow).catch(() => false)
  }

  /** Lets the other instances make calls. Never rejects. */
  async answered(): Promise<void> {
    // They do not wait for long anyway.
    await this.#records.noteAnswer(this.#spec).catch(() => undefined)
  }

  async #wait(longestMs: number): Promise<boolean> {
    const untilMs = this.#clock.now() + longestMs
    const first = await this.#records.state(this.#spec)
    if (first === 'answered') return true
    if (first === 'unclaimed' && (await this.#records.claim(this.#spec))) return false
    for (;;) {
      const state = await this.#records.state(this.#spec)
      // The record is gone when the run was torn down, which each call finds out.
      if (state === 'answered' || state === 'unclaimed') return true
      if (state === 'answered otherwise' || this.#clock.now() >= untilMs) return false
      await sleep(this.#clock, LOOK_MS)
    }
  }
}
