import type { Clock } from '../../kernel/clock.ts'

/** Enabled services that the servers of their APIs do not know of yet. */
export class Arrivals {
  readonly #clock: Clock
  readonly #delayMs: () => number
  readonly #enabledMs = new Map<string, number>()
  /** Calls of each service in the second half of its wait. */
  readonly #lateCalls = new Map<string, number>()

  constructor(clock: Clock, delayMs: () => number) {
    this.#clock = clock
    this.#delayMs = delayMs
  }

  /** Starts the wait of services that have just been enabled. */
  begin(services: readonly string[]): void {
    for (const service of services) this.#enabledMs.set(service, this.#clock.now())
  }

  /** Whether the next call of a service is accepted; of an enabled service that was never waited for, always. */
  has(service: string): boolean {
    const enabledMs = this.#enabledMs.get(service)
    if (enabledMs === undefined) return true
    const waitedMs = this.#clock.now() - enabledMs
    if (waitedMs >= this.#delayMs()) {
      this.#enabledMs.delete(service)
      return true
    }
    if (waitedMs < this.#delayMs() / 2) return false
    const calls = this.#lateCalls.get(service) ?? 0
    this.#lateCalls.set(service, calls + 1)
    return calls % 2 === 0
  }
}
