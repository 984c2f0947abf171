import { usdText } from '../contracts/prices.ts'
import { stateName, type RunReport } from '../contracts/run-report.ts'
import { suggestedCommands } from '../contracts/suggested-command.ts'
import { plainLine } from './plain-text.ts'
import { formatTable } from './table.ts'

/** A terminal of this width also has room for each run's source. */
const WIDE = 100

/** The run ID contains the year. */
const HEADER = ['RUN', 'STARTED UTC', 'STATE', 'OK', 'FAILED', 'PENDING', 'COST', 'PROFILE']

export interface RunsLook {
  width: number
  /** The flags of the cloud for commands that continue a run. */
  flagsOf: (run: RunReport) => string
}

/** Formats a list of runs, one line each. */
export function formatRuns(runs: readonly RunReport[], { width, flagsOf }: RunsLook): string {
  const isWide = width >= WIDE
  const header = isWide ? [...HEADER, 'SOURCE'] : HEADER
  const rows = runs.map((run) => (isWide ? [...row(run), run.source] : row(run)))
  const table = formatTable(header, rows, width, HEADER.slice(0, -1))
  const notes = [
    ...(runs.some(isCostPartlyUnknown)
      ? ['A + after a cost means that the model did not report the usage of every answer.']
      : []),
    ...runs.flatMap((run) => stopNote(run, flagsOf(run))).slice(0, MOST_STOPS),
  ]
  return [table, ...notes].join('\n\n')
}

/** Explains this many stopped runs, newest first. */
const MOST_STOPS = 3

/** Why a limit stopped a run, and the command that continues it. A user knows why a run was canceled. */
function stopNote({ run_id: runId, stopped }: RunReport, flags: string): string[] {
  if (!stopped?.next || !stopped.reason.startsWith('max_')) return []
  const commands = [...(stopped.failure_next ? [stopped.failure_next] : []), stopped.next]
  const lines = commands.map((command) => `\n  ${plainLine(suggestedCommands(command, flags))}`)
  return [`${runId} was stopped: ${plainLine(stopped.message)}${lines.join('')}`]
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
