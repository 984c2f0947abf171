import type { TaskPayload } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { runTable, type FinalRow, type KeyedUnit } from '../../run-data/run-tables.ts'
import type { Clock } from '../clock.ts'
import {
  answeredRow,
  attemptNanousd,
  failedRow,
  refusedRow,
  type Attempt,
  type AttemptRow,
} from '../ledger/attempt-row.ts'
import { RowRejected, type Ledger } from '../ledger/ledger.ts'
import type { Limits } from '../limits/limits-when-needed.ts'
import type { UnitWatch } from '../limits/run-limits.ts'
import type { Reservation } from '../limits/spending.ts'
import type { Logger } from '../log.ts'
import { AttemptFailure, type Answer, type Known, type Model } from '../models/model.ts'
import { specWith } from '../run-overrides.ts'
import { RunNotFound, type RunSpecs } from '../run-specs.ts'
import { RunStopped, type RunStops } from '../run-stops.ts'
import type { Shutdown } from '../shutdown.ts'
import { isFree, mayBePaidFor, mayTryAgain, retry, type Delivery, type RetryLater } from './deliveries.ts'
import { RecentLookups } from './recent-lookups.ts'
import { RecentAttempts, type RecentAttempt, type Recorded } from './recent-attempts.ts'
import { timedAnswer } from './timed-answer.ts'

/** The outcome of a task delivery, which determines the response to Cloud Tasks. */
export type ProcessOutcome =
  | { kind: 'recorded'; recorded: Recorded }
  /** The run was torn down: there is nothing left to do, and no table to write to. */
  | { kind: 'run_gone' }
  /** Nothing was tried, because the run's answers must come from something that is not here. */
  | { kind: 'waits'; message: string }
  /** Nothing was tried, because the run was stopped before its end. */
  | { kind: 'stopped'; message: string }
  | RetryLater

/**
 * What became of a probed unit: its row is durable, or there is none. A failure that can pass, or that every other
 * unit would have too, leaves the unit pending.
 */
export type ProbeOutcome =
  | ({ kind: 'recorded'; message?: string; costUsd?: number } & Recorded)
  | { kind: 'pending'; failure: AttemptFailure }

export interface ProcessDeps {
  specs: RunSpecs
  stops: RunStops
  /** The limits that stop a run before its end. */
  limits: { begin: Limits['begin']; watch: (spec: RunSpec) => UnitWatch | Promise<UnitWatch> }
  ledger: Pick<Ledger, 'append' | 'withWriter'>
  finalRows: { find(spec: RunSpec, unit: KeyedUnit & { generation: number }): Promise<FinalRow | undefined> }
  /** Keeps the snapshot of a run whose tasks arrive. */
  snapshots: { touch(spec: RunSpec): void }
  shutdown: Pick<Shutdown, 'begun' | 'over'>
  modelFor: (spec: RunSpec) => Promise<Model>
  /** Why a run's calls must not be sent from here (`geminiHere`). Absent on Google Cloud. */
  refusal?: ((spec: RunSpec) => Promise<string | undefined>) | undefined
  /** Who answers a run (`answererOf`). */
  answeredBy?: ((spec: RunSpec) => string) | undefined
  clock: Clock
  log: Logger
  newAttemptId: () => string
}

interface FailedTry {
  attempt: Attempt
  /** What was set aside for it; undefined if it needed no money. */
  money: Reservation | undefined
  watch: UnitWatch | undefined
  failure: AttemptFailure
}

type Tried = FailedTry | (Omit<FailedTry, 'failure'> & { answer: Answer })

/**
 * Processes tasks: loads the run's spec, calls the model, writes a durable row to the ledger. A
 * permanent failure gets a row too. A failure that may pass is retried, unless this was the unit's last
 * try. A request for a slower rate is not a try.
 */
export class TaskProcessor {
  readonly #deps: ProcessDeps
  readonly #recent = new RecentAttempts<Tried>(sizeOf)
  readonly #lookups: RecentLookups

  constructor(deps: ProcessDeps) {
    this.#deps = deps
    this.#lookups = new RecentLookups(deps.clock)
  }

  async process(task: TaskPayload, delivery: Delivery): Promise<ProcessOutcome> {
    return this.#deps.ledger.withWriter(() => this.#process(task, delivery))
  }

  async #process(task: TaskPayload, delivery: Delivery): Promise<ProcessOutcome> {
    const labels = taskLabels(task, delivery)
    try {
      const spec = specWith(await this.#deps.specs.get(task.run_id), task.overrides)
      this.#deps.snapshots.touch(spec)
      const message = await this.#deps.refusal?.(spec)
      if (message !== undefined) return { kind: 'waits', message }
      return await this.#processWith(spec, task, delivery)
    } catch (error) {
      if (error instanceof RunStopped) return { kind: 'stopped', message: error.message }
      if (await this.#deps.specs.isGone(task.run_id, error)) {
        this.#deps.log.warning('dropped a task: its run was torn down', labels)
        return { kind: 'run_gone' }
      }
      if (!(error instanceof CloudError)) throw error
      this.#deps.log.error(`could not finish the task: ${error.message}`, { ...labels, error })
      return retry(503, error.status, error.message, delivery)
    }
  }

  /**
   * Processes a unit before its task exists, unless the ledger has its row: a command can be killed after its probe was
   * paid. Rejects with RunNotFound, with RunStopped, and with CloudError when the ledger does not respond.
   *
   * @param spec the run's, perhaps with other limits
   * @param isRefusal whether a failure says nothing about the unit, which then gets no row
   */
  async probe(
    task: TaskPayload,
    spec: RunSpec,
    isRefusal: (failure: AttemptFailure) => boolean,
  ): Promise<ProbeOutcome> {
    const key = keyOf(task)
    const refused = await this.#deps.refusal?.(spec)
    if (refused !== undefined) throw new CloudError('FAILED_PRECONDITION', refused)
    if (!this.#recent.has(key)) {
      await this.#deps.stops.check(spec)
      const { unit_id: unitId, bucket, generation } = task
      const row = await this.#deps.finalRows.find(spec, { unitId, bucket, generation })
      if (row) return { kind: 'recorded', status: row.status, ...(row.cause === null ? {} : { cause: row.cause }) }
    }
    const recent = this.#recent.enter(key, () => this.#try(spec, task))
    const tried = await recent.tried
    if (tried && 'failure' in tried) {
      const { failure } = tried
      if (isEnd(failure.cause) || isRefusal(failure)) this.#recent.forget(key, recent)
      if (isEnd(failure.cause)) throw failure.cause
      if (failure.retryable) await this.#leaveCost(spec, key, recent, tried)
      if (failure.retryable || isRefusal(failure)) return { kind: 'pending', failure }
    }
    let row: AttemptRow | undefined
    const recorded = await this.#recent.record(recent, async () => {
      if (!tried) throw new Error('attempt has no outcome')
      row = await this.#writeRow(spec, tried)
      return { status: row.status, ...(row.cause === undefined ? {} : { cause: row.cause }) }
    })
    const message = row?.error_message
    const costUsd = row?.['cost_usd']
    return {
      kind: 'recorded',
      ...recorded,
      ...(message === undefined ? {} : { message }),
      ...(typeof costUsd === 'number' ? { costUsd } : {}),
    }
  }

  async #processWith(spec: RunSpec, task: TaskPayload, delivery: Delivery): Promise<ProcessOutcome> {
    const { log } = this.#deps
    const labels = taskLabels(task, delivery)
    const key = keyOf(task)
    const { begun } = this.#deps.shutdown
    // Nothing was tried, so the delivery does not count.
    if (begun.aborted) return retry(429, 'STOPPING', messageOf(begun.reason), delivery)
    // An answer that is already paid for is still recorded.
    if (!this.#recent.has(key)) await this.#deps.stops.check(spec)
    if (!this.#recent.has(key) && this.#recent.isFull(task.run_id))
      return retry(429, 'LEDGER_BEHIND', 'too many answers wait until the ledger accepts their rows', delivery)
    if (!this.#recent.has(key) && mayBePaidFor(spec, task, delivery, this.#lookups.has(key))) {
      const recorded = await this.#recordedBefore(spec, task, delivery)
      if (recorded) return { kind: 'recorded', recorded }
      this.#lookups.add(key)
    }
    const recent = this.#recent.enter(key, () => this.#try(spec, task))
    const tried = await recent.tried
    if (tried && 'failure' in tried && isEnd(tried.failure.cause)) {
      this.#recent.forget(key, recent)
      throw tried.failure.cause
    }
    if (tried && 'failure' in tried && mayTryAgain(tried.failure, spec, delivery)) {
      const { failure } = tried
      await this.#leaveCost(spec, key, recent, tried)
      log.debug(`attempt failed, will retry: ${failure.message}`, { ...labels, cause: failure.failure })
      const http = isFree(failure) ? 429 : 503
      return retry(http, failure.failure.toUpperCase(), failure.message, delivery, failure.retryAfterMs)
    }
    const recorded = await this.#recent.record(recent, async () => {
      if (!tried) throw new Error('attempt has no outcome')
      const row = await this.#writeRow(spec, tried)
      if (row.status === 'ok') log.debug('answered', labels)
      else log.warning(`failed: ${row.error_message}`, { ...labels, cause: row.cause })
      return { status: row.status, ...(row.cause === undefined ? {} : { cause: row.cause }) }
    })
    // Another delivery of this task left the attempt for a retry.
    if (recorded.status === 'retrying') return retry(503, 'RETRYING', 'the attempt will be retried', delivery)
    return { kind: 'recorded', recorded }
  }

  /**
   * Looks up the ledger row of a unit that an earlier delivery, or a task of another generation, may have
   * written. While the ledger cannot be read, the task is delivered again, because its row could not be
   * written either. After a permanent failure, the task is processed anyway: a unit without a row is worse
   * than one that may be billed twice.
   *
   * @throws CloudError when the task should be delivered again
   */
  async #recordedBefore(spec: RunSpec, task: TaskPayload, delivery: Delivery): Promise<Recorded | undefined> {
    const { finalRows, log } = this.#deps
    try {
      const { unit_id: unitId, bucket, generation } = task
      const row = await finalRows.find(spec, { unitId, bucket, generation })
      if (!row) return undefined
      log.info('already has its row: the model is not called again', taskLabels(task, delivery))
      return { status: row.status, ...(row.cause === null ? {} : { cause: row.cause }) }
    } catch (error) {
      if (!(error instanceof CloudError)) throw error
      if (error.retryable || error.status === 'NOT_FOUND') throw error
      const what = `could not check the ledger for an earlier row: ${error.message}`
      log.error(`${what}; the model is called, possibly for the second time`, { ...taskLabels(task, delivery), error })
      return undefined
    }
  }

  /**
   * An attempt that will be retried needs no row, unless it was billed: then its row has the cost, and
   * the unit stays pending. The attempt is kept until that row is durable, so that the next delivery
   * does not pay again.
   */
  async #leaveCost(
    spec: RunSpec,
    key: string,
    recent: RecentAttempt<Tried>,
    { attempt, money, watch, failure }: FailedTry,
  ): Promise<void> {
    watch?.triedAgain()
    if (failure.known.usage === undefined) return this.#recent.forget(key, recent)
    await this.#recent.record(recent, async () => {
      const { failure: cause, message, known } = failure
      await this.#append(
        runTable(spec.tables, 'attempts'),
        failedRow(attempt, { status: 'retrying', cause, message, known }),
      )
      money?.recorded()
      // Before another delivery can mistake the attempt for a finished one.
      this.#recent.forget(key, recent)
      return { status: 'retrying', cause }
    })
  }

  /** Never rejects. */
  async #try(spec: RunSpec, task: TaskPayload): Promise<Tried> {
    const { clock, newAttemptId } = this.#deps
    let startedMs = clock.now()
    let billed: Known = {}
    let money: Reservation | undefined
    let watch: UnitWatch | undefined
    let isOver = false
    const onTurn = async (): Promise<void> => {
      // The wait for a turn can be long, and the run may have been torn down or stopped meanwhile.
      await this.#deps.stops.check(await this.#deps.specs.get(task.run_id))
      money = await this.#deps.limits.begin(spec)
      watch = await this.#deps.limits.watch(spec)
      // The attempt's time can be over before there is money for it.
      if (isOver) money?.charge(0)
      startedMs = clock.now()
    }
    const onBilled = (known: Known): void => void (billed = known)
    const outcome = await timedAnswer(this.#deps, spec, task, { onTurn, onBilled }).then(
      (answer) => ({ answer }),
      (error: unknown) => ({ failure: withBilled(this.#failure(error, task), billed) }),
    )
    isOver = true
    money?.charge(attemptNanousd(spec, 'answer' in outcome ? outcome.answer : outcome.failure.known))
    const answeredBy = this.#deps.answeredBy?.(spec)
    const attempt = { id: newAttemptId(), task, spec, startedMs, finishedMs: clock.now(), answeredBy }
    return { attempt, money, watch, ...outcome }
  }

  /**
   * Converts any thrown value to a failure. Unexpected errors are retried too; the row of the last try reports them.
   */
  #failure(error: unknown, task: TaskPayload): AttemptFailure {
    if (error instanceof AttemptFailure) return error
    const message = messageOf(error)
    if (error instanceof CloudError) {
      const cause = CLOUD_CAUSES[error.status] ?? 'model_error'
      const countsAsTry = error.status !== 'RESOURCE_EXHAUSTED'
      return new AttemptFailure(cause, message, { retryable: error.retryable, countsAsTry, cause: error })
    }
    if (isEnd(error)) return new AttemptFailure('model_error', message, { retryable: true, cause: error })
    this.#deps.log.error(`unexpected error of the model: ${message}`, { ...taskLabels(task), error })
    return new AttemptFailure('model_error', message, { retryable: true, cause: error })
  }

  async #writeRow(spec: RunSpec, tried: Tried): Promise<AttemptRow> {
    // Kept, because a row that the ledger does not accept is written again, and its unit counts once.
    const watch = (tried.watch ??= await this.#deps.limits.watch(spec))
    const counted = ({ status, cause, error_message = '', unit_id }: AttemptRow): Promise<void> | void =>
      status === 'ok' || cause === undefined ? watch.answered() : watch.failed({ cause, unit_id, error_message })
    const table = runTable(spec.tables, 'attempts')
    const isAnswer = 'answer' in tried
    const row = isAnswer ? await this.#appendAnswer(table, tried) : finalRow(tried)
    // A failure is counted before its row is durable, because other calls start meanwhile.
    await Promise.all([counted(row), isAnswer ? undefined : this.#append(table, row)])
    tried.money?.recorded()
    return row
  }

  async #appendAnswer(table: TableName, tried: Exclude<Tried, FailedTry>): Promise<AttemptRow> {
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

function finalRow({ attempt, failure: { failure, message, known } }: FailedTry): AttemptRow {
  return failedRow(attempt, {
    status: failure === 'throttled' ? 'throttled' : 'failed',
    cause: failure,
    message,
    known,
  })
}

const CLOUD_CAUSES = { RESOURCE_EXHAUSTED: 'throttled', DEADLINE_EXCEEDED: 'timeout' } as Partial<
  Record<CloudError['status'], AttemptFailure['failure']>
>

/** Whether the run ended before the unit's call. */
function isEnd(error: unknown): error is RunNotFound | RunStopped {
  return error instanceof RunNotFound || error instanceof RunStopped
}

/** About the bytes of an attempt's outcome. Texts take two bytes per character at most. */
function sizeOf(tried: Tried): { bytes: number; group: string } {
  const outcome = 'failure' in tried ? { ...tried.failure.known, message: tried.failure.message } : tried.answer
  return { bytes: 2 * JSON.stringify(outcome).length, group: tried.attempt.task.run_id }
}

function keyOf({ run_id, generation, unit_id }: TaskPayload): string {
  return `${run_id}\n${generation}\n${unit_id}`
}

function taskLabels({ run_id, asset_id, unit_id }: TaskPayload, delivery?: Delivery) {
  return { run_id, asset_id: asset_id ?? undefined, unit_id, ...(delivery ? { trace: delivery.trace } : {}) }
}

/** Adds the earlier billed usage to a failure, because a deadline does not know it. */
function withBilled(failure: AttemptFailure, billed: Known): AttemptFailure {
  if (billed.usage === undefined || failure.known.usage !== undefined) return failure
  const { failure: cause, message, retryable, countsAsTry, retryAfterMs } = failure
  return new AttemptFailure(cause, message, {
    retryable,
    countsAsTry,
    known: { ...billed, ...failure.known },
    cause: failure.cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
