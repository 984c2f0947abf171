import type { CancelTimer, Clock } from '../../kernel/clock.ts'
import type { Dispatcher } from './dispatcher.ts'
import { SWEEP_INTERVAL_MS } from './limits.ts'
import type { TaskStore } from './store.ts'

/**
 * Removes expired data: tombstones and operations, and tasks older than their queue's `task_ttl`, "regardless of
 * whether they were dispatched or not"
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks.CreateQueue).
 * Has a timer only while something can expire.
 */
export class Retention {
  readonly #store: TaskStore
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  #cancelTimer: CancelTimer | null = null

  constructor(options: { store: TaskStore; dispatcher: Dispatcher; clock: Clock }) {
    this.#store = options.store
    this.#dispatcher = options.dispatcher
    this.#clock = options.clock
  }

  /** Something that expires was stored. */
  watch(): void {
    this.#cancelTimer ??= this.#clock.after(SWEEP_INTERVAL_MS, () => {
      this.#cancelTimer = null
      try {
        if (this.sweep()) this.watch()
      } catch (error) {
        console.error('Cloud Tasks: could not delete expired tasks, will retry:', error)
        this.watch()
      }
    })
  }

  /** Returns true when something is left that expires later. */
  sweep(): boolean {
    const nowMs = this.#clock.now()
    for (const lane of this.#dispatcher.lanes()) {
      const { id, config } = lane.queue
      const expired = this.#store.tasksCreatedBy(id, nowMs - config.taskTtlMs)
      this.#store.atomically(() => {
        for (const seq of expired) this.#store.deleteTask(seq, nowMs + config.tombstoneTtlMs)
      })
      lane.tasksCount -= expired.length
      for (const seq of expired) lane.window.remove(seq)
    }
    return this.#store.atomically(() => this.#store.sweep(nowMs))
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }
}
