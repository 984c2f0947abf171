import type { Clock } from '../../kernel/clock.ts'
import type { Script } from './script.ts'

/**
 * How many calls a scripted model accepts, at once and per second. A call is accepted when a place and a token are
 * free; tokens accumulate for at most one second.
 */
export class Capacity {
  readonly #concurrency: number | undefined
  readonly #steps: readonly { after_s: number; per_second: number }[]
  readonly #clock: Clock
  #inProgress = 0
  #startMs: number | undefined
  #filledMs = 0
  #tokens = 0

  constructor({ concurrency, rate }: Pick<Script, 'concurrency' | 'rate'>, clock: Clock) {
    this.#concurrency = concurrency
    this.#steps =
      typeof rate === 'number'
        ? [{ after_s: 0, per_second: rate }]
        : (rate ?? []).toSorted((a, b) => a.after_s - b.after_s)
    this.#clock = clock
  }

  /** Whether there is room for one more call, which keeps its place until `leave`. */
  enter(): boolean {
    if (this.#concurrency !== undefined && this.#inProgress >= this.#concurrency) return false
    if (!this.#takeToken()) return false
    this.#inProgress += 1
    return true
  }

  leave(): void {
    this.#inProgress -= 1
  }

  #takeToken(): boolean {
    const nowMs = this.#clock.now()
    this.#startMs ??= nowMs
    const elapsedS = (nowMs - this.#startMs) / 1_000
    const perSecond = this.#steps.findLast(({ after_s }) => after_s <= elapsedS)?.per_second
    if (perSecond === undefined) return true
    const bucket = Math.max(1, perSecond)
    const gathered = this.#filledMs === 0 ? bucket : this.#tokens + ((nowMs - this.#filledMs) / 1_000) * perSecond
    this.#filledMs = nowMs
    this.#tokens = Math.min(bucket, gathered)
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
