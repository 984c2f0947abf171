import type { RateLimits } from './resources.ts'

/**
 * System throttling. Google documents that 429, 503 and high error rates slow a queue without changing its
 * settings, but not by how much
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.HttpRequest).
 * The local cloud's rule: each of these halves the effective rate, at most once per second, down to one
 * dispatch per second; each success restores a hundredth of the configured rate.
 */
const SLOW_DOWN_FACTOR = 0.5
const SLOW_DOWN_INTERVAL_MS = 1_000
const SLOWEST_PER_SECOND = 1
const RECOVERY_PER_SUCCESS = 0.01

/** An error rate is "high" above one half, over about the last 50 answers, once 20 have been seen. */
const HIGH_ERROR_SHARE = 0.5
const ERROR_MEMORY = 50
const MIN_ANSWERS = 20

/** Tokens that arrive closer together than this share one wait, as far as the bucket can hold them. */
const SHORTEST_WAIT_MS = 5

/** Allowed delay of a timer: tokens that arrive meanwhile are not lost, even in a bucket for one token. */
const TIMER_SLACK_MS = 10

/** `overload` is a 429 or 503; `error` any other failure, including an attempt without a response. */
export type AttemptSignal = 'success' | 'error' | 'overload'

/**
 * One queue's token bucket (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.RateLimits),
 * refilled at the configured rate or at the lower one that throttling allows.
 */
export class DispatchRate {
  #limits: RateLimits
  #share = 1
  #tokens: number
  #filledMs: number
  #slowedMs = Number.NEGATIVE_INFINITY
  #errorShare = 0
  #answers = 0

  constructor(limits: RateLimits, nowMs: number) {
    this.#limits = limits
    this.#tokens = limits.maxBurstSize
    this.#filledMs = nowMs
  }

  /** Dispatches per second at which the bucket is refilled now. */
  get effectivePerSecond(): number {
    const configured = this.#limits.maxDispatchesPerSecond
    return Math.max(configured * this.#share, Math.min(configured, SLOWEST_PER_SECOND))
  }

  configure(limits: RateLimits, nowMs: number): void {
    this.#fill(nowMs)
    this.#limits = limits
    this.#tokens = Math.min(this.#tokens, limits.maxBurstSize)
  }

  /** Takes a token and returns 0, or returns how many milliseconds it will be until there is one. */
  take(nowMs: number): number {
    this.#fill(nowMs)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    const perMs = this.effectivePerSecond / 1_000
    const untilOne = (1 - this.#tokens) / perMs
    const untilFull = (this.#capacity() - this.#tokens) / perMs
    return Math.ceil(Math.max(untilOne, Math.min(untilFull, SHORTEST_WAIT_MS), 1))
  }

  /** Returns a token, because the dispatch did not happen. */
  refund(): void {
    this.#tokens = Math.min(this.#tokens + 1, this.#limits.maxBurstSize)
  }

  observe(signal: AttemptSignal, nowMs: number): void {
    this.#answers += 1
    this.#errorShare += ((signal === 'success' ? 0 : 1) - this.#errorShare) / ERROR_MEMORY
    if (signal === 'success') {
      if (this.#share < 1) {
        this.#fill(nowMs)
        this.#share = Math.min(1, this.#share + RECOVERY_PER_SUCCESS)
      }
      return
    }
    const isFailing = this.#answers >= MIN_ANSWERS && this.#errorShare > HIGH_ERROR_SHARE
    if (signal === 'overload' || isFailing) this.#slowDown(nowMs)
  }

  #slowDown(nowMs: number): void {
    if (nowMs - this.#slowedMs < SLOW_DOWN_INTERVAL_MS) return
    this.#fill(nowMs)
    this.#slowedMs = nowMs
    const floor = Math.min(1, SLOWEST_PER_SECOND / this.#limits.maxDispatchesPerSecond)
    this.#share = Math.max(this.#share * SLOW_DOWN_FACTOR, floor)
    // A full bucket would let a burst through at the old pace.
    this.#tokens = Math.min(this.#tokens, Math.max(1, this.#limits.maxBurstSize * this.#share))
  }

  #fill(nowMs: number): void {
    // If the clock was set back, the bucket neither fills nor drains.
    const elapsedS = Math.max(0, nowMs - this.#filledMs) / 1_000
    this.#filledMs = nowMs
    const filled = Math.min(this.#tokens + elapsedS * this.effectivePerSecond, this.#capacity())
    this.#tokens = Math.max(this.#tokens, filled)
  }

  #capacity(): number {
    return Math.max(1, this.#limits.maxBurstSize * this.#share, (this.effectivePerSecond * TIMER_SLACK_MS) / 1_000)
  }
}
