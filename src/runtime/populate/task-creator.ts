import { CloudError } from '../../google/transport/errors.ts'
import { BatchRefused, MAX_BATCH_TASKS, type NewTask } from '../../google/tasks.ts'
import { backoffMs, sleep, within, type Clock } from '../clock.ts'
import type { Logger } from '../log.ts'

export interface TaskCreatorDeps {
  createTaskBatch: (queue: string, tasks: readonly NewTask[]) => Promise<{ created: number; existed: number }>
  createTask: (queue: string, task: NewTask) => Promise<'created' | 'existed'>
  clock: Clock
  log: Logger
}

export interface Created {
  created: number
  existed: number
}

/** Below the 4 MB that gRPC servers accept per message by default (https://grpc.io/docs/guides/flow-control/). */
const MAX_BATCH_BYTES = 3 * 1024 * 1024

/** Number of tries for one call before the shard goes back to Pub/Sub. */
const MAX_TRIES = 5
const BACKOFF = { firstMs: 200, longestMs: 5_000 }
const CALL_TIMEOUT_MS = 60_000

/** Maximum concurrent single calls when the batch method is refused. */
const SINGLE_CALLS = 8

/**
 * Creates named tasks, a hundred per call if BatchCreateTasks is available, otherwise one by one. Calls
 * are safe to repeat: an existing task is not created twice.
 */
export class TaskCreator {
  readonly #deps: TaskCreatorDeps
  #isBatchRefused = false

  constructor(deps: TaskCreatorDeps) {
    this.#deps = deps
  }

  /** Whether a batch must be sent before another task of `bytes` can be added. */
  static isFull(batch: readonly NewTask[], batchBytes: number, bytes: number): boolean {
    return batch.length >= MAX_BATCH_TASKS || (batch.length > 0 && batchBytes + bytes > MAX_BATCH_BYTES)
  }

  /** Rejects with the CloudError of a task that all tries failed to create. */
  async create(queue: string, batch: readonly NewTask[]): Promise<Created> {
    if (this.#isBatchRefused) return this.#createOneByOne(queue, batch)
    try {
      return await this.#persist(() => this.#deps.createTaskBatch(queue, batch))
    } catch (error) {
      if (!(error instanceof BatchRefused)) throw error
      if (!this.#isBatchRefused) this.#deps.log.warning(`creating tasks one by one: ${error.message}`, { queue })
      this.#isBatchRefused = true
      return this.#createOneByOne(queue, batch)
    }
  }

  async #createOneByOne(queue: string, batch: readonly NewTask[]): Promise<Created> {
    const count: Created = { created: 0, existed: 0 }
    const tasks = batch.values()
    const caller = async (): Promise<void> => {
      for (const task of tasks) count[await this.#persist(() => this.#deps.createTask(queue, task))] += 1
    }
    await Promise.all(Array.from({ length: SINGLE_CALLS }, caller))
    return count
  }

  /** Retries a call after transient failures. */
  async #persist<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await within(this.#deps.clock, CALL_TIMEOUT_MS, attempt(), unanswered)
      } catch (error) {
        const isTransient = error instanceof CloudError && error.retryable
        if (!isTransient || failures >= MAX_TRIES) throw error
        await sleep(this.#deps.clock, backoffMs(failures, BACKOFF))
      }
    }
  }
}

function unanswered(): CloudError {
  return new CloudError('DEADLINE_EXCEEDED', `Cloud Tasks did not respond within ${CALL_TIMEOUT_MS / 1_000} s`)
}
