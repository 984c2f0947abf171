import { queueName, type DeploymentRef } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import type { QueueLimits } from '../google/tasks.ts'

/** Twice the most queues that a run may have: each may have been deleted and replaced once. */
const NAMES = 16

/**
 * The names that a run's queues may have, in the order of their use: the name of a deleted queue
 * is unusable for days, so its replacement gets the next one
 * (https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks#deleting_queues).
 */
export function runQueueNames(place: DeploymentRef, runId: string): string[] {
  return Array.from({ length: NAMES }, (_, index) => queueName(place, runId, index))
}

/** What each of a run's queues may do: the run's limits, shared out evenly. */
export function queueLimits(limits: RunSpec['limits']): QueueLimits {
  return {
    maxConcurrent: Math.max(1, Math.floor(limits.max_concurrent / limits.queues)),
    maxPerSecond: limits.max_per_second / limits.queues,
    maxAttempts: limits.max_attempts,
  }
}
