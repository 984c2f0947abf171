import type { DispatchingApi } from '../kernel/api.ts'
import type { Clock } from '../kernel/clock.ts'
import type { InProgress } from '../kernel/in-progress.ts'

/** What a stopping local cloud waits for. */
export interface Unfinished {
  /** Tasks and messages that were sent to a service and have no response yet. */
  deliveries: number
  /** Model calls without an answer yet. */
  modelCalls: number
  /** Maximum time until all have ended, in milliseconds: each delivery has its own deadline. */
  atMostMs: number
}

export interface DrainOptions {
  dispatchers: readonly Pick<DispatchingApi, 'hold' | 'release'>[]
  deliveries: InProgress
  modelCalls: () => number
  clock: Clock
}

/**
 * Finishes the work in progress before the local cloud stops. A delivery that is cut off is sent again
 * after the next start, and its model calls are then billed a second time. So the drain sends nothing
 * more and waits for what was sent. It always ends, because a delivery fails after its own deadline,
 * which for imagery's tasks is slightly longer than their calls can take.
 */
export class Drain {
  readonly #options: DrainOptions
  #isHeld = false
  #isFinal = false
  #isAbandoned = false
  /** Settles the current wait: true when the cloud can stop. */
  #waiting: ((mayStop: boolean) => void)[] = []

  constructor(options: DrainOptions) {
    this.#options = options
  }

  unfinished(): Unfinished {
    const { deliveries, modelCalls, clock } = this.#options
    return {
      deliveries: deliveries.count,
      modelCalls: modelCalls(),
      atMostMs: deliveries.count === 0 ? 0 : Math.max(0, deliveries.endMs - clock.now()),
    }
  }

  /** Stops sending and waits for what was sent. Returns false when `resume` came first. */
  wait(): Promise<boolean> {
    const { dispatchers, deliveries } = this.#options
    if (!this.#isHeld) for (const dispatcher of dispatchers) dispatcher.hold()
    this.#isHeld = true
    if (this.#isAbandoned) return Promise.resolve(true)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      void deliveries.none().then(() => resolve(true))
    })
  }

  /** Resumes sending for a user who came back, unless the cloud was told to stop. */
  resume(): void {
    if (!this.#isHeld || this.#isFinal) return
    this.#isHeld = false
    for (const resolve of this.#waiting.splice(0)) resolve(false)
    for (const dispatcher of this.#options.dispatchers) dispatcher.release()
  }

  /** The cloud was told to stop, and a new user does not change that. */
  insist(): void {
    this.#isFinal = true
  }

  /** Stops waiting: work in progress is cut off. */
  abandon(): void {
    this.#isAbandoned = true
    for (const resolve of this.#waiting.splice(0)) resolve(true)
  }
}
