import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, ENDPOINT, PROJECT, PubSubCloud, SUBSCRIPTION, TOPIC } from './pubsub-fixture.ts'

let cloud: PubSubCloud
beforeEach(() => {
  cloud = new PubSubCloud()
})
afterEach(() => cloud.destroy())

describe('after a restart', () => {
  test('topics, subscriptions and their settings are kept', async () => {
    await cloud.start()
    await cloud.publisher.createTopic({ name: TOPIC, labels: { team: 'maps' } })
    const [created] = await cloud.subscriber.createSubscription({
      name: SUBSCRIPTION,
      topic: TOPIC,
      pushConfig: { pushEndpoint: ENDPOINT, oidcToken: { serviceAccountEmail: 'pusher@example.com', audience: 'me' } },
      ackDeadlineSeconds: 600,
      retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 2 } },
      expirationPolicy: {},
      labels: { 'imagery-run': '261123-9f3c1a7b' },
    })
    await cloud.restart()
    const [topics] = await cloud.publisher.listTopics({ project: `projects/${PROJECT}` })
    expect(topics).toMatchObject([{ name: TOPIC, labels: { team: 'maps' } }])
    const [subscription] = await cloud.subscriber.getSubscription({ subscription: SUBSCRIPTION })
    expect(subscription).toEqual(created)
  })

  test('unacknowledged messages are pushed again at once, and their attempt count continues', async () => {
    const deadLetterTopic = `projects/${PROJECT}/topics/dead`
    await cloud.start()
    await cloud.publisher.createTopic({ name: deadLetterTopic })
    await cloud.subscribe({
      ackDeadlineSeconds: 600,
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
    })
    const inFlight = deferred<number>()
    const isLater = (body: Buffer): boolean => body.includes(Buffer.from('in flight').toString('base64'))
    cloud.answer = (delivery) => (isLater(delivery.body) ? inFlight.promise : 204)
    await cloud.publish('done', 'in flight')
    await cloud.settle()
    cloud.answer = () => 204
    await cloud.restart()
    await cloud.settle()
    expect(cloud.texts()).toEqual(['done', 'in flight', 'in flight'])
    expect(cloud.envelopes().map((envelope) => envelope.deliveryAttempt)).toEqual([1, 1, 2])
    await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
  })

  test('a message still waits for its back-off to end', async () => {
    await cloud.start()
    cloud.answer = () => 503
    await cloud.subscribe({ retryPolicy: { minimumBackoff: { seconds: 60 } } })
    await cloud.publish('x')
    await cloud.advance(20_000)
    await cloud.restart()
    await cloud.advance(39_999)
    expect(cloud.pushes).toHaveLength(1)
    await cloud.advance(1)
    expect(cloud.pushes).toHaveLength(2)
  })

  test('a pulled message keeps its lease and can be acknowledged by its earlier ID', async () => {
    await cloud.start()
    await cloud.subscribe({ pushConfig: {}, ackDeadlineSeconds: 600 })
    await cloud.publish('x')
    const pull = { subscription: SUBSCRIPTION, maxMessages: 1, returnImmediately: true }
    const [{ receivedMessages }] = await cloud.subscriber.pull(pull)
    await cloud.restart()
    expect((await cloud.subscriber.pull(pull))[0].receivedMessages).toEqual([])
    await cloud.subscriber.acknowledge({ subscription: SUBSCRIPTION, ackIds: [receivedMessages?.[0]?.ackId ?? ''] })
    await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
  })

  test('message IDs are not reused, even when no subscription kept the last ones', async () => {
    await cloud.start()
    await cloud.publisher.createTopic({ name: TOPIC })
    const before = await cloud.publish('one', 'two')
    await cloud.restart()
    const after = await cloud.publish('three')
    expect(new Set([...before, ...after]).size).toBe(3)
  })

  test('an answer that arrives after the stop has no effect', async () => {
    await cloud.start()
    await cloud.subscribe()
    const answer = deferred<number>()
    cloud.answer = () => answer.promise
    await cloud.publish('x')
    await cloud.settle()
    await cloud.stop()
    const complaints = vi.spyOn(console, 'error')
    answer.resolve(204)
    await cloud.settle()
    expect(complaints).not.toHaveBeenCalled()
    complaints.mockRestore()
    cloud.answer = () => 204
    await cloud.start()
    await cloud.settle()
    expect(cloud.texts()).toEqual(['x', 'x'])
  })
})

describe('after kill -9', () => {
  const script = fileURLToPath(new URL('killed-process-fixture.ts', import.meta.url))

  test.each([5, 40, 150])(
    'at the %ith line of output, every published message was or will be delivered',
    async (lines) => {
      const child = spawn(
        process.execPath,
        ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', script, cloud.directory],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const published = new Set<string>()
      const acknowledged = new Set<string>()
      let seen = 0
      for await (const line of createInterface({ input: child.stdout })) {
        const [event, id = ''] = line.split(' ')
        if (event === 'published') published.add(id)
        else acknowledged.add(id)
        if (++seen === lines) child.kill('SIGKILL')
      }
      if (child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      expect(published.size).toBeGreaterThan(0)

      // The killed process used the machine's clock, so its messages must not look expired or not yet due.
      await cloud.clockAt(Date.now())
      await cloud.start()
      await cloud.advance(60_000)
      const redelivered = new Map(cloud.envelopes().map((push) => [push.message.messageId, push.deliveryAttempt]))
      const missing = [...published].filter((id) => !acknowledged.has(id) && !redelivered.has(id))
      expect(missing).toEqual([])
      const inFlight = [...published].filter((id) => Number(id) % 3 === 0)
      // Messages sent before the kill were in their first attempt; a message is in its second only if it was sent.
      const secondAttempts = inFlight.filter((id) => redelivered.get(id) === 2)
      expect(secondAttempts.length).toBeGreaterThanOrEqual(lines > 100 ? 1 : 0)
      await expect(cloud.api.describe()).resolves.toMatchObject({ unacknowledgedMessages: 0 })
    },
  )
})
