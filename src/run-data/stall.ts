import type { RunSpec } from '../contracts/run-spec.ts'

/**
 * After this long without a new row or a task in a queue, a run is stalled. As long as Pub/Sub waits for a push, so
 * that no shard can still be creating tasks (https://cloud.google.com/pubsub/docs/push#receive_push).
 */
const STALL_MS = { google: 600_000, local: 10_000 }

/**
 * The same for the flex tier, whose answers can take as long as Cloud Tasks waits for one
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#task, `dispatch_deadline`).
 */
const FLEX_STALL_MS = { google: 1_800_000, local: 10_000 }

/** Returns how long a run can be without a new row or a task until it is stalled, in milliseconds. */
export function stallMs({ gemini }: Pick<RunSpec, 'gemini'>, pace: 'google' | 'local'): number {
  return (gemini?.tier === 'flex' ? FLEX_STALL_MS : STALL_MS)[pace]
}

/** How often a run gets a new generation of tasks, by one command or by its heartbeats, if its queues are empty before its end. */
export const MOST_GENERATIONS_MORE = 2
