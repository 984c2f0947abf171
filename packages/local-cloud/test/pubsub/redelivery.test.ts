import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deferred, ENDPOINT, PatientClock, PROJECT, PubSubCloud, SUBSCRIPTION, TOPIC } from './pubsub-fixture.ts'

const DEAD_TOPIC = `projects/${PROJECT}/topics/dead`
const DEAD_SUBSCRIPTION = `projects/${PROJECT}/subscriptions/dead-pull`
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

let cloud: PubSubCloud
beforeEach(async () => {
  cloud = new PubSubCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

/** The time of each push so far, in milliseconds after the first. */
function recordTimes(): number[] {
  const times: number[] = []
  const answer = cloud.answer
  let firstMs: number | undefined
  cloud.answer = (delivery) => {
    firstMs ??= cloud.clock.now()
    times.push(cloud.clock.now() - firstMs)
    return answer(delivery)
  }
  return times
}

const unacknowledged = async (): Promise<number | undefined> => (await cloud.api.describe())['unacknowledgedMessages']

// https://cloud.google.com/pubsub/docs/handling-failures#subscription_retry_policy
describe('a message that is not acknowledged', () => {
  test('is sent again at once without a retry policy, after only the push back-off of 100 ms', async () => {
    const statuses = [500, 204]
    cloud.answer = () => statuses.shift() ?? 204
    const times = recordTimes()
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.advance(MINUTE_MS)
    expect(times).toEqual([0, 100])
    await expect(unacknowledged()).resolves.toBe(0)
  })

  test('waits longer each time with a retry policy, from the minimum to the maximum back-off', async () => {
    cloud.answer = () => 503
    const times = recordTimes()
    await cloud.subscribe({ retryPolicy: { minimumBackoff: { seconds: 100 }, maximumBackoff: { seconds: 300 } } })
    await cloud.publish('x')
    await cloud.advance(1_000_000)
    expect(times).toEqual([0, 100_000, 300_000, 600_000, 900_000])
  })

  test('does not delay another message under the retry policy', async () => {
    cloud.answer = (delivery) => (delivery.body.includes(Buffer.from('bad').toString('base64')) ? 500 : 204)
    await cloud.subscribe({ retryPolicy: { minimumBackoff: { seconds: 300 } } })
    await cloud.publish('bad')
    await cloud.advance(1_000)
    await cloud.publish('good')
    await cloud.advance(1_000)
    expect(cloud.texts()).toEqual(['bad', 'good'])
    await expect(unacknowledged()).resolves.toBe(1)
  })

  // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions (ackDeadlineSeconds)
  test('is sent again when its endpoint has not answered by the ack deadline', async () => {
    cloud.answer = () => deferred<number>().promise
    const times = recordTimes()
    await cloud.subscribe({ ackDeadlineSeconds: 20 })
    await cloud.publish('x')
    await cloud.advance(20_099)
    expect(times).toEqual([0])
    await cloud.advance(1)
    expect(times).toEqual([0, 20_100])
  })

  test('is acknowledged by the redelivery even if the first answer comes too late', async () => {
    const late = deferred<number>()
    cloud.answer = () => late.promise
    await cloud.subscribe({ ackDeadlineSeconds: 10 })
    await cloud.publish('x')
    await cloud.advance(10_000)
    cloud.answer = () => 204
    await cloud.advance(100)
    late.resolve(500)
    await cloud.advance(10 * MINUTE_MS)
    expect(cloud.pushes).toHaveLength(2)
    await expect(unacknowledged()).resolves.toBe(0)
  })

  // https://cloud.google.com/pubsub/docs/push#push_backoff
  test('pauses the subscription for 100 ms to 60 s, exponentially', async () => {
    cloud.answer = () => 500
    const times = recordTimes()
    await cloud.subscribe()
    await cloud.publish('x')
    await cloud.advance(10 * MINUTE_MS)
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800])
    expect(Math.max(...pauses)).toBe(60_000)
    expect(pauses.at(-1)).toBe(60_000)
  })

  test('is not delayed by a clock that jumps back', async () => {
    const clock = new PatientClock()
    await cloud.destroy()
    cloud = new PubSubCloud({ clock })
    await cloud.start()
    const statuses = [500, 500]
    cloud.answer = () => statuses.shift() ?? 204
    await cloud.subscribe({ retryPolicy: { minimumBackoff: { seconds: 60 } } })
    await cloud.publish('waiting')
    await cloud.advance(1_000)
    clock.jump(-DAY_MS)
    await cloud.publish('fresh')
    await cloud.advance(20 * MINUTE_MS)
    expect(new Set(cloud.texts())).toEqual(new Set(['waiting', 'fresh']))
    await expect(unacknowledged()).resolves.toBe(0)
  })

  test('is kept for the retention period and no longer', async () => {
    cloud.answer = () => 500
    await cloud.subscribe({ messageRetentionDuration: { seconds: 600 } })
    await cloud.publish('x')
    await cloud.advance(10 * MINUTE_MS - 1)
    await expect(unacknowledged()).resolves.toBe(1)
    await cloud.advance(1)
    await expect(unacknowledged()).resolves.toBe(0)
    const pushed = cloud.pushes.length
    await cloud.advance(10 * MINUTE_MS)
    expect(cloud.pushes).toHaveLength(pushed)
  })

  // https://cloud.google.com/pubsub/docs/subscription-properties#message_retention
  test('is kept for 7 days by default, and a changed retention applies to it', async () => {
    await cloud.subscribe({ pushConfig: {} })
    await cloud.publish('x')
    await cloud.advance(7 * DAY_MS - 1)
    await expect(unacknowledged()).resolves.toBe(1)
    await cloud.subscriber.updateSubscription({
      subscription: { name: SUBSCRIPTION, messageRetentionDuration: { seconds: 31 * 24 * 3_600 } },
      updateMask: { paths: ['message_retention_duration'] },
    })
    await cloud.advance(24 * DAY_MS)
    await expect(unacknowledged()).resolves.toBe(1)
    await cloud.advance(1)
    await expect(unacknowledged()).resolves.toBe(0)
  })
})

// https://cloud.google.com/pubsub/docs/dead-letter-topics
describe('a dead-letter policy', () => {
  const withDeadLetters = async (): Promise<void> => {
    await cloud.publisher.createTopic({ name: DEAD_TOPIC })
    await cloud.subscriber.createSubscription({ name: DEAD_SUBSCRIPTION, topic: DEAD_TOPIC })
    await cloud.subscribe({ deadLetterPolicy: { deadLetterTopic: DEAD_TOPIC, maxDeliveryAttempts: 5 } })
  }

  test('counts the delivery attempts in the envelope', async () => {
    const statuses = [500, 'lost', 429] as const
    let next = 0
    cloud.answer = () => statuses[next++] ?? 204
    await withDeadLetters()
    await cloud.publish('x')
    await cloud.advance(MINUTE_MS)
    expect(cloud.envelopes().map((envelope) => envelope.deliveryAttempt)).toEqual([1, 2, 3, 4])
    await expect(unacknowledged()).resolves.toBe(0)
  })

  test('forwards the message after its last attempt, with the documented attributes', async () => {
    cloud.answer = () => 500
    await withDeadLetters()
    await cloud.publisher.publish({ topic: TOPIC, messages: [{ data: Buffer.from('x'), attributes: { own: 'kept' } }] })
    await cloud.advance(MINUTE_MS)
    expect(cloud.pushes).toHaveLength(5)
    const pull = { subscription: DEAD_SUBSCRIPTION, maxMessages: 10, returnImmediately: true }
    const [{ receivedMessages }] = await cloud.subscriber.pull(pull)
    expect(receivedMessages).toHaveLength(1)
    expect(receivedMessages?.[0]?.message).toMatchObject({
      data: Buffer.from('x'),
      attributes: {
        own: 'kept',
        CloudPubSubDeadLetterSourceDeliveryCount: '5',
        CloudPubSubDeadLetterSourceSubscription: 'images-push',
        CloudPubSubDeadLetterSourceSubscriptionProject: PROJECT,
        CloudPubSubDeadLetterSourceTopicPublishTime: '2026-01-01T00:00:00.000+00:00',
      },
    })
    await expect(unacknowledged()).resolves.toBe(1)
  })

  test('keeps delivering when the dead-letter topic is deleted', async () => {
    cloud.answer = () => 500
    await withDeadLetters()
    await cloud.publisher.deleteTopic({ topic: DEAD_TOPIC })
    await cloud.publish('x')
    await cloud.advance(MINUTE_MS)
    expect(cloud.pushes.length).toBeGreaterThan(5)
    await expect(unacknowledged()).resolves.toBe(1)
  })

  test('pushes the forwarded message to a push subscription of the dead-letter topic', async () => {
    const deadEndpoint = 'https://dead.example.com/'
    cloud.answer = (delivery) => (delivery.url === ENDPOINT ? 500 : 204)
    await withDeadLetters()
    const pushConfig = { pushEndpoint: deadEndpoint }
    await cloud.subscriber.modifyPushConfig({ subscription: DEAD_SUBSCRIPTION, pushConfig })
    await cloud.publish('x')
    await cloud.advance(MINUTE_MS)
    expect(cloud.pushes.filter((push) => push.url === deadEndpoint)).toHaveLength(1)
    await expect(unacknowledged()).resolves.toBe(0)
  })
})
