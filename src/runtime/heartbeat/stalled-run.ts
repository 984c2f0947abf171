import type { RunHeartbeat } from '../../contracts/run-heartbeat.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { MOST_GENERATIONS_MORE, stallMs } from '../../run-data/stall.ts'
import type { Logger } from '../log.ts'
import type { RunCloud } from './run-cloud.ts'

/** A heartbeat looks at a run, which is not held. */
export interface StallContext {
  cloud: RunCloud
  log: Logger
  pace: 'google' | 'local'
  nowMs: number
}

/**
 * Whether a run needs a new generation of tasks: its queues have been empty for long, and units are pending. On the flex
 * tier an answer can come so late that only a user decides, with `imagery resume`.
 */
export function isStalled(
  spec: RunSpec,
  record: RunHeartbeat,
  { pace, nowMs }: Pick<StallContext, 'pace' | 'nowMs'>,
): boolean {
  const { quiet_since: since, totals, generations_started: started } = record
  if (spec.gemini?.tier === 'flex' || started >= MOST_GENERATIONS_MORE) return false
  if (since === null || !totals || totals.units.pending === 0) return false
  return nowMs - Date.parse(since) > stallMs(spec, pace)
}

/**
 * Publishes the pending units of a stalled run in the next generation. Does nothing for a run whose first shards no
 * command has published: its price may not have been accepted.
 *
 * @param queues the run's queues of work
 */
export async function startNextGeneration(
  spec: RunSpec,
  record: RunHeartbeat,
  queues: readonly string[],
  { cloud, log }: Pick<StallContext, 'cloud' | 'log'>,
): Promise<void> {
  const newest = await cloud.currentGeneration(spec)
  const pending = record.totals?.units.pending ?? 0
  if (!newest || queues.length === 0 || pending === 0) return
  const round = { ...newest, generation: newest.generation + 1, onlyPending: true }
  await cloud.publishRound(spec, { units: pending, queues, round })
  log.warning(`run ${spec.run_id} had ${pending} units left and no tasks: started generation ${round.generation}`, {
    run_id: spec.run_id,
  })
}
