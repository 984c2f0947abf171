import { isDeepStrictEqual } from 'node:util'
import { ImageryError } from '../../contracts/errors.ts'
import { exactUsd, usdText } from '../../contracts/prices.ts'
import { defaultMaxFailures, failureControls, failureLimitOf, type FailureLimit } from '../../contracts/run-controls.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { ifFound } from '../../google/transport/errors.ts'
import { currentGeneration } from '../../run-data/rounds.ts'
import { ledgerCost, readBudget, type LedgerCost } from '../../run-data/run-budget.ts'
import { changeRunControls, runControlsOf } from '../../run-data/run-stop.ts'

/** The limits that a command sets; an absent one stays as it is. */
export interface LimitChoice {
  /** US dollars. */
  maxCost?: number | undefined
  maxFailures?: FailureLimit | undefined
}

/**
 * Changes the limits of a run before it goes on. A run whose tasks no command has published yet, such as a sample, gets
 * the limit on failures that a run has by default.
 *
 * @param options.units of the run; 0 before they are counted, and the limits are then changed again once they are
 * @param options.command what the user typed, to suggest it with a higher cap: `resume 261123-9f3c1a7b`
 * @throws ImageryError COST_LIMIT, and changes nothing, if the run has spent its cap
 */
export async function changeLimits(
  spec: RunSpec,
  { maxCost, maxFailures }: LimitChoice,
  options: { units: number; command: string; flags: string },
): Promise<void> {
  const [before, begun] = await Promise.all([runControlsOf(spec), currentGeneration(spec)])
  // The command that started the run can have died before it counted its units.
  const units = options.units === 0 ? undefined : options.units
  const byDefault = begun || spec.gemini === null || units === undefined ? null : defaultMaxFailures(units)
  const { max_failures: _, max_failures_percent: __, ...others } = before
  const meant = maxFailures === undefined ? (failureLimitOf(before) ?? byDefault) : maxFailures
  const cap = maxCost ?? before.max_cost_usd
  if (cap !== null && spec.gemini !== null) await refuseSpentCap(spec, cap, options)
  const after = { ...others, max_cost_usd: cap, ...failureControls(meant, units) }
  if (!isDeepStrictEqual(after, before)) await changeRunControls(spec, after)
}

async function refuseSpentCap(
  spec: RunSpec,
  cap: number,
  { command, flags }: { command: string; flags: string },
): Promise<void> {
  const [{ usd, unknown }, version] = await Promise.all([costSoFar(spec), readBudget(spec)])
  const call = (version?.budget.call_nanousd ?? 0) / 1e9
  const spent = exactUsd(usd + unknown * call)
  const left = cap - spent
  if (left > 0 && left >= call) return
  const rest = left > 0 ? `, and ${usdText(left)} are too little for another one` : ''
  throw new ImageryError(
    'COST_LIMIT',
    `The calls of run ${spec.run_id} have cost ${usdText(spent)} of --max-cost ${cap}${rest}. Nothing was changed`,
    { suggestions: [suggestedCommand(`${command} --max-cost MORE`, flags)] },
  )
}

/** A run whose command died early has no ledger yet. */
async function costSoFar(spec: RunSpec): Promise<LedgerCost> {
  return (await ifFound(ledgerCost(spec))) ?? { usd: 0, unknown: 0 }
}
