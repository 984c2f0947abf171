import type { RunControls, RunStop } from '../../src/contracts/run-controls.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import type { BudgetVersion } from '../../src/run-data/run-budget.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { RunLimits } from '../../src/runtime/limits/run-limits.ts'
import { RunStops } from '../../src/runtime/run-stops.ts'
import { fakeLog, RUN_ID } from './fixtures.ts'

/** The objects of one run in a bucket that every instance sees, in memory. */
export class FakeRunObjects {
  controls: RunControls = { v: 1, run_id: RUN_ID, max_cost_usd: null, max_failures: null, notify_topic: null }
  stop: RunStop | undefined
  budget: BudgetVersion | undefined
  /** Every change of the budget, for tests of how often it changes. */
  budgetWrites = 0
  ledgerUsd: () => number = () => 0
  /** What the bucket waits for before it stores a stop. */
  beforeStop: Promise<unknown> = Promise.resolve()
  /** What the bucket waits for before it gives the limits. */
  beforeControls: Promise<unknown> = Promise.resolve()
  /** Publishes the message about a stop. */
  notify: (spec: RunSpec) => Promise<unknown> = async () => undefined
  reads = 0

  /** What `RunLimits` reads and writes. */
  access() {
    return {
      controls: async () => {
        this.reads += 1
        await this.beforeControls
        return this.controls
      },
      recordStop: async (_spec: RunSpec, stop: RunStop) => {
        await this.beforeStop
        const isFirst = this.stop === undefined
        this.stop ??= stop
        return isFirst
      },
      read: async () => this.budget && structuredClone(this.budget),
      write: async (_spec: RunSpec, { budget, generation }: BudgetVersion) => {
        if (generation !== this.budget?.generation) return false
        this.budgetWrites += 1
        this.budget = { budget: structuredClone(budget), generation: String(Number(generation ?? 0) + 1) }
        return true
      },
    }
  }

  /** The limits of an instance that works on this run. */
  limits(clock: Clock, instanceId = 'instance-1'): RunLimits {
    const { read, write, ...others } = this.access()
    const stops = new RunStops({ read: async () => this.stop, clock })
    const ledgerCost = async () => ({ usd: this.ledgerUsd(), unknown: 0 })
    return new RunLimits({
      ...others,
      stops,
      notify: (spec) => this.notify(spec),
      budgets: { read, write, ledgerCost },
      instanceId,
      clock,
      log: fakeLog().log,
    })
  }
}
