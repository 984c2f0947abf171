import type { Deliver, Delivery, DeliveryAnswer } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError, STATUS_CODES } from '../../kernel/errors.ts'
import { isExhausted, retryAfterMs, retryDelayMs } from './backoff.ts'
import { codeOfHttpStatus, deliveryOf } from './delivery.ts'
import type { AttemptSignal } from './dispatch-rate.ts'
import { Lane } from './lane.ts'
import { MAX_SCHEDULE_AHEAD_MS } from './limits.ts'
import type { AttemptResult, LaunchedTask, Queue } from './resources.ts'
import type { Slot } from './schedule-window.ts'
import type { TaskStore } from './store.ts'

/** Maximum tasks of one queue per turn of the event loop, before another queue's turn. */
const TURN_SHARE = 64

/** Pause in dispatching after a failed write. */
const DISK_RETRY_MS = 1_000

/** One attempt in progress. */
interface Flight {
  lane: Lane
  task: LaunchedTask
  /** When RunTask was called, for a forced attempt: its retry delay starts there. */
  forcedMs: number | null
}

interface Landing {
  flight: Flight
  endedMs: number
  code: number
  /** Null without a response. */
  httpStatus: number | null
  retryAfterMs: number
}

/**
 * Sends the tasks of all queues. Event-driven: every event that can release a task wakes its lane, and
 * all awake lanes are served in one turn of the event loop, with one transaction for ended attempts and
 * one for new ones. An attempt is stored before it is sent, and its task is deleted only after a 2xx
 * response, so after a crash it is sent again.
 */
export class Dispatcher {
  readonly #store: TaskStore
  readonly #clock: Clock
  readonly #deliver: Deliver
  readonly #statsAgeMs: number
  readonly #lanes = new Map<string, Lane>()
  readonly #awake = new Set<Lane>()
  #landings: Landing[] = []
  #isRunning = false
  #isHeld = false
  #isTurnPlanned = false

  constructor(options: { store: TaskStore; clock: Clock; deliver: Deliver; statsAgeMs: number }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#deliver = options.deliver
    this.#statsAgeMs = options.statsAgeMs
  }

  /** Lanes in the order of their queues' creation here. */
  lanes(): Iterable<Lane> {
    return this.#lanes.values()
  }

  lane(queueName: string): Lane | undefined {
    return this.#lanes.get(queueName)
  }

  open(queue: Queue): Lane {
    const lane = new Lane(queue, {
      clock: this.#clock,
      tasksCount: this.#store.countTasks(queue.id),
      statsAgeMs: this.#statsAgeMs,
      read: (after, limit) => this.#store.readSlots(queue.id, after, limit),
      onWake: (woken) => this.#wake(woken),
    })
    this.#lanes.set(queue.name, lane)
    lane.wake()
    return lane
  }

  close(lane: Lane): void {
    lane.close()
    this.#awake.delete(lane)
    this.#lanes.delete(lane.queue.name)
  }

  start(): void {
    this.#isRunning = true
    for (const lane of this.#lanes.values()) lane.wake()
  }

  /** Stops sending tasks, except RunTask's; attempts in progress still end and are recorded. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    for (const lane of this.#lanes.values()) lane.wake()
  }

  /** Records ended attempts; those in progress are abandoned and repeated after the next start. */
  stop(): void {
    if (this.#isRunning) this.#settle()
    this.#isRunning = false
    for (const lane of this.#lanes.values()) lane.close()
    this.#awake.clear()
  }

  /**
   * Dispatches a task now, regardless of its schedule and its queue's limits or state (RunTask). Returns
   * false when the task does not exist.
   */
  force(lane: Lane, seq: number): boolean {
    const nowMs = this.#clock.now()
    const task = this.#store.launch(seq, nowMs * 1_000)
    if (!task) return false
    lane.window.remove(seq)
    this.#fly({ lane, task, forcedMs: nowMs })
    return true
  }

  #wake(lane: Lane): void {
    this.#awake.add(lane)
    this.#planTurn()
  }

  #planTurn(): void {
    if (this.#isTurnPlanned || !this.#isRunning) return
    this.#isTurnPlanned = true
    setImmediate(() => {
      this.#isTurnPlanned = false
      if (this.#isRunning) this.#turn()
    })
  }

  #turn(): void {
    try {
      this.#settle()
      if (this.#isHeld) this.#awake.clear()
      else this.#launch()
    } catch (error) {
      console.error(`Cloud Tasks: store failed, dispatching pauses for ${DISK_RETRY_MS} ms:`, error)
      this.#isTurnPlanned = true
      this.#clock.after(DISK_RETRY_MS, () => {
        this.#isTurnPlanned = false
        this.#planTurn()
      })
      return
    }
    if (this.#awake.size > 0) this.#planTurn()
  }

  #launch(): void {
    const departures: { lane: Lane; slots: Slot[] }[] = []
    try {
      for (const lane of this.#awake) {
        const { slots, hasMore } = lane.take(TURN_SHARE)
        if (!hasMore) this.#awake.delete(lane)
        if (slots.length > 0) departures.push({ lane, slots })
      }
    } catch (error) {
      this.#putBack(departures)
      throw error
    }
    if (departures.length === 0) return
    for (const flight of this.#record(departures)) this.#fly(flight)
  }

  #record(departures: readonly { lane: Lane; slots: Slot[] }[]): Flight[] {
    const nowUs = this.#clock.now() * 1_000
    try {
      return this.#store.atomically(() => {
        const flights: Flight[] = []
        for (const { lane, slots } of departures) {
          for (const { seq } of slots) {
            const task = this.#store.launch(seq, nowUs)
            if (task) flights.push({ lane, task, forcedMs: null })
          }
        }
        return flights
      })
    } catch (error) {
      this.#putBack(departures)
      throw error
    }
  }

  #putBack(departures: readonly { lane: Lane; slots: Slot[] }[]): void {
    for (const { lane, slots } of departures) {
      lane.putBack(slots)
      this.#awake.add(lane)
    }
  }

  #fly(flight: Flight): void {
    flight.lane.depart(flight.task.seq)
    void this.#attempt(flight).then((landing) => {
      this.#landings.push(landing)
      this.#planTurn()
    })
  }

  /** Never rejects: an attempt without a response is an outcome too. */
  async #attempt(flight: Flight): Promise<Landing> {
    const { lane, task } = flight
    try {
      const answer = await this.#deliver(deliveryOf(task, lane.queue.name), () => this.#again(flight))
      const endedMs = this.#clock.now()
      return {
        flight,
        endedMs,
        code: codeOfHttpStatus(answer.status),
        httpStatus: answer.status,
        retryAfterMs: retryAfterMs(headerOf(answer, 'retry-after'), endedMs),
      }
    } catch (error) {
      const status = error instanceof GoogleError ? error.status : 'UNAVAILABLE'
      const code = STATUS_CODES[status].grpc
      return { flight, endedMs: this.#clock.now(), code, httpStatus: null, retryAfterMs: 0 }
    }
  }

  /**
   * Sends a task twice although its first delivery got a response: as after a crash, the response was
   * lost before it was recorded, so the second delivery counts as a retry
   * (https://cloud.google.com/tasks/docs/common-pitfalls#duplicate_execution).
   */
  #again(flight: Flight): Delivery | undefined {
    const task = this.#store.launch(flight.task.seq, this.#clock.now() * 1_000)
    if (!task) return undefined
    flight.task = task
    return deliveryOf(task, flight.lane.queue.name)
  }

  #settle(): void {
    const landings = this.#landings
    if (landings.length === 0) return
    const outcomes = this.#store.atomically(() => landings.map((landing) => this.#conclude(landing)))
    // Nothing can fail from here on: memory is updated to match the disk.
    this.#landings = []
    for (const [index, { flight, httpStatus, endedMs }] of landings.entries()) {
      const { lane, task } = flight
      lane.land(task.seq)
      lane.rate.observe(signalOf(httpStatus), endedMs)
      const outcome = outcomes[index]
      if (outcome === 'deleted') lane.tasksCount -= 1
      else if (outcome !== 'gone' && outcome) lane.offer({ seq: task.seq, scheduleUs: outcome.scheduleUs })
      lane.wake()
    }
  }

  /**
   * Stores the outcome of an attempt: the task is done, has used its last attempt, or is retried. `gone`
   * when it was deleted meanwhile, alone or with its queue: the attempt then has no effect.
   */
  #conclude(landing: Landing): 'deleted' | 'gone' | AttemptResult {
    const { flight, endedMs, code, httpStatus } = landing
    const { lane, task } = flight
    const { config } = lane.queue
    const retry = task.request.retry ?? config.retry
    const sinceFirstMs = endedMs - task.firstDispatchUs / 1_000
    if (isSuccess(httpStatus) || isExhausted(retry, task.dispatchCount, sinceFirstMs)) {
      return this.#store.deleteTask(task.seq, endedMs + config.tombstoneTtlMs) ? 'deleted' : 'gone'
    }
    const delayMs = Math.max(retryDelayMs(retry, task.dispatchCount), landing.retryAfterMs)
    const retryMs = (flight.forcedMs ?? endedMs) + Math.min(delayMs, MAX_SCHEDULE_AHEAD_MS)
    const result = { scheduleUs: Math.round(retryMs * 1_000), responseUs: endedMs * 1_000, code, httpStatus }
    return this.#store.reschedule(task.seq, result) ? result : 'gone'
  }
}

function isSuccess(httpStatus: number | null): boolean {
  return httpStatus !== null && httpStatus >= 200 && httpStatus <= 299
}

function signalOf(httpStatus: number | null): AttemptSignal {
  if (isSuccess(httpStatus)) return 'success'
  return httpStatus === 429 || httpStatus === 503 ? 'overload' : 'error'
}

function headerOf(answer: DeliveryAnswer, name: string): string | undefined {
  return Object.entries(answer.headers).find(([key]) => key.toLowerCase() === name)?.[1]
}
