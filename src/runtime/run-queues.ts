import { queueName, type DeploymentRef } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import type { QueueLimits } from '../google/rest/queues.ts'

/** Twice the maximum number of queues of a run: each can have been deleted and replaced once. */
const NAMES = 16

/**
 * Returns the possible names of a run's queues, in order of use: the name of a deleted queue is blocked
 * for days, so its replacement gets the next one
 * (https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks#deleting_queues).
 */
export function runQueueNames(place: DeploymentRef, runId: string): string[] {
  return Array.from({ length: NAMES }, (_, index) => queueName(place, runId, index))
}

/** The limits of each of a run's queues: the run's limits, divided evenly. */
export function queueLimits(limits: RunSpec['limits']): QueueLimits {
  return {
    maxConcurrent: Math.max(1, Math.floor(limits.max_concurrent / limits.queues)),
    maxPerSecond: limits.max_per_second / limits.queues,
  }
}
