import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isExhausted, retryAfterMs, retryDelayMs } from '../../src/apis/tasks/backoff.ts'
import { DispatchRate } from '../../src/apis/tasks/dispatch-rate.ts'
import { LOCATION, pending, QUEUE, START_MS, TasksCloud, URL, type Answer } from './tasks-fixture.ts'

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

const seconds = (value: number) => ({ seconds: value, nanos: 0 })

async function createTasks(count: number, queue = QUEUE): Promise<void> {
  const requests = Array.from({ length: count }, () => ({ parent: queue, task: { httpRequest: { url: URL } } }))
  for (let from = 0; from < count; from += 100) {
    await cloud.beta.batchCreateTasks({ parent: queue, requests: requests.slice(from, from + 100) })
  }
}

const dispatchedBy = (ms: number): number => cloud.times().filter((time) => time <= ms).length

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.RateLimits */
test('a queue dispatches its burst at once and then at its rate', async () => {
  await cloud.createQueue({ rateLimits: { maxDispatchesPerSecond: 5 } })
  await createTasks(40)
  await cloud.clock.advance(4_000)
  // A bucket of 10 tokens that gains 5 a second.
  expect(dispatchedBy(0)).toBe(10)
  expect(dispatchedBy(1_000)).toBe(15)
  expect(dispatchedBy(4_000)).toBe(30)
})

test('a rate below one per second is kept', async () => {
  await cloud.beta.createQueue({
    parent: LOCATION,
    queue: { name: QUEUE, rateLimits: { maxDispatchesPerSecond: 0.1, maxBurstSize: 1 } },
  })
  await createTasks(3)
  await cloud.clock.advance(60_000)
  expect(cloud.times()).toEqual([0, 10_000, 20_000])
})

test('500 dispatches per second are reached even with the smallest bucket', async () => {
  await cloud.beta.createQueue({ parent: LOCATION, queue: { name: QUEUE, rateLimits: { maxBurstSize: 1 } } })
  await createTasks(1_100)
  await cloud.clock.advance(2_000)
  expect(dispatchedBy(2_000)).toBeGreaterThanOrEqual(995)
  expect(dispatchedBy(2_000)).toBeLessThanOrEqual(1_005)
})

test('retries use tokens too', async () => {
  await cloud.beta.createQueue({
    parent: LOCATION,
    queue: { name: QUEUE, rateLimits: { maxDispatchesPerSecond: 1, maxBurstSize: 1 }, retryConfig: { maxAttempts: 3 } },
  })
  cloud.answer = () => 404
  await createTasks(1)
  await cloud.clock.advance(10_000)
  expect(cloud.times()).toEqual([0, 1_000, 2_000])
})

test('a new rate counts from the moment it is set', async () => {
  await cloud.beta.createQueue({
    parent: LOCATION,
    queue: { name: QUEUE, rateLimits: { maxDispatchesPerSecond: 0.01, maxBurstSize: 1 } },
  })
  await createTasks(3)
  await cloud.clock.advance(10_000)
  expect(cloud.times()).toEqual([0])
  await cloud.beta.updateQueue({
    queue: { name: QUEUE, rateLimits: { maxDispatchesPerSecond: 1, maxBurstSize: 1 } },
    updateMask: { paths: ['rate_limits'] },
  })
  await cloud.clock.advance(3_000)
  // A tenth of a token was already there.
  expect(cloud.times()).toEqual([0, 10_900, 11_900])
})

test('no more tasks run at once than maxConcurrentDispatches allows', async () => {
  await cloud.createQueue({ rateLimits: { maxConcurrentDispatches: 3 } })
  const answers: ReturnType<typeof pending<Answer>>[] = []
  cloud.answer = () => {
    const answer = pending<Answer>()
    answers.push(answer)
    return answer.promise
  }
  await createTasks(7)
  await cloud.clock.advance(60_000)
  expect(answers).toHaveLength(3)
  answers[1]?.resolve(200)
  await cloud.settle()
  expect(answers).toHaveLength(4)
  for (const answer of answers) answer.resolve(200)
  await cloud.settle()
  expect(answers).toHaveLength(7)
})

test('a waiting queue does not delay another', async () => {
  await cloud.createQueue({ rateLimits: { maxConcurrentDispatches: 1 } })
  cloud.answer = ({ headers }) =>
    headers['X-CloudTasks-QueueName'] === 'imagery-run' ? new Promise<Answer>(() => undefined) : 200
  await createTasks(300)
  const other = `${LOCATION}/queues/other`
  await cloud.createQueue({}, other)
  await cloud.createTask({ id: 'quick' }, other)
  await cloud.settle()
  expect(cloud.dispatchedTasks()).toContain('quick')
})

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.HttpRequest */
test.each([
  ['seconds', '30', 30_000],
  ['an HTTP date', new Date(START_MS + 45_000).toUTCString(), 45_000],
  ['less than the backoff', '1', 10_000],
  ['nonsense', 'soon', 10_000],
  ['a date in the past', new Date(START_MS - 60_000).toUTCString(), 10_000],
])('a Retry-After of %s is honored for the task', async (_, value, expectedMs) => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(10) } })
  cloud.answer = () => (cloud.dispatches.length === 1 ? { status: 503, headers: { 'Retry-After': value } } : 200)
  await createTasks(1)
  await cloud.clock.advance(120_000)
  expect(cloud.times()).toEqual([0, expectedMs])
})

test.each([429, 503])('an answer of %i halves the rate of its queue, and successes restore it', async (status) => {
  await cloud.createQueue({ rateLimits: { maxDispatchesPerSecond: 100 } })
  const rate = async (): Promise<number> => Number((await cloud.stats()).effectiveExecutionRate)
  cloud.answer = () => status
  await createTasks(1)
  await cloud.settle()
  expect(await rate()).toBe(50)
  // Halved again by later failures, but at most once a second.
  await cloud.clock.advance(800)
  expect(cloud.dispatches.length).toBeGreaterThan(2)
  expect(await rate()).toBe(50)
  cloud.answer = () => 200
  await createTasks(10)
  await cloud.clock.advance(2_000)
  const recovering = await rate()
  expect(recovering).toBeGreaterThanOrEqual(60)
  await createTasks(50)
  await cloud.clock.advance(5_000)
  expect(await rate()).toBe(100)
})

test('a queue whose target is overloaded slows down to one dispatch per second and never stops', async () => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(1), maxBackoff: seconds(1) } })
  cloud.answer = () => 429
  await createTasks(500)
  await cloud.clock.advance(30_000)
  expect((await cloud.stats()).effectiveExecutionRate).toBe(1)
  const before = cloud.dispatches.length
  await cloud.clock.advance(20_000)
  expect(cloud.dispatches.length - before).toBe(20)
})

test('single errors do not slow a queue; a high error rate does', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 1 } })
  cloud.answer = () => (cloud.dispatches.length % 3 === 0 ? 500 : 200)
  await createTasks(100)
  await cloud.clock.advance(1_000)
  expect((await cloud.stats()).effectiveExecutionRate).toBe(500)
  cloud.answer = () => 500
  await createTasks(100)
  await cloud.clock.advance(1_000)
  expect((await cloud.stats()).effectiveExecutionRate).toBeLessThanOrEqual(250)
})

test("throttling does not change the queue's visible settings", async () => {
  await cloud.createQueue({ rateLimits: { maxDispatchesPerSecond: 100 } })
  cloud.answer = () => 429
  await createTasks(1)
  await cloud.clock.advance(100)
  const [queue] = await cloud.client.getQueue({ name: QUEUE })
  expect(queue.rateLimits?.maxDispatchesPerSecond).toBe(100)
})

describe('the arithmetic', () => {
  const config = {
    maxAttempts: 100,
    maxRetryDurationMs: 0,
    minBackoffMs: 100,
    maxBackoffMs: 3_600_000,
    maxDoublings: 16,
  }

  test('the default backoff doubles 16 times, then stays at an hour', () => {
    expect([1, 2, 3, 15, 16, 17, 100].map((attempts) => retryDelayMs(config, attempts))).toEqual([
      100, 200, 400, 1_638_400, 3_276_800, 3_600_000, 3_600_000,
    ])
  })

  test('without doublings the backoff grows linearly', () => {
    const linear = { ...config, minBackoffMs: 1_000, maxBackoffMs: 3_500, maxDoublings: 0 }
    expect([1, 2, 3, 4].map((attempts) => retryDelayMs(linear, attempts))).toEqual([1_000, 2_000, 3_000, 3_500])
  })

  test('both limits must be reached; a missing one does not count', () => {
    const both = { ...config, maxAttempts: 3, maxRetryDurationMs: 60_000 }
    expect(isExhausted(both, 3, 59_999)).toBe(false)
    expect(isExhausted(both, 2, 60_000)).toBe(false)
    expect(isExhausted(both, 3, 60_000)).toBe(true)
    expect(isExhausted({ ...config, maxAttempts: 3 }, 3, 0)).toBe(true)
    expect(isExhausted({ ...config, maxAttempts: -1 }, 1_000_000, 1e12)).toBe(false)
  })

  test('Retry-After is a number of seconds or a date', () => {
    expect(retryAfterMs(undefined, START_MS)).toBe(0)
    expect(retryAfterMs(' 120 ', START_MS)).toBe(120_000)
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', START_MS)).toBe(30_000)
    expect(retryAfterMs('-5', START_MS)).toBe(0)
  })

  test('a slowed queue does not spend its saved burst', () => {
    const limits = { maxDispatchesPerSecond: 100, maxBurstSize: 100, maxConcurrentDispatches: 1 }
    const rate = new DispatchRate(limits, START_MS)
    rate.observe('overload', START_MS)
    rate.observe('overload', START_MS + 1_000)
    let taken = 0
    while (rate.take(START_MS + 1_000) === 0) taken += 1
    expect(taken).toBe(25)
  })

  test('a clock that is set back neither fills nor drains the bucket', () => {
    const rate = new DispatchRate({ maxDispatchesPerSecond: 1, maxBurstSize: 2, maxConcurrentDispatches: 1 }, START_MS)
    expect([rate.take(START_MS), rate.take(START_MS)]).toEqual([0, 0])
    expect(rate.take(START_MS - 3_600_000)).toBe(1_000)
    expect(rate.take(START_MS - 3_599_000)).toBe(0)
  })
})
