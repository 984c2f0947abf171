import type { RunSpec } from './run-spec.ts'

/**
 * Maximum concurrent requests of one main service instance. A run of the usual size keeps two instances
 * busy: the local cloud has two processes per service, and with --image-transport inline an instance
 * holds the images of many units in memory (src/runtime/models/image-memory.ts bounds their bytes).
 */
export const REQUESTS_PER_INSTANCE = 334

/**
 * The target utilization of Cloud Run's autoscaler: above it, another instance starts
 * (https://cloud.google.com/run/docs/about-instance-autoscaling).
 */
const TARGET_UTILIZATION = 0.6

/** Requests in progress per instance, in the long run. */
export const REQUESTS_PER_INSTANCE_AIMED_AT = Math.floor(REQUESTS_PER_INSTANCE * TARGET_UTILIZATION)

/**
 * Returns the tasks that a deployment runs at once, by the maximum instances of its main service. More tasks would find
 * no instance, and each refusal would count as one of a task's attempts.
 */
export function tasksAtOnce(maxInstances: number): number {
  return maxInstances * REQUESTS_PER_INSTANCE_AIMED_AT
}

/** Maximum instances of a service in the local cloud, where one machine represents a region. */
const LOCAL_INSTANCES = 2

/** Tasks that the local cloud can run at once with its maximum number of instances. */
export const LOCAL_TASKS = tasksAtOnce(LOCAL_INSTANCES)

/**
 * Returns one instance's share of a run's concurrent model calls; null means no limit.
 *
 * Instances do not know about each other. Cloud Run spreads requests evenly, so the limit is divided by
 * the number of instances that its autoscaler starts for the run's tasks. If Cloud Run runs more
 * instances, the queue's dispatch limit bounds the calls.
 */
export function callsPerInstance({ max_calls, max_concurrent }: RunSpec['limits']): number | null {
  if (max_calls === null) return null
  const instances = Math.ceil(max_concurrent / REQUESTS_PER_INSTANCE_AIMED_AT)
  return Math.max(1, Math.floor(max_calls / instances))
}
