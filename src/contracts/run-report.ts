import type { Carried } from './carry.ts'
import type { Cause } from './causes.ts'
import type { RunStop, StopReason } from './run-controls.ts'
import type { Throttling } from './run-pacing.ts'
import type { RunPace } from './run-progress.ts'
import { countText, counted } from './count-text.ts'

/**
 * The state of a run. There is no `stalled` state: a run with units left and no queued work is `paused`.
 * A run that is `loading` its source is not recorded yet and cannot be resumed.
 */
export type RunState = 'loading' | 'starting' | 'running' | 'paused' | 'complete' | 'torn_down'

const STOPPED_STATES: Record<StopReason, string> = {
  canceled: 'canceled',
  max_cost: 'max cost',
  max_failures: 'failures',
  sample: 'sample',
}

/** Returns a run's state in one or two words: `canceled`, `max cost`, `torn down`. */
export function stateName({ state, stopped }: Pick<RunReport, 'state' | 'stopped'>): string {
  return state === 'paused' && stopped ? STOPPED_STATES[stopped.reason] : state.replace('_', ' ')
}

/** Returns the same for a sentence: `canceled`, `stopped (max cost)`, `torn down`. */
export function stateText(report: Pick<RunReport, 'state' | 'stopped'>): string {
  const { state, stopped } = report
  const isLimit = state === 'paused' && stopped !== undefined && stopped.reason !== 'canceled'
  return isLimit ? `stopped (${stateName(report)})` : stateName(report)
}

/** Failures with one cause and the same message, apart from URIs, quoted values and counts. */
export interface FailureGroup {
  cause: Cause
  units: number
  /** The failed unit with the lowest ID. */
  example: { unit_id: string; error_message: string }
  /** The next command if one can help, else the fix. */
  next: string
}

/** Says what is wrong with a run whose ledger has rows of other units. */
export function strayRowsText({ rows, unit_id: unit }: NonNullable<RunReport['stray_rows']>, ledger: string): string {
  return `${counted(rows, 'row')} of the ledger ${ledger} ${rows === 1 ? 'is' : 'are'} of no unit of the run, for example ${JSON.stringify(unit)}: no result has them, although their answers were paid for`
}

/** `1 of 3 assets is pending`, `380 of 500 assets are pending` */
export function pendingText({ pending, total }: Pick<RunReport['units'], 'pending' | 'total'>): string {
  return `${countText(pending)} of ${counted(total, 'asset')} ${pending === 1 ? 'is' : 'are'} pending`
}

/** Who answers a run's calls to Gemini. */
export interface Answers {
  /** `Vertex AI`, `script:FILE`, `replay:FILE`, `forward`, or the URL of the user's own endpoint. */
  by: string
  /** Whether the answers are billed: a stand-in bills nothing. Null for the user's own endpoint. */
  billed: boolean | null
  /** False if the running local cloud has something else, so that the run's tasks wait. */
  available: boolean
}

/** The JSON of run, status, resume and retry. A stable interface: members can be added, never changed. */
export interface RunReport {
  run_id: string
  state: RunState
  /** Why the run was stopped before its end. Absent if it was not, or was resumed since. */
  stopped?: Pick<RunStop, 'reason' | 'message' | 'failure' | 'stopped_at'> & {
    /** The command that continues the run. Absent in a report of an earlier version. */
    next?: string
    /** What to do about the failures that stopped the run, as in `failure_groups`. Absent after another stop. */
    failure_next?: string
  }
  profile: string
  source: string
  units: { total: number; ok: number; failed: number; pending: number }
  /** What the run carried over from earlier runs. Absent if it asks for every unit. */
  carried?: Omit<Carried, 'v'>
  causes: Partial<Record<Cause, number>>
  /** Some of the failed assets (at most 20), with their reasons. */
  failures: { unit_id: string; asset_id: string | null; cause: Cause; error_message: string }[]
  /** The kinds of failures, most common first (at most 20). Absent before the run has results of its own. */
  failure_groups?: FailureGroup[]
  /** Absent for the pixels model, which is not billed. */
  answers?: Answers
  /** Without the attempts whose cost is unknown. */
  cost_usd: number
  /**
   * What the run will have cost if the units without a row cost as much as the others did. Absent before the first
   * answer, and for a run that is complete or costs nothing.
   */
  cost_expected_usd?: number
  /** The most that the run's calls may cost. Absent without such a limit. */
  max_cost_usd?: number
  /** How fast the run goes, and when it will end. Absent if it does not run, and in its first minutes. */
  pace?: RunPace
  /** How the model accepts the calls. Absent if the run does not run, and before a heartbeat has seen calls. */
  throttling?: Throttling
  /** RFC 3339: when the units and costs were counted, if that was not just now. */
  as_of?: string
  /** How many billed attempts have an unknown cost, because the model did not report their usage. */
  answers_without_usage?: number
  /**
   * Ledger rows of units that are not in the snapshot, so that no result has them, and one such unit. Absent if there are
   * none, and before the run is complete.
   */
  stray_rows?: { rows: number; unit_id: string }
  /** `project.dataset.table`; null until the run is complete. */
  results_table: string | null
  attempts_table: string
  /** RFC 3339. */
  started_at: string
  /** RFC 3339: the last row's time; null while units are pending. */
  finished_at: string | null
}

/** Whether a command's result is the report of a run. Other results have members of the same names. */
export function isRunReport(result: unknown): result is RunReport {
  const required: readonly (keyof RunReport)[] = ['run_id', 'state', 'profile', 'units']
  return typeof result === 'object' && result !== null && required.every((name) => name in result)
}
