import { GoogleError } from '../../kernel/errors.ts'
import { TASKS_REGIONS } from './locations.ts'

/**
 * Resource names of Cloud Tasks:
 * https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.Task (`name`).
 */
const LOCATION = 'projects/[A-Za-z0-9.:-]+/locations/[A-Za-z0-9-]+'
const QUEUE = `${LOCATION}/queues/[A-Za-z0-9-]{1,100}`

const LOCATION_NAME = new RegExp(`^${LOCATION}$`)
const QUEUE_NAME = new RegExp(`^${QUEUE}$`)
const TASK_ID = /^[A-Za-z0-9_-]{1,500}$/

function invalidResource(): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', 'Invalid resource field value in the request.')
}

export function checkLocation(name: string): string {
  if (!LOCATION_NAME.test(name)) throw invalidResource()
  const region = lastSegment(name)
  if (!TASKS_REGIONS.includes(region)) throw invalidLocation(region)
  return name
}

/** googleapis/nodejs-tasks#509 (a task), mondoohq/mql#8177 (a listing of queues in `-`) */
function invalidLocation(region: string): GoogleError {
  return new GoogleError(
    'INVALID_ARGUMENT',
    `Location '${region}' is not a valid location. Use ListLocations to list valid locations.`,
  )
}

export function checkQueueName(name: string): string {
  if (!QUEUE_NAME.test(name)) throw invalidResource()
  return name
}

/** Checks the name of a new queue; it must be in `parent` if given. */
export function checkNewQueueName(name: string, parent?: string): string {
  if (!QUEUE_NAME.test(name)) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
    )
  }
  if (parent !== undefined && !name.startsWith(`${parent}/queues/`)) {
    throw new GoogleError('INVALID_ARGUMENT', `${name} must begin with ${parent}.`)
  }
  return name
}

/** The location part of a queue's name. */
export function locationOf(queueName: string): string {
  return queueName.slice(0, queueName.indexOf('/queues/'))
}

/** The last segment of a resource name. */
export function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** Splits the name of an existing task. */
export function parseTaskName(name: string): { queueName: string; taskId: string } {
  const split = name.lastIndexOf('/tasks/')
  const queueName = name.slice(0, Math.max(0, split))
  const taskId = name.slice(split + '/tasks/'.length)
  if (!QUEUE_NAME.test(queueName) || !TASK_ID.test(taskId)) throw invalidResource()
  return { queueName, taskId }
}

/** Returns the ID in the name of a new task in `queueName`. */
export function checkNewTaskName(name: string, queueName: string): string {
  const split = name.lastIndexOf('/tasks/')
  const namedQueue = name.slice(0, Math.max(0, split))
  if (!QUEUE_NAME.test(namedQueue)) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"',
    )
  }
  if (namedQueue !== queueName) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `The queue name from request ('${queueName}') must be the same as the queue name in the named task ('${namedQueue}').`,
    )
  }
  const taskId = name.slice(split + '/tasks/'.length)
  if (!TASK_ID.test(taskId)) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Task ID "${taskId}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID must between 1 and 500 characters.`,
    )
  }
  return taskId
}
