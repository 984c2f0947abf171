import { mainService } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { findService } from '../../google/cloud-run/find-service.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { heartbeatOf, summaryOf } from '../../run-data/heartbeat-record.ts'
import { allQueues } from '../../run-data/run-queues.ts'
import { currentGeneration } from '../../run-data/rounds.ts'

/** A run that works, and whose last heartbeat is older than this, has lost its heartbeats. */
export const STALE_MS = 180_000

/** A heartbeat that finishes a large run goes on without the command that asked for it. */
const LONGEST_WAIT_MS = 20_000

/**
 * Starts the heartbeats of a run again if they were lost: someone has deleted their tasks, and no more tasks of the run
 * come to the services. Does nothing if the caller may not call the services, because the run is only finished later then.
 */
export async function reviveHeartbeats(spec: RunSpec): Promise<void> {
  try {
    if (!(await haveStopped(spec))) return
    const main = await findService(spec.place, mainService(spec.place))
    if (!main?.ready) return
    const body = { v: 1, run_id: spec.run_id }
    await callService(main.url, '/heartbeat', { method: 'POST', body, timeoutMs: LONGEST_WAIT_MS })
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
  }
}

async function haveStopped(spec: RunSpec): Promise<boolean> {
  if (!isOld(spec.created_at)) return false
  const [heartbeat, summary, generation] = await Promise.all([
    heartbeatOf(spec),
    summaryOf(spec),
    currentGeneration(spec),
  ])
  // A finished run has lost nothing if all of its queues are gone.
  if (summary) return isOld(summary.written_at) && (await allQueues(spec)).length > 0
  // A run without shards has nothing to wait for, and on an idle one nothing can be done.
  if (generation === undefined || heartbeat?.record.idle_since) return false
  return heartbeat === undefined || isOld(heartbeat.record.written_at)
}

function isOld(time: string): boolean {
  return Date.now() - Date.parse(time) > STALE_MS
}
