import { controlQueueName, queueName } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { estimatedTasks, hasTasks, listQueues } from '../google/rest/queues.ts'

type RunRef = Pick<RunSpec, 'place' | 'run_id'>

/** Returns the existing queues of a run that have its tasks, without its control queue. */
export async function workQueues(run: RunRef): Promise<string[]> {
  return (await allQueues(run)).filter((name) => !isControlQueue(run, name))
}

/** Returns all existing queues of a run. */
export async function allQueues({ place, run_id: runId }: RunRef): Promise<string[]> {
  const first = queueName(place, runId)
  const all = await listQueues(place.projectId, place.region)
  return all.filter((name) => name === first || name.startsWith(`${first}-`))
}

/** Whether a queue has the heartbeats of a run. */
export function isControlQueue({ place, run_id: runId }: RunRef, name: string): boolean {
  const control = controlQueueName(place, runId)
  return name === control || name.startsWith(`${control}-`)
}

/** About how many tasks queues have. */
export async function estimatedTasksIn(names: readonly string[]): Promise<number> {
  const counts = await Promise.all(names.map((name) => estimatedTasks(name)))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Whether a queue has a task. Exact, unlike the estimate. */
export async function hasTasksIn(names: readonly string[]): Promise<boolean> {
  return (await Promise.all(names.map((name) => hasTasks(name)))).includes(true)
}
