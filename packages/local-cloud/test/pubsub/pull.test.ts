import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PROJECT, PubSubCloud, SUBSCRIPTION, TOPIC } from './pubsub-fixture.ts'

// https://cloud.google.com/pubsub/docs/pull and .../docs/lease-management
let cloud: PubSubCloud
beforeEach(async () => {
  cloud = new PubSubCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

type Received = { ackId: string; text: string; deliveryAttempt: number }

async function pull(maxMessages = 10): Promise<Received[]> {
  const request = { subscription: SUBSCRIPTION, maxMessages, returnImmediately: true }
  const [{ receivedMessages }] = await cloud.subscriber.pull(request)
  return (receivedMessages ?? []).map(({ ackId, message, deliveryAttempt }) => ({
    ackId: String(ackId),
    text: Buffer.from(message?.data as Uint8Array).toString(),
    deliveryAttempt: Number(deliveryAttempt),
  }))
}

const texts = (received: Received[]): string[] => received.map(({ text }) => text)
const ackIds = (received: Received[]): string[] => received.map(({ ackId }) => ackId)
const acknowledge = (ids: string[]): Promise<unknown> =>
  cloud.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds: ids })
const modify = (ids: string[], ackDeadlineSeconds: number): Promise<unknown> =>
  cloud.subscriber.modifyAckDeadline({ subscription: SUBSCRIPTION, ackIds: ids, ackDeadlineSeconds })

test('pulled messages are leased until the ack deadline, then pulled again', async () => {
  await cloud.subscribe({ pushConfig: {}, ackDeadlineSeconds: 20 })
  await cloud.publish('one', 'two')
  expect(texts(await pull())).toEqual(['one', 'two'])
  await cloud.advance(19_999)
  expect(await pull()).toEqual([])
  await cloud.advance(1)
  expect(texts(await pull())).toEqual(['one', 'two'])
})

test('a pull returns no more than it asked for', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one', 'two', 'three')
  expect(texts(await pull(2))).toEqual(['one', 'two'])
  expect(texts(await pull(2))).toEqual(['three'])
})

test('an acknowledged message is not redelivered, and acknowledging it again is not an error', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  const ids = ackIds(await pull())
  await acknowledge(ids)
  await acknowledge(ids)
  await cloud.advance(600_000)
  expect(await pull()).toEqual([])
  await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
})

test("a message's deadline can be changed, and 0 returns it at once", async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  await modify(ackIds(await pull()), 600)
  await cloud.advance(599_999)
  expect(await pull()).toEqual([])
  await cloud.advance(1)
  await modify(ackIds(await pull()), 0)
  expect(texts(await pull())).toEqual(['one'])
})

test('the deadline cannot be extended by more than 600 seconds', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  const ids = ackIds(await pull())
  await expect(modify(ids, 601)).rejects.toMatchObject({ code: 3 })
  await expect(modify(ids, -1)).rejects.toMatchObject({ code: 3 })
})

// https://cloud.google.com/pubsub/quotas#resource_limits
test('a request carries at most 512 KiB of acknowledgement IDs', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  const [id = ''] = ackIds(await pull())
  const most = Math.floor((512 * 1_024) / id.length)
  await expect(modify(Array(most).fill(id), 30)).resolves.toBeDefined()
  await expect(modify(Array(most + 1).fill(id), 30)).rejects.toMatchObject({ code: 3 })
})

test('an old acknowledgement ID neither extends nor returns a later delivery', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  const old = ackIds(await pull())
  await cloud.advance(10_000)
  await pull()
  await modify(old, 0)
  expect(await pull()).toEqual([])
  await modify(old, 600)
  await cloud.advance(10_000)
  expect(texts(await pull())).toEqual(['one'])
})

test('an acknowledgement ID of a deleted subscription does not work for its successor', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  const old = ackIds(await pull())
  await cloud.subscriber.deleteSubscription({ subscription: SUBSCRIPTION })
  await cloud.subscriber.createSubscription({ name: SUBSCRIPTION, topic: TOPIC })
  await expect(acknowledge(old)).rejects.toMatchObject({ code: 3 })
})

// ReceivedMessage.delivery_attempt: 1 + negative acknowledgements + deadlines exceeded; 0 without a dead-letter policy
test('delivery attempts are counted only with a dead-letter policy', async () => {
  await cloud.subscribe({ pushConfig: {} })
  await cloud.publish('one')
  expect((await pull())[0]?.deliveryAttempt).toBe(0)
  const deadLetterTopic = `projects/${PROJECT}/topics/dead`
  await cloud.publisher.createTopic({ name: deadLetterTopic })
  await cloud.subscriber.updateSubscription({
    subscription: { name: SUBSCRIPTION, deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 } },
    updateMask: { paths: ['dead_letter_policy'] },
  })
  await cloud.advance(10_000)
  const second = await pull()
  expect(second[0]?.deliveryAttempt).toBe(2)
  await modify(ackIds(second), 0)
  expect((await pull())[0]?.deliveryAttempt).toBe(3)
})

test('the retry policy delays a message that was returned, and one whose deadline passed', async () => {
  const retryPolicy = { minimumBackoff: { seconds: 30 }, maximumBackoff: { seconds: 40 } }
  await cloud.subscribe({ pushConfig: {}, retryPolicy })
  await cloud.publish('one')
  await modify(ackIds(await pull()), 0)
  await cloud.advance(29_999)
  expect(await pull()).toEqual([])
  await cloud.advance(1)
  expect(texts(await pull())).toEqual(['one'])
  await cloud.advance(10_000 + 39_999)
  expect(await pull()).toEqual([])
  await cloud.advance(1)
  expect(texts(await pull())).toEqual(['one'])
})

test('a pull waits for the first message', async () => {
  await cloud.subscribe({ pushConfig: {} })
  const calls = cloud.authorizations.length
  const waiting = cloud.subscriber.pull({ subscription: SUBSCRIPTION, maxMessages: 10 })
  await vi.waitFor(() => expect(cloud.authorizations.length).toBe(calls + 1))
  await cloud.publish('one')
  const [{ receivedMessages }] = await waiting
  expect(receivedMessages).toHaveLength(1)
})

test('a pull that times out returns nothing, and one whose subscription is deleted returns NOT_FOUND', async () => {
  await cloud.subscribe({ pushConfig: {} })
  const calls = cloud.authorizations.length
  const inVain = cloud.subscriber.pull({ subscription: SUBSCRIPTION, maxMessages: 10 })
  await vi.waitFor(() => expect(cloud.authorizations.length).toBe(calls + 1))
  await cloud.advance(90_000)
  expect((await inVain)[0].receivedMessages).toEqual([])
  const orphaned = cloud.subscriber.pull({ subscription: SUBSCRIPTION, maxMessages: 10 })
  const deleted = vi
    .waitFor(() => expect(cloud.authorizations.length).toBe(calls + 2))
    .then(() => cloud.subscriber.deleteSubscription({ subscription: SUBSCRIPTION }))
  await expect(orphaned).rejects.toMatchObject({ code: 5 })
  await deleted
})
