import { callApi } from './rest.ts'
import { ifFound } from '../transport/errors.ts'

/**
 * What commands and services read of queues. These requests are made here, because loading the client of Cloud Tasks would take
 * each command 0.1 s (docs/decisions/0024-cost-of-a-command.md). Everything that creates or changes something uses the client
 * (`tasks.ts`). All reject with CloudError.
 */

export interface QueueLimits {
  maxConcurrent: number
  maxPerSecond: number
}

/** The part of a queue that is read (https://cloud.google.com/tasks/docs/reference/rest/v2beta3/projects.locations.queues#Queue). */
interface WireQueue {
  name: string
  state?: string
  rateLimits?: { maxDispatchesPerSecond?: number; maxConcurrentDispatches?: number }
  /** Whole numbers are text in JSON. */
  stats?: { tasksCount?: string; concurrentDispatchesCount?: string }
}

/** Returns a queue with its statistics, which only this version has; undefined when there is no such queue. */
async function findQueue(name: string, fields: readonly (keyof WireQueue)[]): Promise<WireQueue | undefined> {
  return ifFound(callApi<WireQueue>('cloudtasks', `v2beta3/${name}`, { query: { readMask: fields.join(',') } }))
}

/**
 * Returns about how many tasks a queue has; 0 when there is no such queue. Cloud Tasks only estimates this number: use it to
 * show progress, and `hasTasks` to decide
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#queuestats).
 */
export async function estimatedTasks(name: string): Promise<number> {
  const queue = await findQueue(name, ['name', 'stats'])
  return Number(queue?.stats?.tasksCount ?? 0)
}

/** Returns the exact number of dispatched tasks without a response yet; 0 when there is no such queue. */
export async function tasksInFlight(name: string): Promise<number> {
  const queue = await findQueue(name, ['name', 'stats'])
  return Number(queue?.stats?.concurrentDispatchesCount ?? 0)
}

/** Whether a queue exists and is paused, so that it sends no task. */
export async function isPausedQueue(name: string): Promise<boolean> {
  return (await findQueue(name, ['name', 'state']))?.state === 'PAUSED'
}

/**
 * Returns about how many tasks a queue has, whether it is paused, and its limits, from one call; undefined when there is
 * no such queue.
 */
export async function queueState(
  name: string,
): Promise<{ tasks: number; isPaused: boolean; limits: QueueLimits } | undefined> {
  const queue = await findQueue(name, ['name', 'state', 'stats', 'rateLimits'])
  if (!queue) return undefined
  const { stats, state, rateLimits } = queue
  return {
    tasks: Number(stats?.tasksCount ?? 0),
    isPaused: state === 'PAUSED',
    limits: {
      maxConcurrent: rateLimits?.maxConcurrentDispatches ?? 0,
      maxPerSecond: rateLimits?.maxDispatchesPerSecond ?? 0,
    },
  }
}

/** The part of a task that is read (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task). */
interface WireTask {
  dispatchCount?: number
  lastAttempt?: { responseStatus?: { code?: number } }
}

interface TaskPage {
  tasks?: WireTask[]
  nextPageToken?: string
}

/** Returns the first tasks of a queue; nothing when there is no such queue. */
async function firstTasks(queue: string, pageSize: number): Promise<TaskPage | undefined> {
  return ifFound(callApi<TaskPage>('cloudtasks', `v2/${queue}/tasks`, { query: { pageSize: String(pageSize) } }))
}

/**
 * Returns whether a queue has a task, dispatched ones included, from the list of tasks itself. A page can have fewer
 * tasks than exist, so a token for a next page counts as a task
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#listtasksrequest).
 */
export async function hasTasks(name: string): Promise<boolean> {
  const { tasks = [], nextPageToken } = (await firstTasks(name, 1)) ?? {}
  return tasks.length > 0 || Boolean(nextPageToken)
}

/** The last response to a task that was delivered. */
export interface TaskResponse {
  /** A google.rpc.Code. */
  code: number
  /** How often the task was sent. */
  deliveries: number
}

/** The longest page of a list of tasks. It is a sample of a long queue, because the names of tasks are hashes. */
const MOST_TASKS_LISTED = 1_000

/**
 * Returns the last responses to up to 1,000 of a queue's tasks, without tasks that were never answered
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#task, `last_attempt`).
 */
export async function lastResponses(name: string): Promise<TaskResponse[]> {
  const { tasks = [] } = (await firstTasks(name, MOST_TASKS_LISTED)) ?? {}
  return tasks.flatMap(({ lastAttempt, dispatchCount = 0 }) => {
    const status = lastAttempt?.responseStatus
    return status ? [{ code: status.code ?? 0, deliveries: dispatchCount }] : []
  })
}

/** Returns the names of the queues in a project and region. */
export async function listQueues(projectId: string, region: string): Promise<string[]> {
  const names: string[] = []
  for (let pageToken: string | undefined; ;) {
    const page = await callApi<{ queues?: WireQueue[]; nextPageToken?: string }>(
      'cloudtasks',
      `v2/projects/${projectId}/locations/${region}/queues`,
      { query: pageToken ? { pageToken } : {} },
    )
    for (const { name } of page.queues ?? []) names.push(name)
    pageToken = page.nextPageToken
    if (!pageToken) return names
  }
}
