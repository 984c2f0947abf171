import { afterEach, beforeEach, expect, test } from 'vitest'
import { LOCATION, pending, QUEUE, START_MS, TasksCloud, URL, type Answer } from './tasks-fixture.ts'

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

const seconds = (value: number) => ({ seconds: value, nanos: 0 })

test('queues of one location are listed in lexicographical order, page by page', async () => {
  const names = ['c', 'a', 'b', 'e', 'd'].map((id) => `${LOCATION}/queues/${id}`)
  for (const name of names) await cloud.createQueue({}, name)
  await cloud.client.createQueue({
    parent: 'projects/test-project/locations/europe-west1',
    queue: { name: 'projects/test-project/locations/europe-west1/queues/a' },
  })
  const [first, , page] = await cloud.client.listQueues({ parent: LOCATION, pageSize: 2 }, { autoPaginate: false })
  expect(first.map(({ name }) => name)).toEqual([`${LOCATION}/queues/a`, `${LOCATION}/queues/b`])
  expect(page?.nextPageToken).not.toBe('')
  const [all] = await cloud.client.listQueues({ parent: LOCATION, pageSize: 2 })
  expect(all.map(({ name }) => name)).toEqual(names.toSorted())
})

// https://cloud.google.com/tasks/docs/locations; googleapis/nodejs-tasks#509 and mondoohq/mql#8177 have the message.
test.each(['europe-west4', 'us-east5', 'global'])('there are no queues in %s', async (region) => {
  const parent = `projects/test-project/locations/${region}`
  const refusal = {
    code: 3,
    details: `Location '${region}' is not a valid location. Use ListLocations to list valid locations.`,
  }
  await expect(cloud.client.createQueue({ parent, queue: { name: `${parent}/queues/a` } })).rejects.toMatchObject(
    refusal,
  )
  await expect(cloud.client.listQueues({ parent }, { autoPaginate: false })).rejects.toMatchObject(refusal)
})

test('a page token that Cloud Tasks did not issue is refused', async () => {
  await cloud.createQueue()
  const asked = cloud.client.listTasks({ parent: QUEUE, pageToken: 'garbage' }, { autoPaginate: false })
  await expect(asked).rejects.toMatchObject({ code: 3 })
})

test('an update with a mask changes only the fields it names', async () => {
  await cloud.createQueue({ rateLimits: { maxConcurrentDispatches: 7 }, retryConfig: { maxAttempts: 3 } })
  const [updated] = await cloud.client.updateQueue({
    queue: {
      name: QUEUE,
      rateLimits: { maxDispatchesPerSecond: 5, maxConcurrentDispatches: 99 },
      retryConfig: { maxAttempts: 9 },
    },
    updateMask: { paths: ['rate_limits.max_dispatches_per_second'] },
  })
  // The burst size follows the rate: v2beta3 RateLimits.max_burst_size.
  expect(updated.rateLimits).toEqual({ maxDispatchesPerSecond: 5, maxBurstSize: 10, maxConcurrentDispatches: 7 })
  expect(updated.retryConfig?.maxAttempts).toBe(3)
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.RateLimits */
test('in v2beta3 the burst size follows a new rate unless it is set with it', async () => {
  const queue = { name: QUEUE, rateLimits: { maxDispatchesPerSecond: 100, maxBurstSize: 77 } }
  await cloud.beta.createQueue({ parent: LOCATION, queue })
  const update = async (rateLimits: object, ...paths: string[]): Promise<unknown> => {
    const [updated] = await cloud.beta.updateQueue({ queue: { name: QUEUE, rateLimits }, updateMask: { paths } })
    return updated.rateLimits
  }
  const rate = 'rate_limits.max_dispatches_per_second'
  const burst = 'rate_limits.max_burst_size'
  expect(await update({ maxConcurrentDispatches: 5 }, 'rate_limits.max_concurrent_dispatches')).toMatchObject({
    maxBurstSize: 77,
    maxConcurrentDispatches: 5,
  })
  expect(await update({ maxDispatchesPerSecond: 500 }, rate)).toMatchObject({ maxBurstSize: 100 })
  expect(await update({ maxDispatchesPerSecond: 400, maxBurstSize: 9 }, rate, burst)).toMatchObject({ maxBurstSize: 9 })
})

test('a field that the mask names and the update leaves unset is reset to its default', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 3, minBackoff: seconds(5) } })
  const [updated] = await cloud.client.updateQueue({
    queue: { name: QUEUE, retryConfig: { minBackoff: seconds(1) } },
    updateMask: { paths: ['retry_config'] },
  })
  expect(updated.retryConfig).toMatchObject({ maxAttempts: 100, minBackoff: { seconds: '1', nanos: 0 } })
})

test('without a mask all fields except the state are updated', async () => {
  await cloud.createQueue({ rateLimits: { maxDispatchesPerSecond: 5 }, retryConfig: { maxAttempts: 3 } })
  await cloud.client.pauseQueue({ name: QUEUE })
  const [updated] = await cloud.client.updateQueue({
    queue: { name: QUEUE, state: 'RUNNING', retryConfig: { maxAttempts: 4 } },
  })
  expect(updated.rateLimits?.maxDispatchesPerSecond).toBe(500)
  expect(updated.retryConfig?.maxAttempts).toBe(4)
  expect(updated.state).toBe('PAUSED')
})

test('an update by v2 keeps the fields that only v2beta3 can set', async () => {
  await cloud.beta.createQueue({ parent: LOCATION, queue: { name: QUEUE, tombstoneTtl: seconds(7_200) } })
  await cloud.client.updateQueue({ queue: { name: QUEUE, retryConfig: { maxAttempts: 4 } } })
  const [queue] = await cloud.beta.getQueue({ name: QUEUE })
  expect(queue).toMatchObject({ tombstoneTtl: { seconds: '7200' }, retryConfig: { maxAttempts: 4 } })
})

test('a mask that names no field of a queue is refused', async () => {
  await cloud.createQueue()
  const update = (path: string): Promise<unknown> =>
    cloud.client.updateQueue({ queue: { name: QUEUE }, updateMask: { paths: [path] } })
  await expect(update('rate_limit')).rejects.toMatchObject({ code: 3 })
  await expect(update('rate_limits.speed')).rejects.toMatchObject({ code: 3 })
  await expect(update('task_ttl.seconds.more')).rejects.toMatchObject({ code: 3 })
})

test('an update that breaks a limit is refused and changes nothing', async () => {
  await cloud.createQueue({ retryConfig: { maxBackoff: seconds(10) } })
  const update = cloud.client.updateQueue({
    queue: { name: QUEUE, retryConfig: { minBackoff: seconds(11) } },
    updateMask: { paths: ['retry_config.min_backoff'] },
  })
  await expect(update).rejects.toMatchObject({ code: 3 })
  const [queue] = await cloud.client.getQueue({ name: QUEUE })
  expect(queue.retryConfig?.minBackoff).toEqual({ seconds: '0', nanos: 100_000_000 })
})

test('updating a missing queue creates it, unless its name is still taken', async () => {
  const [created] = await cloud.client.updateQueue({ queue: { name: QUEUE, retryConfig: { maxAttempts: 2 } } })
  expect(created).toMatchObject({ name: QUEUE, state: 'RUNNING', retryConfig: { maxAttempts: 2 } })
  await cloud.client.deleteQueue({ name: QUEUE })
  await expect(cloud.client.updateQueue({ queue: { name: QUEUE } })).rejects.toMatchObject({ code: 9 })
})

test('a paused queue accepts tasks and dispatches them only after it is resumed', async () => {
  await cloud.createQueue()
  const [paused] = await cloud.client.pauseQueue({ name: QUEUE })
  expect(paused.state).toBe('PAUSED')
  await cloud.createTask()
  await cloud.clock.advance(60_000)
  expect(cloud.dispatches).toEqual([])
  const [resumed] = await cloud.client.resumeQueue({ name: QUEUE })
  expect(resumed.state).toBe('RUNNING')
  await cloud.settle()
  expect(cloud.times()).toEqual([60_000])
})

test('an attempt in progress when its queue is paused finishes, and is not retried before the resume', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  await cloud.client.pauseQueue({ name: QUEUE })
  answer.resolve(500)
  await cloud.clock.advance(10_000)
  expect(cloud.dispatches).toHaveLength(1)
  await cloud.client.resumeQueue({ name: QUEUE })
  await cloud.settle()
  expect(cloud.dispatches).toHaveLength(2)
})

test('a purge deletes every task, keeps their names taken and records its time', async () => {
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
  for (const id of ['a', 'b', 'c']) await cloud.createTask({ id })
  await cloud.clock.advance(5_000)
  const [purged] = await cloud.client.purgeQueue({ name: QUEUE })
  expect(purged.purgeTime).toEqual({ seconds: String(START_MS / 1_000 + 5), nanos: 0 })
  expect((await cloud.client.listTasks({ parent: QUEUE }))[0]).toEqual([])
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
  expect(await cloud.stats()).toMatchObject({ tasksCount: '0', oldestEstimatedArrivalTime: null })
  await expect(cloud.createTask({ id: 'a' })).rejects.toMatchObject({ code: 6 })
  await cloud.client.resumeQueue({ name: QUEUE })
  await cloud.createTask({ id: 'd' })
  await cloud.settle()
  expect(cloud.dispatchedTasks()).toEqual(['d'])
})

test('attempts in progress during a purge end without effect', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  await cloud.client.purgeQueue({ name: QUEUE })
  answer.resolve(500)
  await cloud.clock.advance(3_600_000)
  expect(cloud.dispatches).toHaveLength(1)
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
})

test('deleting a queue deletes its tasks; attempts in progress end without effect', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'a' })
  await cloud.createTask({ id: 'later', scheduleTime: seconds(START_MS / 1_000 + 60) })
  await cloud.settle()
  await cloud.client.deleteQueue({ name: QUEUE })
  answer.resolve(500)
  await cloud.clock.advance(3_600_000)
  expect(cloud.dispatches).toHaveLength(1)
  expect(await cloud.api.describe()).toEqual({ queues: 0, tasks: 0 })
})

test('a new queue with a freed name has nothing of the old one', async () => {
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
  await cloud.createTask({ id: 'a' })
  await cloud.client.deleteQueue({ name: QUEUE })
  await cloud.clock.advance(7 * 86_400_000)
  expect((await cloud.createQueue()).state).toBe('RUNNING')
  await cloud.settle()
  expect(cloud.dispatches).toEqual([])
  await expect(cloud.createTask({ id: 'a' })).resolves.toMatchObject({ dispatchCount: 0 })
})

test('tasks are listed page by page, without their bodies unless the view is FULL', async () => {
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
  for (const id of ['a', 'b', 'c']) {
    await cloud.createTask({ id, httpRequest: { url: URL, body: Buffer.from(`body of ${id}`) } })
  }
  const [page, , answer] = await cloud.client.listTasks({ parent: QUEUE, pageSize: 2 }, { autoPaginate: false })
  expect(page).toHaveLength(2)
  expect(answer?.nextPageToken).not.toBe('')
  const [basic] = await cloud.client.listTasks({ parent: QUEUE, pageSize: 2 })
  expect(basic.map(({ name }) => name?.slice(-1))).toEqual(['a', 'b', 'c'])
  expect(basic.map(({ view, httpRequest }) => [view, String(httpRequest?.body ?? '')])).toEqual([
    ['BASIC', ''],
    ['BASIC', ''],
    ['BASIC', ''],
  ])
  const [full] = await cloud.client.listTasks({ parent: QUEUE, responseView: 'FULL' })
  expect(full.map(({ httpRequest }) => String(httpRequest?.body))).toEqual(['body of a', 'body of b', 'body of c'])
})

test('a task has its body only in the FULL view, even in the response to its creation', async () => {
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
  const name = `${QUEUE}/tasks/a`
  const task = { name, httpRequest: { url: URL, body: Buffer.from('payload') } }
  const [created] = await cloud.client.createTask({ parent: QUEUE, task, responseView: 'FULL' })
  expect(String(created.httpRequest?.body)).toBe('payload')
  const [basic] = await cloud.client.getTask({ name })
  expect(String(basic.httpRequest?.body)).toBe('')
  const [full] = await cloud.client.getTask({ name, responseView: 'FULL' })
  expect(String(full.httpRequest?.body)).toBe('payload')
})

test('v2beta3 shows a queue without its statistics unless the read mask names them', async () => {
  await cloud.createQueue()
  const [whole] = await cloud.beta.getQueue({ name: QUEUE })
  expect(whole).toMatchObject({
    name: QUEUE,
    stats: null,
    type: 'PUSH',
    tombstoneTtl: { seconds: '3600' },
    taskTtl: { seconds: '2678400' },
  })
  const [masked] = await cloud.beta.getQueue({ name: QUEUE, readMask: { paths: ['name', 'stats.tasks_count'] } })
  expect(masked).toMatchObject({
    name: QUEUE,
    rateLimits: null,
    state: 'STATE_UNSPECIFIED',
    stats: { tasksCount: '0' },
  })
  const [listed] = await cloud.beta.listQueues({ parent: LOCATION, readMask: { paths: ['stats'] } })
  expect(listed[0]?.stats).toMatchObject({ tasksCount: '0' })
  await expect(cloud.beta.getQueue({ name: QUEUE, readMask: { paths: ['nonsense'] } })).rejects.toMatchObject({
    code: 3,
  })
})

test('statistics show the queued tasks, the next one, those in progress and those of the last minute', async () => {
  await cloud.createQueue({ rateLimits: { maxConcurrentDispatches: 2 } })
  const answers = [pending<Answer>(), pending<Answer>()]
  cloud.answer = () => answers[cloud.dispatches.length - 1]?.promise ?? 200
  const dueS = START_MS / 1_000 + 90
  for (const id of ['a', 'b']) await cloud.createTask({ id })
  await cloud.createTask({ id: 'later', scheduleTime: seconds(dueS) })
  await cloud.settle()
  expect(await cloud.stats()).toEqual({
    tasksCount: '3',
    oldestEstimatedArrivalTime: { seconds: String(dueS), nanos: 0 },
    executedLastMinuteCount: '0',
    concurrentDispatchesCount: '2',
    effectiveExecutionRate: 500,
  })
  answers[0]?.resolve(200)
  answers[1]?.resolve(500)
  await cloud.settle()
  expect(await cloud.stats()).toMatchObject({
    tasksCount: '2',
    executedLastMinuteCount: '2',
    concurrentDispatchesCount: '0',
  })
  await cloud.clock.advance(70_000)
  expect(await cloud.stats()).toMatchObject({ tasksCount: '1', executedLastMinuteCount: '0' })
})
