import type { CancelTimer, Clock } from '../../kernel/clock.ts'
import { DispatchRate } from './dispatch-rate.ts'
import { MinuteCounter } from './minute-counter.ts'
import type { Queue } from './resources.ts'
import { ScheduleWindow, type ReadSlots, type Slot } from './schedule-window.ts'

export interface LaneStats {
  tasksCount: number
  /** Null when no task is waiting. */
  nextScheduleUs: number | null
  executedLastMinute: number
  inFlight: number
  effectivePerSecond: number
}

/** What Google only estimates, and when it was true. */
interface Estimate extends Pick<LaneStats, 'tasksCount' | 'nextScheduleUs'> {
  atMs: number
}

/**
 * Dispatch of one queue: which task is next, and whether it can be sent now. It has at most one timer,
 * for the next due task or the next token. Every other event that can release a task (a new task, a
 * response, a resume) calls `wake`.
 */
export class Lane {
  readonly #clock: Clock
  readonly #onWake: (lane: Lane) => void
  readonly window: ScheduleWindow
  readonly rate: DispatchRate
  /** Attempts in progress per task: more than one only when RunTask forced another. */
  readonly #flights = new Map<number, number>()
  readonly #executed = new MinuteCounter()
  #inFlight = 0
  #cancelTimer: CancelTimer | null = null
  #isClosed = false
  queue: Queue
  tasksCount: number
  readonly #statsAgeMs: number
  #estimate: Estimate

  /** @param options.statsAgeMs how old the estimates in the statistics can be */
  constructor(
    queue: Queue,
    options: {
      clock: Clock
      tasksCount: number
      statsAgeMs: number
      read: ReadSlots
      onWake: (lane: Lane) => void
    },
  ) {
    this.#clock = options.clock
    this.#onWake = options.onWake
    this.queue = queue
    this.tasksCount = options.tasksCount
    this.rate = new DispatchRate(queue.config.rate, options.clock.now())
    this.window = new ScheduleWindow(options.read, (seq) => this.#flights.has(seq))
    this.#statsAgeMs = options.statsAgeMs
    this.#estimate = this.#estimated()
  }

  /** Takes up to `limit` tasks that can be dispatched now; sets `hasMore` when only the limit stopped it. */
  take(limit: number): { slots: Slot[]; hasMore: boolean } {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const slots: Slot[] = []
    if (this.#isClosed || this.queue.isPaused) return { slots, hasMore: false }
    try {
      return this.#takeInto(slots, limit)
    } catch (error) {
      // The store cannot be read: tasks that were already taken must not be lost.
      this.putBack(slots)
      throw error
    }
  }

  #takeInto(slots: Slot[], limit: number): { slots: Slot[]; hasMore: boolean } {
    const nowMs = this.#clock.now()
    const free = this.queue.config.rate.maxConcurrentDispatches - this.#inFlight
    while (slots.length < Math.min(limit, free)) {
      const next = this.window.peek()
      if (!next) return { slots, hasMore: false }
      const untilDueMs = Math.ceil(next.scheduleUs / 1_000 - nowMs)
      const waitMs = untilDueMs > 0 ? untilDueMs : this.rate.take(nowMs)
      if (waitMs > 0) {
        this.#wakeAfter(waitMs)
        return { slots, hasMore: false }
      }
      this.window.shift()
      slots.push(next)
    }
    return { slots, hasMore: free > slots.length }
  }

  /** Returns a task from `take`, because its dispatch could not be recorded. */
  putBack(slots: readonly Slot[]): void {
    for (const slot of slots) {
      this.rate.refund()
      this.window.offer(slot)
    }
  }

  depart(seq: number): void {
    this.#inFlight += 1
    this.#flights.set(seq, (this.#flights.get(seq) ?? 0) + 1)
  }

  /** An attempt ended in any way. */
  land(seq: number): void {
    this.#inFlight -= 1
    this.#executed.add(this.#clock.now())
    const left = (this.#flights.get(seq) ?? 1) - 1
    if (left === 0) this.#flights.delete(seq)
    else this.#flights.set(seq, left)
  }

  /** A stored task waits again, unless another attempt of it is still in progress. */
  offer(slot: Slot): void {
    if (!this.#flights.has(slot.seq)) this.window.offer(slot)
  }

  wake(): void {
    if (!this.#isClosed) this.#onWake(this)
  }

  reconfigure(queue: Queue): void {
    this.queue = queue
    this.rate.configure(queue.config.rate, this.#clock.now())
    this.wake()
  }

  /**
   * The number of tasks and the next schedule time are estimates
   * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#queuestats): they can be as old as
   * `statsAgeMs`, so a new queue can seem empty while it has tasks. ListTasks is exact.
   */
  stats(): LaneStats {
    const nowMs = this.#clock.now()
    if (nowMs - this.#estimate.atMs >= this.#statsAgeMs) this.#estimate = this.#estimated()
    return {
      tasksCount: this.#estimate.tasksCount,
      nextScheduleUs: this.#estimate.nextScheduleUs,
      executedLastMinute: this.#executed.total(nowMs),
      inFlight: this.#inFlight,
      effectivePerSecond: this.rate.effectivePerSecond,
    }
  }

  #estimated(): Estimate {
    const nextScheduleUs = this.window.peek()?.scheduleUs ?? null
    return { atMs: this.#clock.now(), tasksCount: this.tasksCount, nextScheduleUs }
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = null
      this.wake()
    })
  }
}
