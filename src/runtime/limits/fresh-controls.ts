import type { RunControls } from '../../contracts/run-controls.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { within, type Clock } from '../clock.ts'

/** Age after which the limits are read again, because a resume can change them. */
const FRESH_MS = 3_000

/** Time limit for reading them again, which delays calls; a slower bucket does not stop a run. */
const LOOK_MS = 2_000

/** The limits of one run that a resume can change. Concurrent calls share one read. */
export class FreshControls {
  readonly #read: (spec: RunSpec) => Promise<RunControls>
  readonly #clock: Clock
  #seen: RunControls | undefined
  #seenMs = 0
  #looking: Promise<RunControls> | undefined

  constructor(read: (spec: RunSpec) => Promise<RunControls>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** The limits, at most a few seconds old. Rejects with CloudError when they cannot be read and are not known. */
  async now(spec: RunSpec): Promise<RunControls> {
    return this.#seen && this.#clock.now() - this.#seenMs < FRESH_MS ? this.#seen : this.look(spec)
  }

  /** The same, read now. */
  look(spec: RunSpec): Promise<RunControls> {
    this.#looking ??= this.#look(spec).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(spec: RunSpec): Promise<RunControls> {
    const before = this.#seen
    const reading = this.#read(spec)
    const seen = await (before ? within(this.#clock, LOOK_MS, reading, slow) : reading).catch((error: unknown) => {
      if (before && error instanceof CloudError) return before
      throw error
    })
    this.#seen = seen
    this.#seenMs = this.#clock.now()
    return seen
  }
}

function slow(): CloudError {
  return new CloudError('DEADLINE_EXCEEDED', `no response within ${LOOK_MS / 1_000} s`)
}
