import type { DispatchingApi } from '../kernel/api.ts'
import type { Clock } from '../kernel/clock.ts'
import type { InProgress } from '../kernel/under-way.ts'

/** What a local cloud that is to stop waits for. */
export interface Unfinished {
  /** Tasks and messages that were sent to a service and have no answer yet. */
  deliveries: number
  /** Calls to a model that have no answer yet. */
  modelCalls: number
  /** How long it may take until all have ended, milliseconds: each delivery has its own deadline. */
  atMostMs: number
}

export interface DrainOptions {
  dispatchers: readonly Pick<DispatchingApi, 'hold' | 'release'>[]
  deliveries: InProgress
  modelCalls: () => number
  clock: Clock
}

/**
 * Lets the work under way come to its end before the local cloud stops. Whatever was sent to a
 * service and is cut off is sent again after the next start, and its calls to a model are then made,
 * and paid, a second time; so nothing more is sent, and what was sent is waited for. That ends by
 * itself: a delivery counts as failed after its own deadline, which for a task of imagery's is a
 * little longer than its calls may take.
 */
export class Drain {
  readonly #options: DrainOptions
  #isHeld = false
  #isFinal = false
  #isAbandoned = false
  /** Settles the waiting that is under way: true when the cloud may stop. */
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

  /** Sends nothing more and waits for what was sent. False when `resume` came first. */
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

  /** Sends again, for a user who has come back, unless the cloud was told to stop. */
  resume(): void {
    if (!this.#isHeld || this.#isFinal) return
    this.#isHeld = false
    for (const resolve of this.#waiting.splice(0)) resolve(false)
    for (const dispatcher of this.#options.dispatchers) dispatcher.release()
  }

  /** The cloud was told to stop: nobody who comes now changes that. */
  insist(): void {
    this.#isFinal = true
  }

  /** Waits no longer: what is under way is cut off. */
  abandon(): void {
    this.#isAbandoned = true
    for (const resolve of this.#waiting.splice(0)) resolve(true)
  }
}
