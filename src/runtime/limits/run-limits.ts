import { usdText } from '../../contracts/prices.ts'
import { MOST_FIRST_FAILURES, type RunControls, type RunStop } from '../../contracts/run-controls.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { failureKind } from '../../contracts/failure-kind.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { within, type Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import { AttemptFailure } from '../models/model.ts'
import { RunStopped, type RunStops } from '../run-stops.ts'
import { FailureStreak } from './failure-streak.ts'
import { FreshControls } from './fresh-controls.ts'
import { Spending, type BudgetStore, type Reservation } from './spending.ts'
import { counted } from '../../contracts/count-text.ts'

export interface RunLimitsOptions {
  controls: (spec: RunSpec) => Promise<RunControls>
  stops: RunStops
  /** Records why a run stops. Returns false if another instance or command has stopped it before. */
  recordStop: (spec: RunSpec, stop: RunStop) => Promise<boolean>
  /** Publishes the message about a stop (`notifyRun`). A heartbeat publishes one that fails. */
  notify: (spec: RunSpec) => Promise<unknown>
  budgets: BudgetStore
  /** Unlike that of every other instance. */
  instanceId: string
  clock: Clock
  log: Logger
}

/** One unit in progress, for the count of failures in a row. */
export interface UnitWatch {
  triedAgain: () => void
  answered: () => void
  /** Stops the run if its units have failed alike too often. Never rejects because the bucket does not respond. */
  failed: (failure: NonNullable<RunStop['failure']>) => Promise<void>
}

interface Run {
  spec: RunSpec
  streak: FailureStreak
  controls: FreshControls
  spending: Spending
  /** Settles when it is known whether the failures so far stop the run, and its stop is recorded. */
  judging: Promise<unknown>
  /** Whether the run was stopped here, and no call has seen since that it goes on. */
  isStopped: boolean
}

/** The task that stops a run waits at most this long for its message. */
const NOTIFY_MS = 10_000

/** Runs that this instance remembers. */
const MOST_RUNS = 64

/** The limits that stop a run before its end, for the units that this instance processes. */
export class RunLimits {
  readonly #options: RunLimitsOptions
  readonly #runs = new Map<string, Run>()

  constructor(options: RunLimitsOptions) {
    this.#options = options
  }

  /**
   * Called before the model is asked about a unit. Returns the money for the attempt; undefined if the run has no cap, or
   * its calls cost nothing.
   *
   * Rejects with RunStopped if what is left of the cap is too little for a call: the run is stopped then. Rejects with
   * AttemptFailure if other calls hold the rest of the cap, and with CloudError when the bucket does not respond.
   */
  async begin(spec: RunSpec): Promise<Reservation | undefined> {
    await this.#checkStop(spec)
    const money = await this.#reserve(spec)
    try {
      // The limits can be slow to read, and the wait for money can be long.
      await this.#checkStop(spec)
    } catch (error) {
      money?.charge(0)
      throw error
    }
    return money
  }

  /** No call starts while failures are judged, and after they have stopped the run until it is resumed. */
  async #checkStop(spec: RunSpec): Promise<void> {
    const run = this.#run(spec)
    for (let judged; judged !== run.judging; await judged) judged = run.judging
    if (!run.isStopped) return
    await this.#options.stops.checkNow(spec)
    run.isStopped = false
  }

  async #reserve(spec: RunSpec): Promise<Reservation | undefined> {
    if (isFree(spec)) return undefined
    const { controls, spending } = this.#run(spec)
    for (let { max_cost_usd: cap } = await controls.now(spec); ;) {
      if (cap === null) return undefined
      const reserved = await spending.reserve(spec, cap)
      if (reserved === 'wait') throw moneyInUse(cap)
      if (reserved !== 'spent') return reserved
      // A resume may have raised the cap meanwhile.
      const { max_cost_usd: latest } = await controls.look(spec)
      if (latest === cap) {
        const message = `Its calls have cost ${usdText(spending.spentUsd)} of --max-cost ${cap}, and the rest is too little for another one`
        await this.#stop(spec, { reason: 'max_cost', message, failure: null })
      }
      cap = latest
    }
  }

  /** Called when the work on a unit starts. Its failure counts for `max_failures` in the order of these calls. */
  watch(spec: RunSpec): UnitWatch {
    const { streak } = this.#run(spec)
    const unit = streak.start()
    return {
      triedAgain: () => void unit.end('tried again'),
      answered: () => void unit.end('answered'),
      failed: async (failure) => {
        const length = unit.end({ failed: streakKind(failure) })
        if (length === 0) return
        const run = this.#run(spec)
        const judged = this.#stopAfter(spec, length, failure)
        run.judging = Promise.allSettled([run.judging, judged]).then(() => undefined)
        await judged
      },
    }
  }

  /** Stops a run whose units fail alike. The failures so far keep their rows. */
  async #stopAfter(spec: RunSpec, length: number, failure: NonNullable<RunStop['failure']>): Promise<void> {
    const run = this.#run(spec)
    const { controls, streak } = run
    try {
      const { max_failures: most } = await controls.now(spec)
      const isFirst = !streak.hasAnswers
      if (most === null || length < (isFirst ? Math.min(most, MOST_FIRST_FAILURES) : most)) return
      streak.reset()
      run.isStopped = true
      const when = isFirst ? ' before any was answered' : ''
      const message = `${counted(length, 'asset')} in a row failed alike${when} (${failure.cause}), for example ${failure.unit_id}: ${failure.error_message}`
      await this.#stop(spec, { reason: 'max_failures', message, failure })
    } catch (error) {
      if (!(error instanceof CloudError) && !(error instanceof RunStopped)) throw error
      // The row of this unit is written anyway.
    }
  }

  /** Gives back what this instance holds of the runs' caps, because it stops. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ spec, spending }) => spending.close(spec)))
  }

  /** Rejects with RunStopped, unless a resume has just removed the stop. */
  async #stop(spec: RunSpec, why: Pick<RunStop, 'reason' | 'message' | 'failure'>): Promise<void> {
    const { recordStop, stops, clock, log } = this.#options
    const stopped_at = new Date(clock.now()).toISOString()
    const isFirst = await recordStop(spec, { v: 1, run_id: spec.run_id, stopped_at, ...why })
    if (isFirst) log.warning(`stopped run ${spec.run_id}: ${why.message}`, { run_id: spec.run_id, reason: why.reason })
    const notified = isFirst ? this.#notify(spec) : undefined
    try {
      await stops.checkNow(spec)
    } finally {
      // Cloud Run may give an instance no CPU after its last response.
      await notified
    }
  }

  async #notify(spec: RunSpec): Promise<void> {
    const { notify, clock, log } = this.#options
    const slow = (): Error => new Error(`no response within ${NOTIFY_MS / 1_000} s`)
    await within(clock, NOTIFY_MS, notify(spec), slow).catch((error: unknown) =>
      log.warning(`could not notify of the stop of run ${spec.run_id} yet`, { run_id: spec.run_id, error }),
    )
  }

  #run(spec: RunSpec): Run {
    const known = this.#runs.get(spec.run_id)
    if (known) return known
    const { instanceId, budgets, clock } = this.#options
    const run: Run = {
      spec,
      controls: new FreshControls(this.#options.controls, clock),
      streak: new FailureStreak(clock),
      spending: new Spending({ id: instanceId, store: budgets, clock }),
      judging: Promise.resolve(),
      isStopped: false,
    }
    this.#runs.set(spec.run_id, run)
    for (const [oldest, { spec: oldSpec, spending }] of this.#runs) {
      if (this.#runs.size <= MOST_RUNS) break
      this.#runs.delete(oldest)
      void spending.close(oldSpec)
    }
    return run
  }
}

/**
 * What makes failures alike. Answers that do not fit the schema differ from unit to unit, but many of them in a row have one
 * reason: a wrong prompt or schema.
 */
function streakKind({ cause, error_message: message }: NonNullable<RunStop['failure']>): string {
  return cause === 'schema' ? cause : failureKind(cause, message)
}

function isFree({ gemini }: RunSpec): boolean {
  return gemini === null || (gemini.price.input_nanousd === 0 && gemini.price.output_nanousd === 0)
}

function moneyInUse(cap: number): AttemptFailure {
  const message = `calls in progress may need the rest of --max-cost ${cap}`
  return new AttemptFailure('budget', message, { retryable: true, countsAsTry: false })
}
