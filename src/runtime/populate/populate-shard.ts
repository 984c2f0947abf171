import type { Asset, ShardMessage } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { NewTask } from '../../google/tasks.ts'
import { failedRow, type AttemptRow } from '../ledger/attempt-row.ts'
import { newTask, taskId, taskPayloadOf, type TaskTarget } from './new-task.ts'
import { Semaphore } from './semaphore.ts'
import { TaskCreator, type Created, type TaskCreatorDeps } from './task-creator.ts'

export interface ShardDeps extends TaskCreatorDeps {
  streamAssets: (
    spec: RunSpec,
    bucketFrom: number,
    bucketTo: number,
    options: { onlyPending: boolean },
  ) => AsyncIterable<Asset>
  appendAttempt: (table: TableName, row: AttemptRow) => Promise<void>
  target: TaskTarget
}

export interface Populated extends Created {
  /** Assets that cannot become a task; each has its failed row. */
  unfit: number
}

/** Maximum concurrent calls to Cloud Tasks, across all shards of this process. */
const CALLS_AT_ONCE = 8

/**
 * Pub/Sub waits at most 600 s for a push (https://cloud.google.com/pubsub/docs/push#receive_push); then it sends the
 * message again.
 */
const SHARD_DEADLINE_MS = 570_000

/**
 * Creates a task for each asset of a shard. Assets are read as fast as Cloud Tasks accepts tasks, so
 * memory does not grow with the shard. Repeatable: task names prevent a second delivery from creating
 * anything twice.
 */
export class ShardPopulator {
  readonly #deps: ShardDeps
  readonly #creator: TaskCreator
  readonly #calls = new Semaphore(CALLS_AT_ONCE)

  constructor(deps: ShardDeps) {
    this.#deps = deps
    this.#creator = new TaskCreator(deps)
  }

  /** Rejects with the first CloudError that retries did not resolve; the shard should then be delivered again. */
  async populate(spec: RunSpec, shard: ShardMessage): Promise<Populated> {
    const { clock, streamAssets, target } = this.#deps
    const count: Populated = { created: 0, existed: 0, unfit: 0 }
    const work = new WorkInFlight(this.#calls)
    const deadlineMs = clock.now() + SHARD_DEADLINE_MS
    let batch: NewTask[] = []
    let batchBytes = 0
    const send = async (): Promise<void> => {
      const full = batch
      batch = []
      batchBytes = 0
      await work.start(async () => {
        const { created, existed } = await this.#creator.create(shard.queue, full)
        count.created += created
        count.existed += existed
      })
    }
    try {
      const choice = { onlyPending: shard.only_pending }
      for await (const asset of streamAssets(spec, shard.bucket_from, shard.bucket_to, choice)) {
        if (clock.now() > deadlineMs) throw tookTooLong(shard)
        if (shard.skip?.includes(asset.unit_id)) continue
        const made = newTask(asset, shard, spec, target)
        if ('unfit' in made) {
          await work.start(() => this.#recordUnfit(spec, shard, asset, made.unfit))
          count.unfit += 1
          continue
        }
        if (TaskCreator.isFull(batch, batchBytes, made.task.body.length)) await send()
        batch.push(made.task)
        batchBytes += made.task.body.length
      }
      if (batch.length > 0) await send()
    } finally {
      // No call of this shard may be in progress when its message is answered.
      await work.settled()
    }
    work.throwFailure()
    return count
  }

  async #recordUnfit(spec: RunSpec, shard: ShardMessage, asset: Asset, reason: string): Promise<void> {
    const { appendAttempt, clock, log } = this.#deps
    const nowMs = clock.now()
    const attempt = {
      // The same for each delivery of the shard, so that BigQuery drops a repeat.
      id: `populate-${taskId(asset.unit_id, shard.generation)}`,
      task: taskPayloadOf(asset, shard),
      spec,
      startedMs: nowMs,
      finishedMs: nowMs,
    }
    const row = failedRow(attempt, { status: 'failed', cause: 'unreadable_image', message: reason, known: {} })
    await appendAttempt(
      { projectId: spec.tables.projectId, dataset: spec.tables.dataset, table: spec.tables.attempts },
      row,
    )
    log.warning(`failed: ${reason}`, {
      run_id: shard.run_id,
      asset_id: asset.asset_id ?? undefined,
      unit_id: asset.unit_id,
      cause: 'unreadable_image',
    })
  }
}

/** One shard's calls in progress. The first failure stops further reading. */
class WorkInFlight {
  readonly #permits: Semaphore
  readonly #running = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined

  constructor(permits: Semaphore) {
    this.#permits = permits
  }

  /** Resolves when the work has started; rejects if earlier work failed. */
  async start(work: () => Promise<void>): Promise<void> {
    await this.#permits.acquire()
    if (this.#failure) {
      this.#permits.release()
      throw this.#failure.error
    }
    const running = work()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#permits.release()
        this.#running.delete(running)
      })
    this.#running.add(running)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  throwFailure(): void {
    if (this.#failure) throw this.#failure.error
  }
}

function tookTooLong(shard: ShardMessage): CloudError {
  const range = `${shard.bucket_from} to ${shard.bucket_to}`
  return new CloudError(
    'DEADLINE_EXCEEDED',
    `buckets ${range} took longer than Pub/Sub waits; Pub/Sub delivers them again`,
  )
}
