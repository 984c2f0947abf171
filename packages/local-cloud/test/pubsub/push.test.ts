import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Answer } from './pubsub-fixture.ts'
import { deferred, ENDPOINT, listen, PubSubCloud, SUBSCRIPTION, TOPIC } from './pubsub-fixture.ts'

let cloud: PubSubCloud
const started = async (options?: ConstructorParameters<typeof PubSubCloud>[0]): Promise<PubSubCloud> => {
  cloud = new PubSubCloud(options)
  await cloud.start()
  return cloud
}
afterEach(() => cloud.destroy())

// https://cloud.google.com/pubsub/docs/push#receive_push
describe('a push', () => {
  test('sends the documented envelope', async () => {
    await started()
    await cloud.subscribe()
    const message = { data: Buffer.from('Hello Cloud Pub/Sub! Here is my message!'), attributes: { key: 'value' } }
    const [{ messageIds }] = await cloud.publisher.publish({ topic: TOPIC, messages: [message] })
    await cloud.settle()
    expect(cloud.envelopes()).toEqual([
      {
        message: {
          attributes: { key: 'value' },
          data: 'SGVsbG8gQ2xvdWQgUHViL1N1YiEgSGVyZSBpcyBteSBtZXNzYWdlIQ==',
          messageId: messageIds?.[0],
          message_id: messageIds?.[0],
          publishTime: '2026-01-01T00:00:00.000Z',
          publish_time: '2026-01-01T00:00:00.000Z',
        },
        subscription: SUBSCRIPTION,
      },
    ])
    expect(cloud.pushes[0]).toMatchObject({
      method: 'POST',
      url: ENDPOINT,
      headers: {
        'content-type': 'application/json',
        from: 'noreply@google.com',
        'user-agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
      },
    })
  })

  test('carries the ordering key', async () => {
    await started()
    await cloud.subscribe()
    const [topic] = await cloud.client.topic(TOPIC, { messageOrdering: true }).get()
    await topic.publishMessage({ data: Buffer.from('x'), orderingKey: 'sign-7' })
    await cloud.settle()
    expect(cloud.envelopes()[0]?.message.orderingKey).toBe('sign-7')
  })

  test("asks for the service account's token, for the audience or, without one, for the endpoint", async () => {
    await started()
    const oidcToken = { serviceAccountEmail: 'pusher@example.com', audience: 'https://populate.example.com' }
    await cloud.subscribe({ pushConfig: { pushEndpoint: ENDPOINT, oidcToken } })
    await cloud.publish('with audience')
    await cloud.settle()
    const pushConfig = { pushEndpoint: ENDPOINT, oidcToken: { serviceAccountEmail: 'pusher@example.com' } }
    await cloud.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig })
    await cloud.publish('without')
    await cloud.settle()
    expect(cloud.pushes.map((push) => push.oidc)).toEqual([
      { serviceAccountEmail: 'pusher@example.com', audience: 'https://populate.example.com' },
      { serviceAccountEmail: 'pusher@example.com', audience: ENDPOINT },
    ])
  })

  // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions (ackDeadlineSeconds)
  test('must be answered within the ack deadline', async () => {
    await started()
    await cloud.subscribe({ ackDeadlineSeconds: 600 })
    await cloud.publish('x')
    await cloud.settle()
    expect(cloud.pushes[0]?.deadlineMs).toBe(600_000)
  })

  test.each([102, 200, 201, 202, 204])('is acknowledged by status %i', async (status) => {
    await started()
    cloud.answer = () => status
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
  })

  test.each([203, 206, 301, 400, 404, 429, 500, 503, 'lost' as const])('is not acknowledged by %s', async (answer) => {
    await started()
    cloud.answer = () => answer
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 1 })
  })

  test('goes to every subscription of the topic, and each acknowledges separately', async () => {
    await started()
    await cloud.subscribe()
    const failing = 'https://failing.example.com/'
    await cloud.subscriber.createSubscription({
      name: `${SUBSCRIPTION}-2`,
      topic: TOPIC,
      pushConfig: { pushEndpoint: failing },
    })
    cloud.answer = (delivery) => (delivery.url === failing ? 500 : 204)
    await cloud.publish('x')
    await cloud.settle()
    expect(cloud.pushes.map((push) => push.url).toSorted()).toEqual([failing, ENDPOINT])
    await expect(cloud.api.describe()).resolves.toEqual({ topics: 1, subscriptions: 2, unacknowledgedMessages: 1 })
  })

  test('reaches a real HTTP server', async () => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = []
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
        response.writeHead(204).end()
      })
    })
    const endpoint = `http://127.0.0.1:${await listen(server)}/push`
    await started({
      clock: systemClock,
      deliver: async ({ url, headers, body }) => {
        const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })
        return { status: response.status, headers: {}, body: Buffer.from(await response.arrayBuffer()) }
      },
    })
    await cloud.subscribe({ pushConfig: { pushEndpoint: endpoint } })
    await cloud.publish('one', 'two', 'three', 'four', 'five')
    await vi.waitFor(() => expect(received).toHaveLength(5))
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json', from: 'noreply@google.com' })
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ subscription: SUBSCRIPTION })
    await vi.waitFor(async () => expect((await cloud.api.describe())['unacknowledgedMessages']).toBe(0))
    server.close()
  })
})

describe('a subscription that changes while a push is in flight', () => {
  test('deleted: the answer has no effect, even on a new subscription of the same name', async () => {
    await started()
    const answer = deferred<Awaited<Answer>>()
    cloud.answer = () => answer.promise
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    await cloud.subscriber.deleteSubscription({ subscription: SUBSCRIPTION })
    await cloud.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC })
    await cloud.publish('y')
    answer.resolve(500)
    await cloud.advance(60_000)
    expect(cloud.texts()).toEqual(['x'])
    await expect(cloud.api.describe()).resolves.toEqual({ topics: 1, subscriptions: 1, unacknowledgedMessages: 1 })
  })

  test('its topic deleted: what was published is still delivered', async () => {
    await started()
    const answer = deferred<Awaited<Answer>>()
    cloud.answer = () => answer.promise
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    await cloud.publisher.deleteTopic({ topic: TOPIC })
    cloud.answer = () => 204
    answer.resolve(503)
    await cloud.advance(1_000)
    expect(cloud.texts()).toEqual(['x', 'x'])
    await expect(cloud.api.describe()).resolves.toEqual({ topics: 0, subscriptions: 1, unacknowledgedMessages: 0 })
  })

  test('another endpoint: the redelivery goes there', async () => {
    await started()
    const answer = deferred<Awaited<Answer>>()
    cloud.answer = () => answer.promise
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    const pushEndpoint = 'https://another.example.com/'
    await cloud.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig: { pushEndpoint } })
    cloud.answer = () => 204
    answer.resolve('lost')
    await cloud.advance(1_000)
    expect(cloud.pushes.map((push) => push.url)).toEqual([ENDPOINT, pushEndpoint])
  })

  // https://cloud.google.com/pubsub/docs/push#stop_resume
  test('no endpoint: pushing stops, and continues once there is one again', async () => {
    await started()
    await cloud.subscribe()
    await cloud.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig: {} })
    await cloud.publish('x')
    await cloud.advance(3_600_000)
    expect(cloud.pushes).toEqual([])
    await cloud.subscriber.modifyPushConfig({ subscription: SUBSCRIPTION, pushConfig: { pushEndpoint: ENDPOINT } })
    await cloud.settle()
    expect(cloud.texts()).toEqual(['x'])
  })

  // https://cloud.google.com/pubsub/docs/detach-subscriptions
  test('detached: its messages are dropped and nothing more is pushed', async () => {
    await started()
    cloud.answer = () => 500
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.settle()
    await cloud.publisher.detachSubscription({ subscription: SUBSCRIPTION })
    await cloud.publish('y')
    await cloud.advance(3_600_000)
    expect(cloud.texts()).toEqual(['x'])
    await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
  })
})

// https://cloud.google.com/pubsub/docs/push#delivery_rate
describe('the push window', () => {
  test('starts with a small single-digit number of outstanding messages', async () => {
    await started()
    cloud.answer = () => deferred<number>().promise
    await cloud.subscribe()
    await cloud.publish(...Array.from({ length: 100 }, (_, index) => `message ${index}`))
    await cloud.settle()
    expect(cloud.pushes.length).toBeGreaterThan(0)
    expect(cloud.pushes.length).toBeLessThan(10)
  })

  test('grows exponentially while messages are acknowledged, and shrinks when they are not', async () => {
    await started()
    const answers: ReturnType<typeof deferred<number>>[] = []
    cloud.answer = () => {
      const answer = deferred<number>()
      answers.push(answer)
      return answer.promise
    }
    await cloud.subscribe({ ackDeadlineSeconds: 600 })
    await cloud.publish(...Array.from({ length: 500 }, (_, index) => `message ${index}`))
    const outstanding: number[] = []
    for (const status of [204, 204, 204, 204, 503, 204]) {
      // Past the pause that follows a failure.
      await cloud.advance(60_000)
      outstanding.push(answers.length)
      for (const answer of answers.splice(0)) answer.resolve(status)
      await cloud.settle()
    }
    expect(outstanding.slice(0, 5)).toEqual([3, 6, 12, 24, 48])
    expect(outstanding[5]).toBeLessThan(48)
  })
})

// https://cloud.google.com/pubsub/docs/ordering
test("with message ordering, a key's next message waits for the acknowledgement of the previous one", async () => {
  await started()
  await cloud.subscribe({ enableMessageOrdering: true })
  const statuses = [500, 204, 204]
  cloud.answer = (delivery) => (delivery.body.includes('"orderingKey":"a"') ? (statuses.shift() ?? 204) : 204)
  for (const orderingKey of ['a', 'b']) {
    const messages = ['1', '2'].map((text) => ({ data: Buffer.from(orderingKey + text), orderingKey }))
    await cloud.publisher.publish({ topic: TOPIC, messages })
  }
  await cloud.advance(10_000)
  const texts = cloud.texts()
  expect(texts.filter((text) => text.startsWith('a'))).toEqual(['a1', 'a1', 'a2'])
  expect(texts.filter((text) => text.startsWith('b'))).toEqual(['b1', 'b2'])
})
