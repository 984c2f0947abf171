import type { RunBudget } from '../../contracts/run-budget.ts'
import { callsPerInstance } from '../../contracts/concurrency.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { BudgetVersion, LedgerCost } from '../../run-data/run-budget.ts'
import { backoffMs, sleep, type CancelTimer, type Clock } from '../clock.ts'
import { CallCosts } from './call-costs.ts'
import { abandonedLeases, LEASE_MS, share, type Shared } from './shares.ts'

/** Where the budgets of runs are. */
export interface BudgetStore {
  read: (spec: RunSpec) => Promise<BudgetVersion | undefined>
  /** Returns false if the version that was read is no longer the newest. */
  write: (spec: RunSpec, version: BudgetVersion) => Promise<boolean>
  ledgerCost: (spec: RunSpec) => Promise<LedgerCost>
}

/** The money set aside for one attempt. Amounts are billionths of a US dollar. */
export interface Reservation {
  /** Replaces it by what the attempt cost; undefined if that is unknown, which counts as the amount set aside. */
  charge: (nanousd: number | undefined) => void
  /** The attempt's row is in the ledger. */
  recorded: () => void
}

/** How long a call waits for money that calls in progress may leave. Its task is then delivered again. */
const LONGEST_WAIT_MS = 15_000
const LOOK_MS = 2_000

/** Between two changes by all instances together: an object takes about one a second (https://cloud.google.com/storage/quotas). */
const WRITE_EVERY_MS = 1_000

/** After this long without a call, an instance gives back what it does not use. */
const IDLE_MS = 3_000

/** Conflicts with other instances that one change survives. */
const MOST_TRIES = 12
const BACKOFF = { firstMs: 100, longestMs: 2_000 }

/**
 * What this instance may spend of one run's cap. It holds a lease on part of the cap, in `budget.json`, and starts a call
 * only with money from it. All leases together with what was spent never exceed the cap, so the run exceeds it only by
 * what the calls in progress cost more than was set aside for them.
 */
export class Spending {
  readonly #id: string
  readonly #store: BudgetStore
  readonly #clock: Clock
  readonly #costs = new CallCosts()
  #held = 0
  #expiresMs = 0
  /** The cap that the lease is part of. */
  #cap = 0
  #charged = 0
  #recorded = 0
  #reserved = 0
  #waiting = 0
  #nextWriteMs = 0
  #hadLease = false
  #spent = 0
  #changing: Promise<Shared['outcome']> | undefined
  #cancelIdle: CancelTimer | undefined

  /** @param options.id of this instance, unlike every other's */
  constructor(options: { id: string; store: BudgetStore; clock: Clock }) {
    this.#id = options.id
    this.#store = options.store
    this.#clock = options.clock
  }

  /**
   * Sets money aside for one attempt. `wait`: other calls hold it now. `spent`: what is left of the cap is too little
   * for a call. Rejects with CloudError when the budget cannot be read or changed.
   *
   * @param spec the run's, perhaps with the settings of a retry
   */
  async reserve(spec: RunSpec, capUsd: number): Promise<Reservation | 'wait' | 'spent'> {
    this.#cancelIdle?.()
    this.#cancelIdle = undefined
    const untilMs = this.#clock.now() + Math.min(LONGEST_WAIT_MS, spec.limits.turn_timeout_ms / 4)
    this.#waiting += 1
    try {
      for (;;) {
        // A lease on part of a higher cap, which a resume has lowered since, can be more than what is left.
        const reservation = this.#cap > toNanousd(capUsd) ? undefined : this.#take(spec)
        if (reservation) {
          this.#renewInTime(spec, capUsd)
          return reservation
        }
        const outcome = await this.#change(spec, capUsd)
        if (outcome === 'spent') return outcome
        if (outcome === 'granted') continue
        if (this.#clock.now() >= untilMs) return outcome
        await sleep(this.#clock, LOOK_MS)
      }
    } finally {
      this.#waiting -= 1
      this.#restWhenIdle(spec)
    }
  }

  /** What is known to be spent, in US dollars. */
  get spentUsd(): number {
    return this.#spent / NANO_PER_USD
  }

  /** Gives back what no call uses: the instance stops. Never rejects. */
  async close(spec: RunSpec): Promise<void> {
    // A lease that is not given back is free when it has expired.
    await this.#changing?.catch(() => undefined)
    if (this.#held > 0 || this.#recorded > 0) await this.#change(spec, undefined).catch(() => undefined)
  }

  #take(spec: RunSpec): Reservation | undefined {
    const free = this.#held - this.#charged - this.#reserved
    const call = this.#costs.highest(spec)
    const isEnough = free >= call || (this.#costs.isGuess(spec) && free > 0 && this.#reserved === 0)
    if (!isEnough || this.#clock.now() >= this.#expiresMs) return undefined
    const amount = Math.min(free, call)
    this.#reserved += amount
    let charged: number | undefined
    let isRecorded = false
    return {
      charge: (nanousd) => {
        if (charged !== undefined) return
        charged = nanousd ?? amount
        this.#reserved -= amount
        this.#charged += charged
        if (nanousd !== undefined && nanousd > 0) this.#costs.add(spec, nanousd)
        this.#restWhenIdle(spec)
      },
      recorded: () => {
        if (isRecorded || charged === undefined) return
        isRecorded = true
        this.#recorded += charged
      },
    }
  }

  /** A lease is renewed while it can still be used, so that no call waits for it. */
  #renewInTime(spec: RunSpec, capUsd: number): void {
    if (this.#expiresMs - this.#clock.now() > LEASE_MS / 2) return
    this.#change(spec, capUsd).catch(() => undefined)
  }

  #restWhenIdle(spec: RunSpec): void {
    if (this.#reserved > 0 || this.#waiting > 0 || this.#held === 0) return
    this.#cancelIdle?.()
    this.#cancelIdle = this.#clock.after(IDLE_MS, () => {
      this.#cancelIdle = undefined
      if (this.#reserved === 0 && this.#waiting === 0) void this.close(spec)
    })
  }

  /**
   * One change at a time, for all calls that wait for it.
   *
   * @param capUsd undefined to give back what is not used
   */
  #change(spec: RunSpec, capUsd: number | undefined): Promise<Shared['outcome']> {
    const cap = capUsd === undefined ? undefined : toNanousd(capUsd)
    this.#changing ??= this.#update(spec, cap).finally(() => {
      this.#changing = undefined
    })
    return this.#changing
  }

  async #update(spec: RunSpec, cap: number | undefined): Promise<Shared['outcome']> {
    let isCounted = false
    if (cap !== undefined) await sleep(this.#clock, Math.max(0, this.#nextWriteMs - this.#clock.now()))
    for (let tries = 1; ; tries += 1) {
      const read = await this.#store.read(spec)
      // The run was torn down, and nothing may be left behind.
      if (!read && (this.#hadLease || cap === undefined)) return 'wait'
      const { budget, generation } = read ?? { budget: await this.#firstBudget(spec), generation: undefined }
      this.#costs.learn(budget.call_nanousd)
      this.#forgetIfFreed(budget)
      const recorded = this.#recorded
      const nowMs = this.#clock.now()
      const mine = { id: this.#id, recorded, charged: this.#charged, reserved: this.#reserved }
      const wish =
        cap === undefined
          ? undefined
          : {
              call: this.#costs.highest(spec),
              isGuess: this.#costs.isGuess(spec),
              waiting: Math.max(1, this.#waiting),
            }
      const { budget: after, outcome } = share(budget, mine, wish, { cap: cap ?? 0, nowMs })
      if (wish && outcome !== 'granted' && !isCounted) {
        isCounted = true
        if (await this.#freeAbandoned(spec, { budget, generation })) continue
      }
      const call_nanousd = this.#costs.known(spec) ?? budget.call_nanousd
      if (after === budget || (await this.#write(spec, { budget: { ...after, call_nanousd }, generation }))) {
        const lease = after.leases[this.#id]
        if (after !== budget) this.#nextWriteMs = nowMs + WRITE_EVERY_MS * Math.max(1, Object.keys(after.leases).length)
        this.#hadLease ||= read !== undefined || after !== budget
        this.#spent = after.spent_nanousd + this.#charged - recorded
        this.#held = lease?.held_nanousd ?? 0
        this.#expiresMs = lease ? Date.parse(lease.expires_at) : 0
        this.#cap = cap ?? this.#cap
        this.#charged -= recorded
        this.#recorded -= recorded
        return outcome
      }
      if (tries === MOST_TRIES) throw busy(spec)
      await sleep(this.#clock, backoffMs(tries, BACKOFF))
    }
  }

  /** Another instance has freed this one's lease after it expired, and has counted what it spent from the ledger. */
  #forgetIfFreed(budget: RunBudget): void {
    if (this.#held === 0 || budget.leases[this.#id]) return
    this.#held = 0
    this.#expiresMs = 0
    this.#charged -= this.#recorded
    this.#recorded = 0
  }

  /**
   * Counts the ledger instead of the leases of instances that are gone. Their last calls may have been billed without a
   * row, so the most that those can have cost stays taken. Returns whether there were any.
   */
  async #freeAbandoned(spec: RunSpec, { budget, generation }: BudgetVersion): Promise<boolean> {
    const abandoned = abandonedLeases(budget, this.#id, this.#clock.now(), spec.limits.attempt_timeout_ms)
    if (abandoned.length === 0) return false
    const lastCalls = (callsPerInstance(spec.limits) ?? Number.POSITIVE_INFINITY) * this.#costs.highest(spec)
    const held = abandoned.map((id) => budget.leases[id]?.held_nanousd ?? 0)
    const lost = held.reduce((sum, one) => sum + Math.min(one, lastCalls), 0)
    const atMost = held.reduce((sum, one) => sum + one, budget.spent_nanousd)
    // What this instance has not reported is in the ledger too.
    const counted = Math.max(budget.spent_nanousd, (await this.#ledgerNanousd(spec)) - this.#recorded)
    const spent_nanousd = Math.min(atMost, counted + lost)
    const leases = Object.fromEntries(Object.entries(budget.leases).filter(([id]) => !abandoned.includes(id)))
    await this.#write(spec, { budget: { ...budget, spent_nanousd, leases }, generation })
    return true
  }

  async #firstBudget(spec: RunSpec): Promise<RunBudget> {
    const spent_nanousd = await this.#ledgerNanousd(spec)
    return { v: 1, run_id: spec.run_id, spent_nanousd, call_nanousd: null, leases: {} }
  }

  async #ledgerNanousd(spec: RunSpec): Promise<number> {
    const { usd, unknown } = await this.#store.ledgerCost(spec)
    return toNanousd(usd) + unknown * this.#costs.highest(spec)
  }

  /** Too many updates of the object count as a conflict. */
  async #write(spec: RunSpec, version: BudgetVersion): Promise<boolean> {
    try {
      return await this.#store.write(spec, version)
    } catch (error) {
      if (error instanceof CloudError && error.status === 'RESOURCE_EXHAUSTED') return false
      throw error
    }
  }
}

const NANO_PER_USD = 1_000_000_000

function toNanousd(usd: number): number {
  return Math.round(usd * NANO_PER_USD)
}

function busy({ run_id: runId }: RunSpec): CloudError {
  return new CloudError('ABORTED', `the budget of run ${runId} was changed by other instances each time`)
}
