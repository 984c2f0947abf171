import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENDPOINT, PROJECT, PubSubCloud, TOPIC } from './pubsub-fixture.ts'

const QUOTAS = 'https://cloud.google.com/pubsub/quotas#resource_limits'
const LABELS = 'https://cloud.google.com/pubsub/docs/labels#requirements'
const SUBSCRIPTION_FIELDS = 'https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions'
const INVALID_ARGUMENT = 3

const cloud = new PubSubCloud()
beforeAll(async () => {
  await cloud.start()
  await cloud.publisher.createTopic({ name: TOPIC })
})
afterAll(() => cloud.destroy())

type PublishRequest = Parameters<PubSubCloud['publisher']['publish']>[0] & object
type PublishedMessage = NonNullable<PublishRequest['messages']>[number]
type SubscriptionRequest = Parameters<PubSubCloud['subscriber']['createSubscription']>[0] & object

const filled = (length: number): Buffer => Buffer.alloc(length, 'x')
const attributes = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'value']))

/**
 * The protobuf encoding of a request with one message of only data: the topic (tag, one length
 * byte, name) and the message (tag, length) with its data (tag, length): 10 MB takes four length bytes.
 */
const REQUEST_OVERHEAD = 2 + TOPIC.length + 5 + 5

const publishLimits: { limit: string; link: string; met: PublishedMessage[]; broken: PublishedMessage[] }[] = [
  {
    limit: '1 to 1,000 messages in a request',
    link: QUOTAS,
    met: Array.from({ length: 1_000 }, () => ({ data: filled(1) })),
    broken: Array.from({ length: 1_001 }, () => ({ data: filled(1) })),
  },
  { limit: 'at least one message in a request', link: QUOTAS, met: [{ data: filled(1) }], broken: [] },
  {
    limit: '10 MB in a request',
    link: QUOTAS,
    met: [{ data: filled(10_000_000 - REQUEST_OVERHEAD) }],
    broken: [{ data: filled(10_000_001 - REQUEST_OVERHEAD) }],
  },
  {
    limit: 'data or an attribute in every message',
    link: 'https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage',
    met: [{ data: filled(1) }, { attributes: { only: 'attribute' } }],
    broken: [{ data: filled(1) }, {}],
  },
  {
    limit: '100 attributes in a message',
    link: QUOTAS,
    met: [{ attributes: attributes(100) }],
    broken: [{ attributes: attributes(101) }],
  },
  {
    limit: '256 bytes in an attribute key',
    link: QUOTAS,
    met: [{ attributes: { ['k'.repeat(256)]: 'v' } }],
    broken: [{ attributes: { ['é'.repeat(129)]: 'v' } }],
  },
  {
    limit: '1,024 bytes in an attribute value',
    link: QUOTAS,
    met: [{ attributes: { k: 'v'.repeat(1_024) } }],
    broken: [{ attributes: { k: 'v'.repeat(1_025) } }],
  },
  {
    limit: 'no attribute key that starts with goog',
    link: 'https://cloud.google.com/pubsub/docs/publisher#using-attributes',
    met: [{ attributes: { 'my-goog': 'v' } }],
    broken: [{ attributes: { 'goog-mine': 'v' } }],
  },
  {
    limit: '1,024 bytes in an ordering key',
    link: QUOTAS,
    met: [{ data: filled(1), orderingKey: 'k'.repeat(1_024) }],
    broken: [{ data: filled(1), orderingKey: 'k'.repeat(1_025) }],
  },
  {
    limit: 'one ordering key in a request',
    link: 'https://cloud.google.com/pubsub/docs/ordering',
    met: [
      { data: filled(1), orderingKey: 'same' },
      { data: filled(1), orderingKey: 'same' },
    ],
    broken: [
      { data: filled(1), orderingKey: 'one' },
      { data: filled(1), orderingKey: 'other' },
    ],
  },
]

describe('publish limits', () => {
  test.each(publishLimits)('$limit: met', async ({ met }) => {
    const [answer] = await cloud.publisher.publish({ topic: TOPIC, messages: met })
    expect(new Set(answer.messageIds).size).toBe(met.length)
  })

  test.each(publishLimits)('$limit: broken', async ({ broken }) => {
    const refused = cloud.publisher.publish({ topic: TOPIC, messages: broken })
    await expect(refused).rejects.toMatchObject({ code: INVALID_ARGUMENT })
  })

  test('a request with one bad message publishes nothing', async () => {
    const subscription = `projects/${PROJECT}/subscriptions/witness`
    await cloud.subscriber.createSubscription({ name: subscription, topic: TOPIC })
    await expect(cloud.publisher.publish({ topic: TOPIC, messages: [{ data: filled(1) }, {}] })).rejects.toThrow()
    const [pulled] = await cloud.subscriber.pull({ subscription, maxMessages: 10, returnImmediately: true })
    expect(pulled.receivedMessages).toEqual([])
  })
})

const backoff = (minimum: number, maximum: number): SubscriptionRequest => ({
  retryPolicy: { minimumBackoff: { seconds: minimum }, maximumBackoff: { seconds: maximum } },
})
const attempts = (maxDeliveryAttempts: number): SubscriptionRequest => ({
  deadLetterPolicy: { deadLetterTopic: TOPIC, maxDeliveryAttempts },
})
const MINUTE = 60
const DAY = 24 * 60 * MINUTE

const subscriptionLimits: { limit: string; link: string; met: SubscriptionRequest[]; broken: SubscriptionRequest[] }[] =
  [
    {
      limit: 'an ack deadline of 10 to 600 seconds',
      link: SUBSCRIPTION_FIELDS,
      met: [{ ackDeadlineSeconds: 10 }, { ackDeadlineSeconds: 600 }],
      broken: [{ ackDeadlineSeconds: 9 }, { ackDeadlineSeconds: 601 }, { ackDeadlineSeconds: -1 }],
    },
    {
      limit: 'a message retention of 10 minutes to 31 days',
      link: SUBSCRIPTION_FIELDS,
      met: [
        { messageRetentionDuration: { seconds: 10 * MINUTE } },
        { messageRetentionDuration: { seconds: 31 * DAY } },
      ],
      broken: [
        { messageRetentionDuration: { seconds: 10 * MINUTE - 1 } },
        { messageRetentionDuration: { seconds: 31 * DAY + 1 } },
      ],
    },
    {
      limit: 'an expiration after a day or more',
      link: SUBSCRIPTION_FIELDS,
      met: [{ expirationPolicy: { ttl: { seconds: DAY } } }],
      broken: [{ expirationPolicy: { ttl: { seconds: DAY - 1 } } }],
    },
    {
      limit: 'a retry back-off of 0 to 600 seconds, the minimum not above the maximum',
      link: `${SUBSCRIPTION_FIELDS}#RetryPolicy`,
      met: [backoff(0, 0), backoff(600, 600)],
      broken: [backoff(0, 601), backoff(-1, 10), backoff(20, 10)],
    },
    {
      limit: '5 to 100 delivery attempts before dead-lettering',
      link: `${SUBSCRIPTION_FIELDS}#DeadLetterPolicy`,
      met: [attempts(5), attempts(100)],
      broken: [attempts(4), attempts(101)],
    },
    {
      limit: 'an OIDC token of some service account',
      link: 'https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions',
      met: [{ pushConfig: { pushEndpoint: ENDPOINT, oidcToken: { serviceAccountEmail: 'pusher@example.com' } } }],
      broken: [{ pushConfig: { pushEndpoint: ENDPOINT, oidcToken: { audience: 'someone' } } }],
    },
    {
      limit: '64 labels',
      link: LABELS,
      met: [{ labels: attributes(64) }],
      broken: [{ labels: attributes(65) }],
    },
    {
      limit: '63 characters in a label key, lower case, a letter first',
      link: LABELS,
      met: [{ labels: { ['k'.repeat(63)]: '' } }],
      broken: [{ labels: { ['k'.repeat(64)]: '' } }, { labels: { Key: '' } }, { labels: { '1st': '' } }],
    },
    {
      limit: '63 characters in a label value, lower case',
      link: LABELS,
      met: [{ labels: { key: 'v'.repeat(63) } }, { labels: { key: '261123-9f3c1a7b' } }],
      broken: [{ labels: { key: 'v'.repeat(64) } }, { labels: { key: 'Value' } }],
    },
  ]

describe('subscription limits', () => {
  let count = 0
  const create = (settings: SubscriptionRequest): Promise<unknown> =>
    cloud.subscriber.createSubscription({
      name: `projects/${PROJECT}/subscriptions/limit-${count++}`,
      topic: TOPIC,
      ...settings,
    })

  test.each(subscriptionLimits)('$limit: met', async ({ met }) => {
    for (const settings of met) await expect(create(settings)).resolves.toHaveLength(3)
  })

  test.each(subscriptionLimits)('$limit: broken', async ({ broken }) => {
    for (const settings of broken) await expect(create(settings)).rejects.toMatchObject({ code: INVALID_ARGUMENT })
  })
})

describe('topic limits', () => {
  const create = (seconds: number): Promise<unknown> =>
    cloud.publisher.createTopic({
      name: `projects/${PROJECT}/topics/retaining-${seconds}`,
      messageRetentionDuration: { seconds },
    })

  // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics
  test('a message retention of 10 minutes to 31 days: met', async () => {
    for (const seconds of [10 * MINUTE, 31 * DAY]) {
      const [topic] = (await create(seconds)) as [unknown]
      expect(topic).toMatchObject({ messageRetentionDuration: { seconds: String(seconds) } })
    }
  })

  test('a message retention of 10 minutes to 31 days: broken', async () => {
    for (const seconds of [10 * MINUTE - 1, 31 * DAY + 1]) {
      await expect(create(seconds)).rejects.toMatchObject({ code: INVALID_ARGUMENT })
    }
  })
})
