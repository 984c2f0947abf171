import { withSample } from '../../contracts/run-progress.ts'
import type { RunHeartbeat, RunTotals } from '../../contracts/run-heartbeat.ts'
import { readEveryMs } from './cadence.ts'

/** What a heartbeat sees of a run. */
export interface Observation {
  nowMs: number
  /** Whether a queue of the run has a task. */
  hasTasks: boolean
  /** Whether the run is stopped, or all of its queues are paused. */
  isHeld: boolean
  /** Undefined if the heartbeat did not read the ledger. */
  totals: RunTotals | undefined
}

/** A run on which nothing can be done gets heartbeats for so long, in case someone lets it go on by hand. */
export const LONGEST_IDLE_MS = 2 * 3_600_000

export function newHeartbeat(runId: string): RunHeartbeat {
  return {
    v: 1,
    run_id: runId,
    written_at: new Date(0).toISOString(),
    totals: null,
    next_read_at: null,
    history: [],
    quiet_since: null,
    idle_since: null,
    generations_started: 0,
    pacing: null,
  }
}

/** Whether a heartbeat reads the ledger. When the queues have become empty, the run may have ended. */
export function isReadDue(before: RunHeartbeat, { nowMs, hasTasks }: Pick<Observation, 'nowMs' | 'hasTasks'>): boolean {
  if (!before.totals || before.next_read_at === null || before.totals.units.pending === 0) return true
  return nowMs >= Date.parse(before.next_read_at) || (!hasTasks && before.quiet_since === null)
}

/** A run that does not move may have stalled, which its heartbeats find out within this time (`stallMs`). */
const SLOW_AFTER_MS = 20 * 60_000

/** Whether a run's heartbeats become rare, because nothing changes. */
export function isSlow({ idle_since: since }: RunHeartbeat, isHeld: boolean, nowMs: number): boolean {
  return isHeld || (since !== null && nowMs - Date.parse(since) > SLOW_AFTER_MS)
}

/** Whether a run's heartbeats end, because nothing has happened for hours and nothing will. */
export function isOver({ idle_since: since }: RunHeartbeat, nowMs: number): boolean {
  return since !== null && nowMs - Date.parse(since) > LONGEST_IDLE_MS
}

/** Returns what the run's record says after a heartbeat. */
export function observed(before: RunHeartbeat, { nowMs, hasTasks, isHeld, totals }: Observation): RunHeartbeat {
  const at = new Date(nowMs).toISOString()
  const hasRows = totals !== undefined && totals.attempts !== before.totals?.attempts
  const isMoving = hasRows && before.totals !== null
  const history = totals ? withSample(before.history, sampleOf(totals)) : before.history
  const now = totals ?? before.totals
  // A run whose tasks wait in queues that are not paused goes on, however slowly.
  const isIdle = !isMoving && (isHeld || !hasTasks)
  return {
    ...before,
    written_at: at,
    totals: now,
    next_read_at: totals ? new Date(nowMs + readEveryMs(totals, history)).toISOString() : before.next_read_at,
    history,
    quiet_since: hasTasks || isMoving || isHeld ? null : (before.quiet_since ?? at),
    idle_since: isIdle ? (before.idle_since ?? at) : null,
  }
}

function sampleOf({ at, units, cost_usd }: RunTotals) {
  return { at, done: units.ok + units.failed, cost_usd }
}
