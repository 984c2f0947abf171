import { usdText } from '../contracts/prices.ts'
import { stateName, type RunReport } from '../contracts/run-report.ts'
import { formatTable } from './table.ts'

/** A terminal of this width also has room for each run's source. */
const WIDE = 100

/** The run ID contains the year. */
const HEADER = ['RUN', 'STARTED UTC', 'STATE', 'OK', 'FAILED', 'PENDING', 'COST', 'PROFILE']

/** Formats a list of runs, one line each. */
export function formatRuns(runs: readonly RunReport[], width: number): string {
  const isWide = width >= WIDE
  const header = isWide ? [...HEADER, 'SOURCE'] : HEADER
  const rows = runs.map((run) => (isWide ? [...row(run), run.source] : row(run)))
  const table = formatTable(header, rows, width, HEADER.slice(0, -1))
  return runs.some(isCostPartlyUnknown)
    ? `${table}\n\nA + after a cost means that the model did not report the usage of every answer.`
    : table
}

function row(run: RunReport): unknown[] {
  const { run_id: runId, started_at: started, units, profile } = run
  const cost = `${usdText(run.cost_usd)}${isCostPartlyUnknown(run) ? '+' : ''}`
  const at = started.slice('2026-'.length, '2026-11-30T16:18'.length).replace('T', ' ')
  return [runId, at, stateName(run), units.ok, units.failed, units.pending, cost, profile]
}

function isCostPartlyUnknown({ answers_without_usage: unknown = 0 }: RunReport): boolean {
  return unknown > 0
}
