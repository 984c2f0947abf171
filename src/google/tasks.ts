import type { CloudTasksClient, protos, v2beta3 } from '@google-cloud/tasks'
import { grpcClientOptions, jsonClientOptions } from './auth/credentials.ts'
import { call, callUnless, cloudError, repeatably } from './transport/errors.ts'
import type { QueueLimits } from './rest/queues.ts'

interface Clients {
  v2: CloudTasksClient
  v2beta3: InstanceType<typeof v2beta3.CloudTasksClient>
}

let clients: Promise<Clients> | undefined

async function tasks(): Promise<Clients> {
  clients ??= newClients(jsonClientOptions())
  return clients
}

let grpcClients: Promise<Clients> | undefined

/** For the tasks of a run: one gRPC connection takes all of these calls. */
async function manyTasks(): Promise<Clients> {
  grpcClients ??= newClients(grpcClientOptions('').then(({ projectId: _, ...options }) => options))
  return grpcClients
}

async function newClients(options: Promise<object>): Promise<Clients> {
  const [module, given] = await Promise.all([
    import('@google-cloud/tasks'),
    options as Promise<ConstructorParameters<typeof CloudTasksClient>[0]>,
  ])
  return { v2: new module.CloudTasksClient(given), v2beta3: new module.v2beta3.CloudTasksClient(given) }
}

/**
 * The queue delivers a task until it is answered 2xx, or for as long as Cloud Tasks keeps it (31 days,
 * https://cloud.google.com/tasks/docs/quotas): it would count throttled deliveries too, and drop units. The main service
 * limits the tries (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#retryconfig).
 */
const UNLIMITED_ATTEMPTS = -1

/** How long a task waits between tries, in seconds: doubles from the first number to the second. */
const BACKOFF_SECONDS = { min: 1, max: 60 }

/**
 * Creates a run's queue unless it exists.
 * https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#retryconfig
 */
export async function ensureQueue(name: string, limits: QueueLimits): Promise<'created' | 'existed'> {
  const { v2 } = await tasks()
  const queue = {
    name,
    rateLimits: { maxDispatchesPerSecond: limits.maxPerSecond, maxConcurrentDispatches: limits.maxConcurrent },
    retryConfig: {
      maxAttempts: UNLIMITED_ATTEMPTS,
      minBackoff: { seconds: BACKOFF_SECONDS.min },
      maxBackoff: { seconds: BACKOFF_SECONDS.max },
      maxDoublings: 6,
    },
  }
  const create = async (): Promise<'created'> => {
    await v2.createQueue({ parent: name.slice(0, name.lastIndexOf('/queues/')), queue })
    return 'created'
  }
  return repeatably(() => callUnless('ALREADY_EXISTS', create(), 'existed'))
}

export async function deleteQueue(name: string): Promise<'deleted' | 'absent'> {
  const { v2 } = await tasks()
  return callUnless(
    'NOT_FOUND',
    v2.deleteQueue({ name }).then(() => 'deleted' as const),
    'absent' as const,
  )
}

/** Pauses a queue. Its tasks stay, and dispatched tasks are not recalled. */
export async function pauseQueue(name: string): Promise<'paused' | 'absent'> {
  const { v2 } = await tasks()
  return callUnless(
    'NOT_FOUND',
    v2.pauseQueue({ name }).then(() => 'paused' as const),
    'absent' as const,
  )
}

/**
 * Changes the limits of an existing queue, and nothing else of it. The method would create a queue that does not exist,
 * but refuses the name of one that was deleted
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#updatequeuerequest,
 * https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks#deleting_queues).
 */
export async function setQueueLimits(name: string, limits: QueueLimits): Promise<void> {
  const { v2 } = await tasks()
  const queue = {
    name,
    rateLimits: { maxDispatchesPerSecond: limits.maxPerSecond, maxConcurrentDispatches: limits.maxConcurrent },
  }
  const updateMask = {
    paths: ['rate_limits.max_dispatches_per_second', 'rate_limits.max_concurrent_dispatches'],
  }
  await call(v2.updateQueue({ queue, updateMask }))
}

/** Lets a paused queue send its tasks again. */
export async function resumeQueue(name: string): Promise<void> {
  const { v2 } = await tasks()
  await call(v2.resumeQueue({ name }))
}

export interface NewTask {
  /** The last part of the task's name; Cloud Tasks refuses a second task with that name. */
  id: string
  url: string
  body: Buffer
  audience: string
  serviceAccountEmail: string
  /** Between 15 and 1800. */
  dispatchDeadlineSeconds: number
  /** When Cloud Tasks sends it, in milliseconds since the Unix epoch. At once if absent. */
  scheduleMs?: number
}

/** BatchCreateTasks is not available here: a Preview method, absent from some universes and emulators. */
export class BatchRefused extends Error {
  override readonly name = 'BatchRefused'
}

/** Maximum number of tasks in one BatchCreateTasks call. */
export const MAX_BATCH_TASKS = 100

/**
 * Creates up to 100 tasks in one call
 * (https://cloud.google.com/tasks/docs/reference/rest/v2beta3/projects.locations.queues.tasks/batchCreate).
 * The call is not atomic: tasks that already exist count as created. Any other failure rejects with the
 * first CloudError, and the whole batch can then be sent again.
 *
 * @throws BatchRefused where the method is not available
 */
export async function createTaskBatch(
  queue: string,
  batch: readonly NewTask[],
): Promise<{ created: number; existed: number }> {
  const { v2beta3 } = await manyTasks()
  const requests = batch.map((task) => ({ parent: queue, task: taskMessage(queue, task) }))
  try {
    const [operation] = await v2beta3.batchCreateTasks({ parent: queue, requests })
    // The outcome is in the metadata: when every task failed because all already exist, the operation
    // itself fails and `promise()` rejects without them.
    if (!operation.latestResponse.done) await operation.promise().catch(() => undefined)
    const { done, error, metadata } = operation.latestResponse
    const failures = failedRequests(v2beta3, metadata?.value)
    const failure = failures.find(({ code }) => code !== ALREADY_EXISTS)
    if (failure) throw cloudError(failure)
    if (!done || (error && failures.length < batch.length))
      throw cloudError(error ?? new Error('the batch did not finish'))
    return { created: batch.length - failures.length, existed: failures.length }
  } catch (error) {
    const known = cloudError(error)
    if (known.status === 'UNIMPLEMENTED') throw new BatchRefused(known.message, { cause: error })
    throw known
  }
}

/** Returns the failures of a batch from its operation's encoded metadata. */
function failedRequests(client: Clients['v2beta3'], encoded: unknown): protos.google.rpc.IStatus[] {
  const decode = client.descriptors.longrunning['batchCreateTasks']?.metadataDecoder
  if (!decode || !(encoded instanceof Uint8Array)) return []
  const { failedRequests: failed } = decode(
    encoded,
  ) as unknown as protos.google.cloud.tasks.v2beta3.IBatchCreateTasksMetadata
  return Object.values(failed ?? {})
}

/** google.rpc.Code */
const ALREADY_EXISTS = 6

/** Creates a single task. */
export async function createTask(queue: string, task: NewTask): Promise<'created' | 'existed'> {
  return createTaskWith(await tasks(), queue, task)
}

/** Creates one of a run's tasks, where `createTaskBatch` is refused. */
export async function createRunTask(queue: string, task: NewTask): Promise<'created' | 'existed'> {
  return createTaskWith(await manyTasks(), queue, task)
}

async function createTaskWith({ v2 }: Clients, queue: string, task: NewTask): Promise<'created' | 'existed'> {
  const created = v2.createTask({ parent: queue, task: taskMessage(queue, task) })
  return callUnless(
    'ALREADY_EXISTS',
    created.then(() => 'created' as const),
    'existed' as const,
  )
}

function taskMessage(queue: string, task: NewTask) {
  return {
    name: `${queue}/tasks/${task.id}`,
    dispatchDeadline: { seconds: task.dispatchDeadlineSeconds },
    ...(task.scheduleMs === undefined ? {} : { scheduleTime: { seconds: Math.floor(task.scheduleMs / 1_000) } }),
    httpRequest: {
      url: task.url,
      httpMethod: 'POST' as const,
      headers: { 'content-type': 'application/json' },
      body: task.body,
      oidcToken: { serviceAccountEmail: task.serviceAccountEmail, audience: task.audience },
    },
  }
}
