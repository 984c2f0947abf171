import type { StopReason } from './run-controls.ts'
import type { RunReport } from './run-report.ts'

/** What a run has done so far, if it is known. */
type SoFar = Partial<Pick<RunReport, 'units' | 'cost_usd'>>

/** Returns the command that continues a stopped run, without the flags of its cloud. */
export function continueCommand(runId: string, reason: StopReason, sofar: SoFar = {}): string {
  return reason === 'max_cost'
    ? `imagery resume ${runId} --max-cost ${expectedCost(sofar) ?? 'MORE'}`
    : reason === 'max_failures'
      ? `imagery resume ${runId} --max-failures none`
      : `imagery resume ${runId}`
}

/** The cost of the whole run if its other assets cost as much, with room for a tenth more; two digits are enough. */
function expectedCost({ units, cost_usd: cost = 0 }: SoFar): string | undefined {
  const done = units ? units.ok + units.failed : 0
  if (!units || done === 0 || cost === 0) return undefined
  const usd = (cost / done) * units.total * 1.1
  const digit = 10 ** (Math.floor(Math.log10(usd)) - 1)
  return String(Number((Math.ceil(usd / digit) * digit).toPrecision(2)))
}
