import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CODES, subscriptionName, topicName } from './case-fixture.ts'
import { ENDPOINT, PubSubCloud } from './pubsub-fixture.ts'
import { publisherCases } from './publisher-cases.ts'
import { subscriberCases } from './subscriber-cases.ts'
import type { Transport } from '../kernel/transcoded-server-fixture.ts'

const cases = [...publisherCases, ...subscriberCases]

const startCloud = async (transport: Transport): Promise<PubSubCloud> => {
  const cloud = new PubSubCloud({ transport })
  await cloud.start()
  const topic = topicName('kept')
  await cloud.publisher.createTopic({ name: topic })
  await cloud.subscriber.createSubscription({ name: subscriptionName('kept-pull'), topic })
  await cloud.subscriber.createSubscription({
    name: subscriptionName('kept-push'),
    topic,
    pushConfig: { pushEndpoint: ENDPOINT, oidcToken: { serviceAccountEmail: 'pusher@example.com' } },
  })
  return cloud
}

describe.each<Transport>(['gRPC', 'REST'])('Pub/Sub answers the official client over %s', (transport) => {
  let cloud: PubSubCloud
  beforeAll(async () => {
    cloud = await startCloud(transport)
  })
  afterAll(() => cloud.destroy())

  const sendable = cases.filter(({ isOnlyGrpc }) => transport === 'gRPC' || !isOnlyGrpc)

  test.each(sendable.filter((row) => typeof row.expected !== 'string'))('$call', async (row) => {
    const [answer] = (await row.run(cloud)) as [unknown]
    expect(answer).toMatchObject(row.expected as object)
  })

  test.each(sendable.filter((row) => typeof row.expected === 'string'))('$call: $expected', async (row) => {
    await expect(row.run(cloud)).rejects.toMatchObject({ code: CODES[row.expected as keyof typeof CODES] })
  })

  test('errors name the unsupported method and where the list is', async () => {
    const refused = cloud.subscriber.seek({ subscription: subscriptionName('kept-pull'), time: { seconds: 0 } })
    await expect(refused).rejects.toThrow('google.pubsub.v1.Subscriber/Seek is not emulated')
  })

  // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/list
  test('lists are paged by project, in the order of names', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `projects/paged/topics/topic-${letter}`)
    for (const name of names.toReversed()) await cloud.publisher.createTopic({ name })
    const manual = { autoPaginate: false }
    const [first, next, raw] = await cloud.publisher.listTopics({ project: 'projects/paged', pageSize: 2 }, manual)
    expect(first.map((topic) => topic.name)).toEqual(names.slice(0, 2))
    expect(raw.nextPageToken).not.toBe('')
    expect(next).toMatchObject({ pageToken: raw.nextPageToken })
    const [all] = await cloud.publisher.listTopics({ project: 'projects/paged', pageSize: 2 })
    expect(all.map((topic) => topic.name)).toEqual(names)
  })

  test('the hand-written client works as documented', async () => {
    const [topic] = await cloud.client.createTopic('hand-written')
    const [subscription] = await topic.createSubscription('hand-written-push', { pushEndpoint: ENDPOINT })
    await subscription.setMetadata({ ackDeadlineSeconds: 33, labels: { 'imagery-run': '261123-9f3c1a7b' } })
    const [metadata] = await subscription.getMetadata()
    expect(metadata).toMatchObject({ ackDeadlineSeconds: 33, labels: { 'imagery-run': '261123-9f3c1a7b' } })
    expect(await topic.exists()).toEqual([true])
    await subscription.delete()
    await topic.delete()
    expect(await subscription.exists()).toEqual([false])
    expect(await topic.exists()).toEqual([false])
  })

  test('every call carries the access token of the metadata server', () => {
    expect(new Set(cloud.authorizations)).toEqual(new Set(['Bearer token-of-the-metadata-server']))
  })
})
