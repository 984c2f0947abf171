import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LOCATION, QUEUE, START_MS, TasksCloud, URL } from './tasks-fixture.ts'

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.CloudTasks */
// Enums as the client decodes them out of an operation: by number (its cloudtasks.proto and task.proto).
const CREATE = { SUCCEEDED: 2, PARTIALLY_SUCCEEDED: 5 }
const DELETE = { SUCCEEDED: 2, PARTIALLY_SUCCEEDED: 3 }
const BASIC = 1

type Metadata = { state: unknown; failedRequests: Record<string, { code?: number | null; message?: string | null }> }

function codesOf(failedRequests: Metadata['failedRequests']): [index: number, code: number | null | undefined][] {
  return Object.entries(failedRequests).map(([index, { code }]) => [Number(index), code])
}

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud()
  await cloud.start()
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
})
afterEach(() => cloud.destroy())

const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const ABORTED = 10

const nameOf = (id: string): string => `${QUEUE}/tasks/${id}`
const requestOf = (id: string) => ({ parent: QUEUE, task: { name: nameOf(id), httpRequest: { url: URL } } })
const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `t${String(index).padStart(4, '0')}`)

async function create(taskIds: string[], requestId = '') {
  const [operation] = await cloud.beta.batchCreateTasks({ parent: QUEUE, requests: taskIds.map(requestOf), requestId })
  return operation
}

async function queuedTasks(): Promise<string[]> {
  const [tasks] = await cloud.client.listTasks({ parent: QUEUE })
  return tasks.map(({ name }) => name?.split('/').at(-1) ?? '')
}

test('a batch of 100 tasks is created by one call that returns a finished operation', async () => {
  const operation = await create(ids(100))
  expect(operation.latestResponse.done).toBe(true)
  const [response, metadata] = await operation.promise()
  expect(response.tasks?.map(({ name }) => name)).toEqual(ids(100).map(nameOf))
  expect(response.tasks?.[0]).toMatchObject({ view: BASIC, scheduleTime: { nanos: 0 } })
  expect(metadata).toMatchObject({ state: CREATE.SUCCEEDED, failedRequests: {} })
  expect(Number(metadata.startTime?.seconds)).toBe(START_MS / 1_000)
  expect(await queuedTasks()).toEqual(ids(100))
})

test('the tasks of a batch are dispatched like any other', async () => {
  await create(ids(5))
  await cloud.client.resumeQueue({ name: QUEUE })
  await cloud.settle()
  expect(cloud.dispatchedTasks()).toEqual(ids(5))
})

test('each task of a batch succeeds or fails on its own', async () => {
  await cloud.createTask({ id: 'taken' })
  const [operation] = await cloud.beta.batchCreateTasks({
    parent: QUEUE,
    requests: [
      requestOf('good'),
      requestOf('taken'),
      requestOf('bad id'),
      requestOf('good'),
      { parent: QUEUE, task: { httpRequest: { url: 'ftp://a.b' } } },
      { parent: QUEUE, task: { httpRequest: { url: URL } } },
    ],
  })
  const [response, metadata] = await operation.promise()
  expect(response.tasks).toHaveLength(2)
  const { state, failedRequests } = metadata as Metadata
  expect(state).toBe(CREATE.PARTIALLY_SUCCEEDED)
  expect(codesOf(failedRequests)).toEqual([
    [1, ALREADY_EXISTS],
    [2, INVALID_ARGUMENT],
    [3, ALREADY_EXISTS],
    [4, INVALID_ARGUMENT],
  ])
  expect(failedRequests[1]?.message).toBe('Requested entity already exists')
  expect((await queuedTasks()).filter((id) => !/^\d+$/.test(id))).toEqual(['good', 'taken'])
})

test('an operation whose requests all failed ends in an error', async () => {
  await create(['a', 'b'])
  const operation = await create(['a', 'b'])
  expect(operation.latestResponse.error?.code).toBe(ABORTED)
  await expect(operation.promise()).rejects.toMatchObject({
    code: ABORTED,
    message: expect.stringContaining(
      'None of the requests succeeded, refer to BatchCreateTasksMetadata.failed_requests',
    ),
  })
  const { protos } = await import('@google-cloud/tasks')
  const { BatchCreateTasksMetadata } = protos.google.cloud.tasks.v2beta3
  // The client does not decode the metadata of a failed operation: callers have to.
  const { failedRequests } = BatchCreateTasksMetadata.decode(operation.latestResponse.metadata?.value as Uint8Array)
  expect(codesOf(failedRequests)).toEqual([
    [0, ALREADY_EXISTS],
    [1, ALREADY_EXISTS],
  ])
})

test('the same request id gets the same operation and creates nothing twice', async () => {
  const requestId = randomUUID()
  const requests = [{ parent: QUEUE, task: { httpRequest: { url: URL } } }]
  const [first] = await cloud.beta.batchCreateTasks({ parent: QUEUE, requests, requestId })
  const [second] = await cloud.beta.batchCreateTasks({ parent: QUEUE, requests, requestId })
  expect(second.name).toBe(first.name)
  expect((await second.promise())[0].tasks?.[0]?.name).toBe((await first.promise())[0].tasks?.[0]?.name)
  expect(await queuedTasks()).toHaveLength(1)
})

test('a request id is remembered across a kill', async () => {
  const requestId = randomUUID()
  const requests = [{ parent: QUEUE, task: { httpRequest: { url: URL } } }]
  const [first] = await cloud.beta.batchCreateTasks({ parent: QUEUE, requests, requestId })
  await cloud.killAndRestart()
  const [second] = await cloud.beta.batchCreateTasks({ parent: QUEUE, requests, requestId })
  expect(second.name).toBe(first.name)
  expect(await queuedTasks()).toHaveLength(1)
})

test('a request ID that is not a version 4 UUID, or was used for another request, is refused', async () => {
  await expect(create(['a'], 'again')).rejects.toMatchObject({ code: INVALID_ARGUMENT })
  await expect(create(['a'], '6ba7b810-9dad-11d1-80b4-00c04fd430c8')).rejects.toMatchObject({ code: INVALID_ARGUMENT })
  const requestId = randomUUID()
  await create(['a'], requestId)
  const reuse = cloud.beta.batchDeleteTasks({ parent: QUEUE, names: [nameOf('a')], requestId })
  await expect(reuse).rejects.toMatchObject({ code: INVALID_ARGUMENT })
  expect(await queuedTasks()).toEqual(['a'])
})

test('a finished operation can be read for a while', async () => {
  const operation = await create(['a'])
  const checked = await cloud.beta.checkBatchCreateTasksProgress(operation.name ?? '')
  expect(checked.done).toBe(true)
  await cloud.clock.advance(3_600_000)
  await expect(cloud.beta.checkBatchCreateTasksProgress(operation.name ?? '')).rejects.toMatchObject({
    code: NOT_FOUND,
  })
})

test('a batch that breaks a limit is refused as a whole', async () => {
  const other = `${LOCATION}/queues/other`
  await cloud.createQueue({}, other)
  const stranger = { parent: other, task: { httpRequest: { url: URL } } }
  const refused: [string, Promise<unknown>, number][] = [
    ['101 tasks', create(ids(101)), INVALID_ARGUMENT],
    ['no task', create([]), INVALID_ARGUMENT],
    [
      'a request for another queue',
      cloud.beta.batchCreateTasks({ parent: QUEUE, requests: [requestOf('a'), stranger] }),
      INVALID_ARGUMENT,
    ],
    [
      'a missing queue',
      cloud.beta.batchCreateTasks({
        parent: `${LOCATION}/queues/not-there`,
        requests: [{ parent: `${LOCATION}/queues/not-there`, task: { httpRequest: { url: URL } } }],
      }),
      NOT_FOUND,
    ],
    [
      '1,001 deletions',
      cloud.beta.batchDeleteTasks({ parent: QUEUE, names: ids(1_001).map(nameOf) }),
      INVALID_ARGUMENT,
    ],
  ]
  const outcomes = await Promise.all(
    refused.map(([name, call]) =>
      call.then(
        () => [name, 'done'],
        (error: { code: number }) => [name, error.code],
      ),
    ),
  )
  expect(outcomes).toEqual(refused.map(([name, , code]) => [name, code]))
  expect(await queuedTasks()).toEqual([])
})

test('a batch deletes up to 1,000 tasks, and their names stay taken', async () => {
  for (let from = 0; from < 1_000; from += 100) await create(ids(1_000).slice(from, from + 100))
  const [operation] = await cloud.beta.batchDeleteTasks({ parent: QUEUE, names: ids(1_000).map(nameOf) })
  const [, metadata] = await operation.promise()
  expect(metadata).toMatchObject({ state: DELETE.SUCCEEDED, failedRequests: {} })
  expect(await queuedTasks()).toEqual([])
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
  await expect(cloud.createTask({ id: 't0000' })).rejects.toMatchObject({ code: ALREADY_EXISTS })
})

test('deletions of a batch fail one by one, and the operation fails if all do', async () => {
  await create(['a', 'b'])
  const names = [nameOf('a'), nameOf('never'), nameOf('a'), `${LOCATION}/queues/other/tasks/a`]
  const [operation] = await cloud.beta.batchDeleteTasks({ parent: QUEUE, names })
  const [, metadata] = await operation.promise()
  const { state, failedRequests } = metadata as Metadata
  expect(state).toBe(DELETE.PARTIALLY_SUCCEEDED)
  expect(codesOf(failedRequests)).toEqual([
    [1, NOT_FOUND],
    [2, NOT_FOUND],
    [3, INVALID_ARGUMENT],
  ])
  expect(await queuedTasks()).toEqual(['b'])
  const [failed] = await cloud.beta.batchDeleteTasks({ parent: QUEUE, names: [nameOf('never')] })
  await expect(failed.promise()).rejects.toMatchObject({ code: ABORTED })
})

test('a task of a batch that is deleted during an attempt is not sent again', async () => {
  await create(['a'])
  let answer = (_status: number): void => undefined
  cloud.answer = () => new Promise<number>((resolve) => (answer = resolve))
  await cloud.client.runTask({ name: nameOf('a') })
  await cloud.beta.batchDeleteTasks({ parent: QUEUE, names: [nameOf('a')] })
  answer(500)
  await cloud.client.resumeQueue({ name: QUEUE })
  await cloud.clock.advance(3_600_000)
  expect(cloud.dispatches).toHaveLength(1)
})
