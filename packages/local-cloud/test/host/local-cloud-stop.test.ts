import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { admin, callApi, LocalClouds } from './local-cloud-fixture.ts'

const clouds = new LocalClouds()

const PARENT = 'v2/projects/imagery-local/locations/us-central1'

/** A request that reached the target; the test answers it. */
interface Received {
  path: string
  retryCount: string | undefined
  executionCount: string | undefined
  answer: (status: number) => void
}

/** The target of tasks and messages. */
let target: Server
let url: string
let received: Received[]

beforeEach(async () => {
  received = []
  target = createServer((request: IncomingMessage, response: ServerResponse) => {
    const header = (name: string): string | undefined => request.headers[`x-cloudtasks-${name}`]?.toString()
    received.push({
      path: request.url ?? '',
      retryCount: header('taskretrycount'),
      executionCount: header('taskexecutioncount'),
      answer: (status) => void response.writeHead(status).end(),
    })
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`
})

afterEach(async () => {
  target.closeAllConnections()
  await new Promise((resolve) => target.close(resolve))
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function post(cloud: LocalCloud, route: string, body: unknown, method = 'POST'): Promise<void> {
  const answer = await callApi(cloud, `/${route}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status, await answer.text()).toBe(200)
}

/** A queue that sends one task at a time, with tasks to paths of the target. */
async function queueTasks(cloud: LocalCloud, ...paths: string[]): Promise<void> {
  await post(cloud, `${PARENT}/queues`, {
    name: `${PARENT.slice(3)}/queues/q`,
    rateLimits: { maxConcurrentDispatches: 1 },
    retryConfig: { minBackoff: '0.1s', maxBackoff: '0.1s' },
  })
  for (const path of paths)
    await post(cloud, `${PARENT}/queues/q/tasks`, { task: { httpRequest: { url: url + path } } })
}

/** The messages of a local cloud that is stopping. */
async function health(cloud: LocalCloud): Promise<unknown> {
  return (await admin(cloud, 'GET', 'health')).body
}

describe('stopping a local cloud', () => {
  it('sends no new task, waits for the one in progress, and keeps its answer for the next start', async () => {
    const cloud = await clouds.start()
    await queueTasks(cloud, '/one', '/two')
    await until(() => received.length === 1)
    const stopped = cloud.stop()
    await until(async () => ((await health(cloud)) as { status: string }).status === 'stopping')
    expect(await health(cloud)).toMatchObject({ unfinished: { deliveries: 1, modelCalls: 0 } })
    // The APIs still answer, because a running program may need them to finish.
    expect((await callApi(cloud, '/storage/v1/b?project=imagery-local')).status).toBe(200)
    received[0]!.answer(200)
    await stopped
    expect(received.map(({ path }) => path)).toEqual(['/one'])
    await clouds.start()
    await until(() => received.length === 2)
    expect(received[1]).toMatchObject({ path: '/two', retryCount: '0' })
    received[1]!.answer(200)
  })

  it('also waits for a message in progress and records its acknowledgement', async () => {
    const cloud = await clouds.start()
    const topic = 'projects/imagery-local/topics/shards'
    await post(cloud, `v1/${topic}`, {}, 'PUT')
    const pushConfig = { pushEndpoint: `${url}/push` }
    await post(cloud, 'v1/projects/imagery-local/subscriptions/shards', { topic, pushConfig }, 'PUT')
    await post(cloud, `v1/${topic}:publish`, { messages: [{ data: 'YQ==' }] })
    await until(() => received.length === 1)
    const stopped = cloud.stop()
    received[0]!.answer(204)
    await stopped
    const again = await clouds.start()
    await until(async () => {
      const { body } = await admin(again, 'GET', 'state')
      return (body as { apis: Record<string, Record<string, number>> }).apis['pubsub']?.['unacknowledgedMessages'] === 0
    })
    expect(received).toHaveLength(1)
  })

  it('immediately, even during a normal stop, cancels the delivery and counts it on redelivery', async () => {
    const cloud = await clouds.start()
    await queueTasks(cloud, '/one')
    await until(() => received.length === 1)
    const stopped = cloud.stop()
    await until(async () => ((await health(cloud)) as { status: string }).status === 'stopping')
    expect((await admin(cloud, 'POST', 'shutdown?now=true')).status).toBe(202)
    await stopped
    await clouds.start()
    await until(() => received.length === 2)
    expect(received[1]).toMatchObject({ path: '/one', retryCount: '1', executionCount: '0' })
    received[1]!.answer(200)
  })
})

describe('an unused local cloud', () => {
  const lease = async ({ locator }: LocalCloud): Promise<AbortController> => {
    const abort = new AbortController()
    const headers = { authorization: `Bearer ${locator.adminToken}` }
    const answer = await fetch(`${locator.http}/_imagery/lease`, { headers, signal: abort.signal })
    answer.body?.pipeTo(new WritableStream()).catch(() => undefined)
    return abort
  }

  /** Slightly after the time at which a local cloud without a lease stops sending. */
  const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_200))

  it('keeps running for a user who returns while it waits, and otherwise stops after the last answer', async () => {
    const cloud = await clouds.start({ stopWhenIdle: true })
    const first = await lease(cloud)
    await queueTasks(cloud, '/one', '/two', '/three')
    await until(() => received.length === 1)
    first.abort()
    await idle()
    const second = await lease(cloud)
    received[0]!.answer(200)
    await until(() => received.length === 2)
    second.abort()
    await idle()
    expect(await health(cloud)).toMatchObject({ status: 'ready' })
    received[1]!.answer(200)
    await cloud.stopped
    expect(received.map(({ path }) => path)).toEqual(['/one', '/two'])
  })
})

describe('a task that a fault rule delivers twice', () => {
  it('arrives the second time as a retry, as after a lost answer, and the next retry counts both', async () => {
    const faults = [{ method: 'deliver/*', nth: 1, effect: { kind: 'duplicate' } }] as const
    const cloud = await clouds.start({ faults })
    await queueTasks(cloud, '/one')
    const counts = async (nth: number): Promise<unknown> => {
      await until(() => received.length > nth)
      const { retryCount, executionCount } = received[nth]!
      return { retryCount, executionCount }
    }
    expect(await counts(0)).toEqual({ retryCount: '0', executionCount: '0' })
    received[0]!.answer(429)
    expect(await counts(1)).toEqual({ retryCount: '1', executionCount: '0' })
    received[1]!.answer(200)
    expect(await counts(2)).toEqual({ retryCount: '2', executionCount: '1' })
    received[2]!.answer(200)
  })
})
