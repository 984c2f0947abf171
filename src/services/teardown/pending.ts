import { usdText } from '../../contracts/prices.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { runReport } from '../runs/report.ts'
import type { TeardownContext } from './run.ts'
import { countText, counted } from '../../contracts/count-text.ts'

/**
 * Returns what a teardown of a run ends for good, as a sentence for the confirmation; undefined if no unit is pending, or
 * another teardown has stopped the run already. A run that cannot be counted may have pending units.
 */
export async function pendingWork({
  spec,
  record,
  runId,
}: Pick<TeardownContext, 'spec' | 'record' | 'runId'>): Promise<string | undefined> {
  if (!spec || record?.kind !== 'recorded') return undefined
  try {
    const report = await runReport(spec)
    return report.units.pending > 0 ? `Run ${runId} has ${pendingText(report)}. ${LOST}` : undefined
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    return `Run ${runId} cannot be counted (${error.message}), so it may have pending assets. ${LOST}`
  }
}

const LOST = 'After a teardown, no command can continue it'

/** `380 of 500 assets pending, and $0.1234 was spent` */
function pendingText({ units: { pending, total }, cost_usd: cost, answers }: RunReport): string {
  const spent =
    cost === 0
      ? 'nothing was spent'
      : `${usdText(cost)} was spent${answers?.billed === false ? ' by the price list' : ''}`
  return `${countText(pending)} of ${counted(total, 'asset')} pending, and ${spent}`
}
