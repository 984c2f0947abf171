import type { TaskPayload } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { TableName } from '../../google/bigquery.ts'
import { CloudError } from '../../google/errors.ts'
import { within, type Clock } from '../clock.ts'
import { answeredRow, failedRow, refusedRow, type Attempt, type AttemptRow } from '../ledger/attempt-row.ts'
import { RowRejected } from '../ledger/ledger.ts'
import type { Logger } from '../log.ts'
import { AttemptFailure, type Answer, type Model } from '../models/model.ts'
import type { RunSpecs } from '../run-specs.ts'
import { RecentAttempts, type Recorded } from './recent-attempts.ts'

/** How a delivery of a task ended, and with that how Cloud Tasks is answered. */
export type ProcessOutcome =
  | { kind: 'recorded'; recorded: Recorded }
  /** The run was torn down: nothing is left to do, or to write to. */
  | { kind: 'run_gone' }
  /** Come again: 429 and 503 slow the queue (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#retryconfig). */
  | { kind: 'retry'; http: 429 | 503; code: string; message: string; retryAfterSeconds: number }

export interface ProcessDeps {
  specs: RunSpecs
  ledger: { append(table: TableName, row: AttemptRow): Promise<void> }
  modelFor: (spec: RunSpec) => Promise<Model>
  clock: Clock
  log: Logger
  newAttemptId: () => string
}

/** What Cloud Tasks says of a delivery. */
export interface Delivery {
  /** How often the task was delivered before this (`X-CloudTasks-TaskRetryCount`). */
  retryCount: number
  trace: string | undefined
}

type Tried = { attempt: Attempt } & ({ answer: Answer } | { failure: AttemptFailure })

/** The longest that we ask Cloud Tasks to wait when the model did not say how long. */
const LONGEST_RETRY_AFTER_SECONDS = 60

/**
 * Works off tasks: the run's spec, the model, a durable row in the ledger. An attempt that failed
 * for good is a row too; one that may succeed later is asked for again, unless this was the
 * queue's last try.
 */
export class TaskProcessor {
  readonly #deps: ProcessDeps
  readonly #recent = new RecentAttempts<Tried>()

  constructor(deps: ProcessDeps) {
    this.#deps = deps
  }

  async process(task: TaskPayload, delivery: Delivery): Promise<ProcessOutcome> {
    const labels = { run_id: task.run_id, asset_id: task.asset_id, trace: delivery.trace }
    try {
      const spec = await this.#deps.specs.get(task.run_id)
      return await this.#processWith(spec, task, delivery)
    } catch (error) {
      if (await this.#deps.specs.isGone(task.run_id, error)) {
        this.#deps.log.warning('dropped a task of a run that is gone', labels)
        return { kind: 'run_gone' }
      }
      if (!(error instanceof CloudError)) throw error
      this.#deps.log.error(`could not finish the task: ${error.message}`, { ...labels, error })
      return retry(503, error.status, error.message, delivery)
    }
  }

  async #processWith(spec: RunSpec, task: TaskPayload, delivery: Delivery): Promise<ProcessOutcome> {
    const { log } = this.#deps
    const labels = { run_id: task.run_id, asset_id: task.asset_id, trace: delivery.trace }
    const key = `${task.run_id}\n${task.generation}\n${task.asset_id}`
    const recent = this.#recent.enter(key, () => this.#try(spec, task))
    const tried = await recent.tried
    if (tried && 'failure' in tried && mayTryAgain(tried.failure, spec, delivery)) {
      this.#recent.forget(key, recent)
      const { failure } = tried
      log.debug(`will be tried again: ${failure.message}`, { ...labels, cause: failure.failure })
      const http = failure.failure === 'throttled' ? 429 : 503
      return retry(http, failure.failure.toUpperCase(), failure.message, delivery, failure.retryAfterMs)
    }
    const recorded = await this.#recent.record(recent, async () => {
      if (!tried) throw new Error('an attempt without an outcome')
      const row = await this.#writeRow(spec, tried)
      if (row.status === 'ok') log.debug('answered', labels)
      else log.warning(`failed: ${row.error_message}`, { ...labels, cause: row.cause })
      return { status: row.status, ...(row.cause === undefined ? {} : { cause: row.cause }) }
    })
    return { kind: 'recorded', recorded }
  }

  /** Never rejects. */
  async #try(spec: RunSpec, task: TaskPayload): Promise<Tried> {
    const { clock, newAttemptId } = this.#deps
    const startedMs = clock.now()
    const outcome = await this.#answer(spec, task).then(
      (answer) => ({ answer }),
      (error: unknown) => ({ failure: this.#failure(error, task) }),
    )
    return { attempt: { id: newAttemptId(), task, spec, startedMs, finishedMs: clock.now() }, ...outcome }
  }

  async #answer(spec: RunSpec, task: TaskPayload): Promise<Answer> {
    if (task.observations.length === 0) throw noImages()
    const limitMs = spec.limits.attempt_timeout_ms
    const abort = new AbortController()
    const late = (): Error => {
      abort.abort()
      return timedOut(limitMs)
    }
    const asked = this.#deps.modelFor(spec).then((model) => model.answer(task, { signal: abort.signal }))
    try {
      return await within(this.#deps.clock, limitMs, asked, late)
    } catch (error) {
      throw abort.signal.aborted ? timedOut(limitMs) : error
    }
  }

  /** Any thrown value as a failure. What nobody foresaw is tried again too: the row of the last try then tells. */
  #failure(error: unknown, task: TaskPayload): AttemptFailure {
    if (error instanceof AttemptFailure) return error
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof CloudError) {
      const cause = CLOUD_CAUSES[error.status] ?? 'model_error'
      return new AttemptFailure(cause, message, { retryable: error.retryable, cause: error })
    }
    this.#deps.log.error(`the model threw: ${message}`, { run_id: task.run_id, asset_id: task.asset_id, error })
    return new AttemptFailure('model_error', message, { retryable: true, cause: error })
  }

  async #writeRow(spec: RunSpec, tried: Tried): Promise<AttemptRow> {
    const table = { projectId: spec.tables.projectId, dataset: spec.tables.dataset, table: spec.tables.attempts }
    if ('failure' in tried) {
      const { failure, message, known } = tried.failure
      const status = failure === 'throttled' ? 'throttled' : 'failed'
      return this.#append(table, failedRow(tried.attempt, { status, cause: failure, message, known }))
    }
    try {
      return await this.#append(table, answeredRow(tried.attempt, tried.answer))
    } catch (error) {
      if (!(error instanceof RowRejected)) throw error
      return this.#append(table, refusedRow(tried.attempt, tried.answer, error.message))
    }
  }

  async #append(table: TableName, row: AttemptRow): Promise<AttemptRow> {
    await this.#deps.ledger.append(table, row)
    return row
  }
}

const CLOUD_CAUSES = { RESOURCE_EXHAUSTED: 'throttled', DEADLINE_EXCEEDED: 'timeout' } as Partial<
  Record<CloudError['status'], AttemptFailure['failure']>
>

function noImages(): AttemptFailure {
  return new AttemptFailure('unreadable_image', 'the source names no image of this asset', { retryable: false })
}

function timedOut(limitMs: number): AttemptFailure {
  return new AttemptFailure('timeout', `no answer within ${limitMs / 1_000} s`, { retryable: true })
}

/**
 * Whether Cloud Tasks will deliver the task once more after this: `maxAttempts` counts the first
 * delivery (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#retryconfig).
 */
function mayTryAgain(failure: AttemptFailure, spec: RunSpec, delivery: Delivery): boolean {
  return failure.retryable && delivery.retryCount + 1 < spec.limits.max_attempts
}

function retry(
  http: 429 | 503,
  code: string,
  message: string,
  { retryCount }: Delivery,
  retryAfterMs = Math.min(LONGEST_RETRY_AFTER_SECONDS, 2 ** retryCount) * 1_000,
): ProcessOutcome {
  return { kind: 'retry', http, code, message, retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)) }
}
