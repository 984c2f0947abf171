import type { CancelTimer, Clock } from '../clock.ts'
import { OUTAGE, RateSteps } from './rate-steps.ts'

/** A round ends after the shortest time if it has this many calls, and after the longest one whatever it has. */
const SHORTEST_ROUND_MS = 1_000
const FEW_CALLS = 20
const LONGEST_ROUND_MS = 10_000

/** If the model refuses most calls, a round ends even earlier. */
const MOSTLY_REFUSED = 0.5
const HURRIED_ROUND_MS = 250

/** In an outage, no call is made for as long as the model asks, at most this long. */
const LONGEST_PAUSE_MS = 60_000

/** The part of a second's calls that may start at once after a pause between calls. */
const BURST_SECONDS = 0.1

/** Figures go back this far. */
const MOST_SECONDS = 300

/** What became of the calls of one second. */
interface Second {
  at: number
  calls: number
  throttled: number
}

/** The calls of a run in one instance, and how many of them the model refused to slow down. */
export interface PacingFigures {
  calls: number
  throttled: number
  /** Calls that may start per second; null without a limit. */
  perSecond: number | null
  inProgress: number
}

/** A refusal of a call, if the model asked for a slower rate. */
export interface SlowDown {
  /** How long the model asks to wait, in milliseconds. */
  retryAfterMs: number | undefined
}

/**
 * Paces the calls of a run in one instance, so that few of them are refused. A pay-as-you-go model has no fixed quota: its
 * capacity is shared by all customers and changes, and 429 says that too little is left
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/dsq,
 * https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429). There is no limit until the first refusals. Then
 * each round of calls changes the rate (`RateSteps`).
 */
export class Pacing {
  readonly #clock: Clock
  readonly #steps = new RateSteps()
  readonly #waiting = new Set<() => void>()
  readonly #ended = new AbortController()
  readonly #seconds: Second[] = []
  #cancelTimer: CancelTimer | undefined
  #tokens = 0
  #filledMs = 0
  #pausedUntilMs = 0
  #inProgress = 0
  /** Goes up when the rate goes down: refusals of calls that started before say nothing about the new rate. */
  #epoch = 0
  #roundMs: number
  #calls = 0
  #refused = 0
  #hasWaited = false
  #askedMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#roundMs = clock.now()
  }

  /**
   * Makes a call when the rate allows it. Rejects with the signal's reason if it is aborted meanwhile, and with that of a
   * dismissal; `call` then never starts.
   *
   * @param slowDownOf whether an error of `call` asks for a slower rate
   */
  async make<Answer>(
    signal: AbortSignal,
    call: () => Promise<Answer>,
    slowDownOf: (error: unknown) => SlowDown | undefined,
  ): Promise<Answer> {
    this.#check(signal)
    if (this.#waiting.size > 0 || this.#delayMs() > 0) {
      await this.#turn(signal)
      this.#check(signal)
    }
    const epoch = this.#begin()
    try {
      return await call()
    } catch (error) {
      const slowDown = slowDownOf(error)
      if (slowDown) this.#throttled(epoch, slowDown.retryAfterMs ?? 0)
      throw error
    } finally {
      this.#inProgress -= 1
    }
  }

  /** Rejects every call that waits now, or comes later, with `reason`. */
  dismiss(reason: unknown): void {
    this.#ended.abort(reason)
    this.#cancelTimer?.()
    for (const start of this.#waiting) start()
  }

  /** What became of the calls of the last time. */
  figures(lastMs: number): PacingFigures {
    const since = Math.floor((this.#clock.now() - lastMs) / 1_000)
    const seconds = this.#seconds.filter(({ at }) => at > since)
    return {
      calls: seconds.reduce((sum, { calls }) => sum + calls, 0),
      throttled: seconds.reduce((sum, { throttled }) => sum + throttled, 0),
      perSecond: this.#steps.perSecond,
      inProgress: this.#inProgress,
    }
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted()
    this.#ended.signal.throwIfAborted()
  }

  #begin(): number {
    this.#endRound()
    this.#calls += 1
    this.#inProgress += 1
    this.#second().calls += 1
    return this.#epoch
  }

  #throttled(epoch: number, retryAfterMs: number): void {
    this.#second().throttled += 1
    if (epoch === this.#epoch) {
      this.#refused += 1
      this.#askedMs = Math.max(this.#askedMs, retryAfterMs)
    }
    this.#endRound()
  }

  #endRound(): void {
    const nowMs = this.#clock.now()
    const ms = nowMs - this.#roundMs
    const isBad = this.#refused >= FEW_CALLS && this.#refused >= this.#calls * MOSTLY_REFUSED && ms >= HURRIED_ROUND_MS
    const isFull = this.#calls >= (this.#refused === 0 ? FEW_CALLS / 2 : FEW_CALLS) && ms >= SHORTEST_ROUND_MS
    const isLong = this.#calls > 0 && ms >= (this.#refused === 0 ? LONGEST_ROUND_MS / 2 : LONGEST_ROUND_MS)
    if (!isBad && !isFull && !isLong) return
    const refused = Math.min(1, this.#refused / this.#calls)
    const usedPerSecond = this.#calls / (ms / 1_000)
    const isLower = this.#steps.step({ refused, usedPerSecond, isUsedUp: this.#hasWaited })
    if (isLower) {
      this.#epoch += 1
      this.#tokens = 0
      this.#filledMs = nowMs
      if (refused >= OUTAGE) this.#pausedUntilMs = nowMs + Math.min(LONGEST_PAUSE_MS, this.#askedMs)
    }
    this.#roundMs = nowMs
    this.#calls = 0
    this.#refused = 0
    this.#askedMs = 0
    this.#hasWaited = false
  }

  /** Takes a token and returns 0, or returns how long it is until there is one. */
  #delayMs(): number {
    const perSecond = this.#steps.perSecond
    if (perSecond === null) return 0
    const nowMs = this.#clock.now()
    const gathered = this.#tokens + ((nowMs - this.#filledMs) / 1_000) * perSecond
    this.#tokens = Math.min(Math.max(1, perSecond * BURST_SECONDS), gathered)
    this.#filledMs = nowMs
    const pauseMs = this.#pausedUntilMs - nowMs
    if (pauseMs <= 0 && this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    this.#hasWaited = true
    return Math.ceil(Math.max(1, pauseMs, ((1 - this.#tokens) / perSecond) * 1_000))
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const start = (): void => {
        this.#waiting.delete(start)
        signal.removeEventListener('abort', start)
        resolve()
      }
      signal.addEventListener('abort', start, { once: true })
      this.#waiting.add(start)
      this.#cancelTimer ??= this.#clock.after(1, () => this.#startWaiting())
    })
  }

  #startWaiting(): void {
    this.#cancelTimer = undefined
    for (const start of this.#waiting) {
      const delayMs = this.#delayMs()
      if (delayMs > 0) {
        this.#cancelTimer = this.#clock.after(delayMs, () => this.#startWaiting())
        return
      }
      start()
    }
  }

  #second(): Second {
    const at = Math.floor(this.#clock.now() / 1_000)
    const last = this.#seconds.at(-1)
    if (last?.at === at) return last
    const second = { at, calls: 0, throttled: 0 }
    this.#seconds.push(second)
    while ((this.#seconds[0]?.at ?? at) <= at - MOST_SECONDS) this.#seconds.shift()
    return second
  }
}
