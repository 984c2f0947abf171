import { afterEach, beforeEach, expect, test } from 'vitest'
import { pending, QUEUE, START_MS, TasksCloud, URL, type Answer } from './tasks-fixture.ts'

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

const HOUR_MS = 3_600_000
const seconds = (value: number) => ({ seconds: value, nanos: 0 })
const inSeconds = (value: number) => seconds(START_MS / 1_000 + value)
const lastHeaders = (): Record<string, string> => cloud.dispatches.at(-1)?.headers ?? {}

/** https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler */
test('a task is sent unchanged, with the headers that describe it', async () => {
  await cloud.createQueue()
  await cloud.createTask({
    id: 'sign-1',
    httpRequest: {
      url: URL,
      httpMethod: 'PUT',
      headers: { 'content-type': 'application/json', 'X-Own': 'kept' },
      body: Buffer.from('{"asset":1}'),
      oidcToken: { serviceAccountEmail: 'runner@test-project.iam.gserviceaccount.com', audience: 'https://audience' },
    },
    scheduleTime: { seconds: START_MS / 1_000 + 1, nanos: 250_000_000 },
    dispatchDeadline: seconds(45),
  })
  await cloud.clock.advance(1_250)
  expect(cloud.dispatches).toEqual([
    {
      method: 'PUT',
      url: URL,
      headers: {
        'content-type': 'application/json',
        'X-Own': 'kept',
        'User-Agent': 'Google-Cloud-Tasks',
        'X-CloudTasks-QueueName': 'imagery-run',
        'X-CloudTasks-TaskName': 'sign-1',
        'X-CloudTasks-TaskRetryCount': '0',
        'X-CloudTasks-TaskExecutionCount': '0',
        'X-CloudTasks-TaskETA': `${START_MS / 1_000 + 1}.250000`,
      },
      body: Buffer.from('{"asset":1}'),
      deadlineMs: 45_000,
      oidc: { serviceAccountEmail: 'runner@test-project.iam.gserviceaccount.com', audience: 'https://audience' },
      atMs: START_MS + 1_250,
    },
  ])
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.OidcToken */
test('the audience of a token is the URL unless the task names another; without a token, the request has none', async () => {
  await cloud.createQueue()
  await cloud.createTask({ httpRequest: { url: URL, oidcToken: { serviceAccountEmail: 'a@b.c' } } })
  await cloud.settle()
  expect(cloud.dispatches[0]?.oidc).toEqual({ serviceAccountEmail: 'a@b.c', audience: URL })
  await cloud.createTask({ httpRequest: { url: 'http://127.0.0.1:1/plain' } })
  await cloud.settle()
  expect(cloud.dispatches[1]).not.toHaveProperty('oidc')
})

test('tasks are sent in the order of their schedule times, and none early', async () => {
  await cloud.createQueue()
  await cloud.createTask({ id: 'third', scheduleTime: inSeconds(30) })
  await cloud.createTask({ id: 'second', scheduleTime: inSeconds(20) })
  await cloud.createTask({ id: 'first' })
  await cloud.clock.advance(19_999)
  expect(cloud.dispatchedTasks()).toEqual(['first'])
  await cloud.clock.advance(60_000)
  expect(cloud.dispatchedTasks()).toEqual(['first', 'second', 'third'])
  expect(cloud.times()).toEqual([0, 20_000, 30_000])
})

test('any 2xx deletes a task, and its name stays taken', async () => {
  await cloud.createQueue()
  for (const status of [200, 201, 204, 299]) {
    cloud.answer = () => status
    await cloud.createTask({ id: `t${status}` })
    await cloud.settle()
    await expect(cloud.client.getTask({ name: `${QUEUE}/tasks/t${status}` })).rejects.toMatchObject({ code: 5 })
    await expect(cloud.createTask({ id: `t${status}` })).rejects.toMatchObject({ code: 6 })
  }
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.dispatches).toHaveLength(4)
})

test.each([199, 302, 400, 404, 429, 500, 503])('an answer of %i is retried', async (status) => {
  await cloud.createQueue()
  cloud.answer = () => (cloud.dispatches.length === 1 ? status : 200)
  await cloud.createTask()
  await cloud.clock.advance(60_000)
  expect(cloud.times()).toEqual([0, 100])
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
})

/** The example of https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.RetryConfig */
test('retries wait 10, 20, 40, 80, 160, 240, 300, 300 s as in the documented example', async () => {
  await cloud.createQueue({
    retryConfig: { minBackoff: seconds(10), maxBackoff: seconds(300), maxDoublings: 3, maxAttempts: 9 },
  })
  cloud.answer = () => 500
  await cloud.createTask()
  await cloud.clock.advance(2 * HOUR_MS)
  const times = cloud.times()
  const waits = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / 1_000)
  expect(waits).toEqual([10, 20, 40, 80, 160, 240, 300, 300])
})

test('a task is deleted after its last allowed attempt, and its name stays taken', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 3, minBackoff: seconds(1) } })
  cloud.answer = () => 500
  await cloud.createTask({ id: 'a' })
  await cloud.clock.advance(HOUR_MS / 2)
  expect(cloud.times()).toEqual([0, 1_000, 3_000])
  await expect(cloud.client.getTask({ name: `${QUEUE}/tasks/a` })).rejects.toMatchObject({ code: 5 })
  await expect(cloud.createTask({ id: 'a' })).rejects.toMatchObject({ code: 6 })
})

test('with maxRetryDuration, attempts continue until both limits are reached', async () => {
  await cloud.createQueue({
    retryConfig: {
      maxAttempts: 2,
      maxRetryDuration: seconds(10),
      minBackoff: seconds(3),
      maxDoublings: 1,
      maxBackoff: seconds(3),
    },
  })
  cloud.answer = () => 500
  await cloud.createTask()
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.times()).toEqual([0, 3_000, 6_000, 9_000, 12_000])
})

test('with unlimited attempts, maxRetryDuration alone ends the retries', async () => {
  await cloud.createQueue({
    retryConfig: { maxAttempts: -1, maxRetryDuration: seconds(5), minBackoff: seconds(2), maxBackoff: seconds(2) },
  })
  cloud.answer = () => 500
  await cloud.createTask()
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.times()).toEqual([0, 2_000, 4_000, 6_000])
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks.CreateQueue */
test('a task that never succeeds is deleted after 31 days', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: -1, minBackoff: seconds(3_600), maxBackoff: seconds(3_600) } })
  cloud.answer = () => 500
  await cloud.createTask({ id: 'a' })
  await cloud.clock.advance(30.9 * 24 * HOUR_MS)
  expect(await cloud.api.describe()).toMatchObject({ tasks: 1 })
  await cloud.clock.advance(0.2 * 24 * HOUR_MS)
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

test('the headers of a retry carry the counts of attempts and responses, and the last response', async () => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(1), maxDoublings: 16 } })
  const answers: Answer[] = [503, 404, 'lost', 429, 200]
  cloud.answer = () => answers[cloud.dispatches.length - 1] ?? 200
  await cloud.createTask()
  await cloud.clock.advance(60_000)
  const told = cloud.dispatches.map(({ headers }) => [
    headers['X-CloudTasks-TaskRetryCount'],
    // Does not count answers of 5xx: "This number does not include failures due to 5XX error codes".
    headers['X-CloudTasks-TaskExecutionCount'],
    headers['X-CloudTasks-TaskPreviousResponse'],
    headers['X-CloudTasks-TaskRetryReason'],
  ])
  expect(told).toEqual([
    ['0', '0', undefined, undefined],
    ['1', '0', '503', ''],
    ['2', '1', '404', ''],
    ['3', '1', undefined, undefined],
    ['4', '2', '429', ''],
  ])
  expect(lastHeaders()['X-CloudTasks-TaskETA']).toBe(`${START_MS / 1_000 + 15}.000000`)
})

test('a task shows its attempts', async () => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(10) } })
  const answers = [pending<Answer>(), pending<Answer>()]
  cloud.answer = () => answers[cloud.dispatches.length - 1]?.promise ?? 200
  const name = `${QUEUE}/tasks/a`
  await cloud.createTask({ id: 'a', scheduleTime: inSeconds(5) })
  await cloud.clock.advance(5_000)
  expect((await cloud.client.getTask({ name }))[0]).toMatchObject({
    dispatchCount: 1,
    responseCount: 0,
    firstAttempt: { scheduleTime: null, dispatchTime: inSecondsText(5), responseTime: null, responseStatus: null },
    lastAttempt: {
      scheduleTime: inSecondsText(5),
      dispatchTime: inSecondsText(5),
      responseTime: null,
      responseStatus: null,
    },
  })
  await cloud.clock.advance(2_000)
  answers[0]?.resolve(404)
  await cloud.settle()
  expect((await cloud.client.getTask({ name }))[0]).toMatchObject({
    dispatchCount: 1,
    responseCount: 1,
    scheduleTime: inSecondsText(17),
    lastAttempt: {
      responseTime: inSecondsText(7),
      responseStatus: { code: 5, message: 'NOT_FOUND(5): HTTP status code 404' },
    },
  })
  await cloud.clock.advance(10_000)
  expect((await cloud.client.getTask({ name }))[0]).toMatchObject({
    dispatchCount: 2,
    responseCount: 1,
    firstAttempt: { dispatchTime: inSecondsText(5) },
    lastAttempt: {
      scheduleTime: inSecondsText(17),
      dispatchTime: inSecondsText(17),
      responseTime: null,
      responseStatus: null,
    },
  })
})

const inSecondsText = (value: number) => ({ seconds: String(START_MS / 1_000 + value), nanos: 0 })

test('an attempt that outlives its deadline counts as DEADLINE_EXCEEDED, not as a response', async () => {
  const { GoogleError } = await import('../../src/kernel/errors.ts')
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(10) } })
  cloud.answer = () => Promise.reject(new GoogleError('DEADLINE_EXCEEDED', 'no answer within 15000 ms'))
  await cloud.createTask({ id: 'a', dispatchDeadline: seconds(15) })
  await cloud.settle()
  expect(cloud.dispatches[0]?.deadlineMs).toBe(15_000)
  expect((await cloud.client.getTask({ name: `${QUEUE}/tasks/a` }))[0]).toMatchObject({
    dispatchCount: 1,
    responseCount: 0,
    lastAttempt: { responseStatus: { code: 4 } },
  })
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks.RunTask */
test('RunTask dispatches at once: before its time, in a paused queue, beyond the limits', async () => {
  await cloud.createQueue({ rateLimits: { maxDispatchesPerSecond: 0.001, maxConcurrentDispatches: 1 } })
  await cloud.client.pauseQueue({ name: QUEUE })
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  for (const id of ['a', 'b']) {
    await cloud.createTask({ id, scheduleTime: inSeconds(3_000) })
    const [run] = await cloud.client.runTask({ name: `${QUEUE}/tasks/${id}` })
    expect(run).toMatchObject({ dispatchCount: 1, responseCount: 0, lastAttempt: { dispatchTime: inSecondsText(0) } })
  }
  expect(cloud.dispatchedTasks()).toEqual(['a', 'b'])
  answer.resolve(200)
  await cloud.settle()
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
  await expect(cloud.client.runTask({ name: `${QUEUE}/tasks/a` })).rejects.toMatchObject({ code: 5 })
})

test('a task whose forced run fails is scheduled from the time of the call', async () => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(10) } })
  const answers = [pending<Answer>()]
  cloud.answer = () => answers[cloud.dispatches.length - 1]?.promise ?? 200
  await cloud.createTask({ id: 'a', scheduleTime: inSeconds(3_000) })
  await cloud.client.runTask({ name: `${QUEUE}/tasks/a` })
  await cloud.clock.advance(4_000)
  answers[0]?.resolve(500)
  await cloud.settle()
  expect((await cloud.client.getTask({ name: `${QUEUE}/tasks/a` }))[0].scheduleTime).toEqual(inSecondsText(10))
  await cloud.clock.advance(60_000)
  expect(cloud.times()).toEqual([0, 10_000])
})

test('a task that RunTask sent early is not sent again at its time while that attempt is in progress', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'a', scheduleTime: inSeconds(10) })
  await cloud.client.runTask({ name: `${QUEUE}/tasks/a` })
  await cloud.clock.advance(60_000)
  expect(cloud.dispatches).toHaveLength(1)
  answer.resolve(200)
  await cloud.settle()
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

test('RunTask sends a task again during an attempt; the first success ends it', async () => {
  await cloud.createQueue()
  const answers = [pending<Answer>(), pending<Answer>()]
  cloud.answer = () => answers[cloud.dispatches.length - 1]?.promise ?? 200
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  await cloud.client.runTask({ name: `${QUEUE}/tasks/a` })
  expect(cloud.dispatches).toHaveLength(2)
  answers[0]?.resolve(500)
  await cloud.clock.advance(10_000)
  // Its retry is due, but one attempt is still in progress.
  expect(cloud.dispatches).toHaveLength(2)
  answers[1]?.resolve(200)
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.dispatches).toHaveLength(2)
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

test('a task that is deleted during an attempt is not sent again', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  await cloud.client.deleteTask({ name: `${QUEUE}/tasks/a` })
  answer.resolve(500)
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.dispatches).toHaveLength(1)
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

test('a task that is deleted while it waits is not dispatched', async () => {
  await cloud.createQueue()
  await cloud.createTask({ id: 'a', scheduleTime: inSeconds(10) })
  await cloud.createTask({ id: 'b', scheduleTime: inSeconds(10) })
  await cloud.client.deleteTask({ name: `${QUEUE}/tasks/a` })
  await cloud.clock.advance(60_000)
  expect(cloud.dispatchedTasks()).toEqual(['b'])
  await cloud.createTask({ id: 'c', scheduleTime: inSeconds(100) })
  await cloud.client.deleteTask({ name: `${QUEUE}/tasks/c` })
  expect(await cloud.stats()).toMatchObject({ tasksCount: '0', oldestEstimatedArrivalTime: null })
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.Task */
test("a task's own retry settings replace those of its queue", async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 100, minBackoff: seconds(100) } })
  cloud.answer = () => 500
  const retryConfig = { maxAttempts: 2, minBackoff: seconds(7) }
  const [task] = await cloud.beta.createTask({ parent: QUEUE, task: { httpRequest: { url: URL }, retryConfig } })
  expect(task.retryConfig).toMatchObject({ maxAttempts: 2, minBackoff: { seconds: '7', nanos: 0 } })
  await cloud.clock.advance(HOUR_MS)
  expect(cloud.times()).toEqual([0, 7_000])
})
