import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { RunStops } from '../run-stops.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { RunLimits, UnitWatch } from './run-limits.ts'

/** What the main service uses of `RunLimits`. */
export type Limits = Pick<RunLimits, 'begin' | 'close'> & { watch: (spec: RunSpec) => Promise<UnitWatch> }

interface LimitsOptions {
  stops: RunStops
  instanceId: string
  clock: Clock
  log: Logger
}

/**
 * The limits of runs in the deployment's bucket. Loaded by the first call, because a new instance must pass its health
 * check first.
 */
export function limitsWhenNeeded(options: LimitsOptions): Limits {
  let loading: Promise<RunLimits> | undefined
  return {
    begin: async (spec) => (await (loading ??= load(options))).begin(spec),
    watch: async (spec) => (await (loading ??= load(options))).watch(spec),
    close: async () => (await loading)?.close(),
  }
}

async function load(options: LimitsOptions): Promise<RunLimits> {
  const [{ RunLimits: Loaded }, budgets, { recordRunStop, runControlsOf }] = await Promise.all([
    import('./run-limits.ts'),
    import('../../run-data/run-budget.ts'),
    import('../../run-data/run-stop.ts'),
  ])
  return new Loaded({
    ...options,
    controls: runControlsOf,
    recordStop: recordRunStop,
    notify: async (spec) => {
      const { notifyRun } = await import('../../run-data/notify-run.ts')
      return notifyRun(spec, { nowMs: options.clock.now(), looks: false })
    },
    budgets: { read: budgets.readBudget, write: budgets.writeBudget, ledgerCost: budgets.ledgerCost },
  })
}
