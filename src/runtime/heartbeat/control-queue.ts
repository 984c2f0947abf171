import { controlQueueName, type DeploymentRef } from '../../contracts/names.ts'

/** As many control queues as a run can ever have: a deleted queue's name is blocked, and a retry needs the next one. */
const CONTROL_NAMES = 8

/** The possible names of a run's control queue, in order of use. */
export function controlQueueNames(place: DeploymentRef, runId: string): string[] {
  return Array.from({ length: CONTROL_NAMES }, (_, index) => controlQueueName(place, runId, index))
}

/** Returns the slot of a heartbeat from the ID of its task; undefined for another task. */
export function slotOf(taskId: string | undefined): number | undefined {
  const slot = /^heartbeat-(\d{1,10})$/.exec(taskId ?? '')?.[1]
  return slot === undefined ? undefined : Number(slot)
}
