import { expect } from 'vitest'
import { LOCATION, QUEUE, URL, type TasksCloud, type WireTask } from './tasks-fixture.ts'

/** Google's reference, to be followed by the name of a message or method. */
export const RPC = 'https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2'
export const BETA =
  'https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3'
export const QUOTAS = 'https://cloud.google.com/tasks/docs/quotas'

export const INVALID_ARGUMENT = 3
export const NOT_FOUND = 5
export const ALREADY_EXISTS = 6
export const FAILED_PRECONDITION = 9
export const UNIMPLEMENTED = 12

export const NO_QUEUE =
  'Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.'
export const NOT_THERE = `${LOCATION}/queues/not-there`

/** A call and Cloud Tasks' answer to it, according to the page at `link`. */
export interface Case {
  name: string
  link: string
  call: (cloud: TasksCloud) => Promise<unknown>
  /** What the answer holds, when the call succeeds. */
  answer?: object
  /** The client itself refuses to build such a request for REST. */
  isOnlyGrpc?: true
  /** gRPC code and, where it is known, text of the error. */
  error?: [code: number, text?: string]
}

export const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string

let lastQueue = 0
export const newQueue = (): string => `${LOCATION}/queues/case-${++lastQueue}`

let lastTask = 0
export const newTask = (): string => `case-${++lastTask}`

export async function createQueue(cloud: TasksCloud, settings: object, name = newQueue()): Promise<object> {
  const [queue] = await cloud.client.createQueue({ parent: LOCATION, queue: { name, ...settings } })
  return queue
}

export async function createTask(cloud: TasksCloud, task: WireTask, parent = QUEUE): Promise<object> {
  const [created] = await cloud.client.createTask({ parent, task: { httpRequest: { url: URL }, ...task } })
  return created
}

export function withRequest(cloud: TasksCloud, httpRequest: NonNullable<WireTask['httpRequest']>): Promise<object> {
  return createTask(cloud, { httpRequest: { url: URL, ...httpRequest } })
}

export const seconds = (value: number): { seconds: number; nanos: number } => ({ seconds: value, nanos: 0 })
