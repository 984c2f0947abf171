import type { RunSpec } from './run-spec.ts'

/**
 * Requests that one instance of the main service takes at once. The tasks of a run of the usual size
 * give work to two: the local cloud has two processes for a service, and with --image-transport inline
 * an instance has the images of a hundred units in its memory.
 */
export const REQUESTS_PER_INSTANCE = 334

/**
 * The share of that which Cloud Run's autoscaler aims at: it starts another instance beyond it
 * (https://cloud.google.com/run/docs/about-instance-autoscaling).
 */
const TARGET_UTILIZATION = 0.6

/** Requests under way for which there is one instance, in the long run. */
export const REQUESTS_PER_INSTANCE_AIMED_AT = Math.floor(REQUESTS_PER_INSTANCE * TARGET_UTILIZATION)

/** Instances that a service has in the local cloud at the most: one machine stands for a region. */
const LOCAL_INSTANCES = 2

/** Tasks that the local cloud can have under way at once, without one instance more than it has. */
export const LOCAL_TASKS = LOCAL_INSTANCES * REQUESTS_PER_INSTANCE_AIMED_AT

/**
 * The share of one instance in the calls that a run may have at its model at once; null for no limit.
 *
 * An instance knows nothing of the others. Cloud Run spreads requests evenly, so the share is that
 * of the instances which its autoscaler has for the run's tasks. Where they are spread over more of
 * them, calls are bounded by the tasks that the queue dispatches.
 */
export function callsPerInstance({ max_calls, max_concurrent }: RunSpec['limits']): number | null {
  if (max_calls === null) return null
  const instances = Math.ceil(max_concurrent / REQUESTS_PER_INSTANCE_AIMED_AT)
  return Math.max(1, Math.floor(max_calls / instances))
}
