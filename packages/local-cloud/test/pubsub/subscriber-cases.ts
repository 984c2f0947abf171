import { expect } from 'vitest'
import type { Case } from './case-fixture.ts'
import { BASICS, PARENT, subscriptionName, topicName } from './case-fixture.ts'
import type { PubSubCloud } from './pubsub-fixture.ts'
import { ENDPOINT } from './pubsub-fixture.ts'

const SUBSCRIPTIONS = 'https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#subscriber'
const SUBSCRIPTION_FIELDS = 'https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions'
const DELETED = 'https://cloud.google.com/pubsub/docs/delete-topic'
const PULL = 'https://cloud.google.com/pubsub/docs/pull'
const PUSH = 'https://cloud.google.com/pubsub/docs/push'

/** Subscriptions and pulling. Every case finds the topic `kept` with the subscriptions `kept-pull` and `kept-push`. */
export const subscriberCases: Case[] = [
  {
    call: 'CreateSubscription fills in the defaults',
    link: SUBSCRIPTION_FIELDS,
    run: (cloud) => cloud.subscriber.createSubscription({ name: subscriptionName('plain'), topic: topicName('kept') }),
    expected: {
      name: subscriptionName('plain'),
      topic: topicName('kept'),
      ackDeadlineSeconds: 10,
      messageRetentionDuration: { seconds: '604800', nanos: 0 },
      expirationPolicy: { ttl: { seconds: '2678400', nanos: 0 } },
      retryPolicy: null,
      deadLetterPolicy: null,
      enableMessageOrdering: false,
      state: 'ACTIVE',
      pushConfig: expect.objectContaining({ pushEndpoint: '' }) as object,
    },
  },
  {
    call: 'CreateSubscription without a name gets a random one in the topic’s project',
    link: SUBSCRIPTIONS,
    isOnlyGrpc: true,
    run: (cloud) => cloud.subscriber.createSubscription({ topic: topicName('kept') }),
    expected: { name: expect.stringMatching(new RegExp(`^${PARENT}/subscriptions/[A-Za-z]`)) as string },
  },
  {
    call: 'CreateSubscription with an expiration policy without ttl never expires',
    link: SUBSCRIPTION_FIELDS,
    run: (cloud) =>
      cloud.subscriber.createSubscription({
        name: subscriptionName('eternal'),
        topic: topicName('kept'),
        expirationPolicy: {},
      }),
    expected: { expirationPolicy: { ttl: null } },
  },
  {
    call: 'CreateSubscription with an empty retry policy gets 10 s and 600 s',
    link: `${SUBSCRIPTION_FIELDS}#RetryPolicy`,
    run: (cloud) =>
      cloud.subscriber.createSubscription({
        name: subscriptionName('retrying'),
        topic: topicName('kept'),
        retryPolicy: {},
      }),
    expected: {
      retryPolicy: { minimumBackoff: { seconds: '10', nanos: 0 }, maximumBackoff: { seconds: '600', nanos: 0 } },
    },
  },
  {
    call: 'CreateSubscription with a dead-letter policy without a count gets 5',
    link: `${SUBSCRIPTION_FIELDS}#DeadLetterPolicy`,
    run: (cloud) =>
      cloud.subscriber.createSubscription({
        name: subscriptionName('dead-lettering'),
        topic: topicName('kept'),
        deadLetterPolicy: { deadLetterTopic: topicName('kept') },
      }),
    expected: { deadLetterPolicy: { deadLetterTopic: topicName('kept'), maxDeliveryAttempts: 5 } },
  },
  {
    call: 'CreateSubscription with a dead-letter topic that does not exist',
    link: `${SUBSCRIPTION_FIELDS}#DeadLetterPolicy`,
    run: (cloud) =>
      cloud.subscriber.createSubscription({
        name: subscriptionName('dead-end'),
        topic: topicName('kept'),
        deadLetterPolicy: { deadLetterTopic: topicName('absent') },
      }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'CreateSubscription of a subscription that exists',
    link: SUBSCRIPTIONS,
    run: (cloud) =>
      cloud.subscriber.createSubscription({ name: subscriptionName('kept-pull'), topic: topicName('kept') }),
    expected: 'ALREADY_EXISTS',
  },
  {
    call: 'CreateSubscription to a topic that does not exist',
    link: SUBSCRIPTIONS,
    run: (cloud) =>
      cloud.subscriber.createSubscription({ name: subscriptionName('lonely'), topic: topicName('absent') }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'CreateSubscription with a reserved id',
    link: BASICS,
    run: (cloud) => cloud.subscriber.createSubscription({ name: subscriptionName('google'), topic: topicName('kept') }),
    expected: 'INVALID_ARGUMENT',
  },
  ...['http://example.com/', 'ftp://127.0.0.1/', 'example.com'].map((pushEndpoint) => ({
    call: `CreateSubscription that pushes to ${pushEndpoint}`,
    link: `${PUSH}#properties`,
    run: (cloud: PubSubCloud) =>
      cloud.subscriber.createSubscription({
        name: subscriptionName('badly-pushed'),
        topic: topicName('kept'),
        pushConfig: { pushEndpoint },
      }),
    expected: 'INVALID_ARGUMENT' as const,
  })),
  ...[
    { field: 'filter', value: { filter: 'attributes:x' } },
    { field: 'exactly-once delivery', value: { enableExactlyOnceDelivery: true } },
    { field: 'BigQuery', value: { bigqueryConfig: { table: 'p.d.t' } } },
    { field: 'retained acknowledged messages', value: { retainAckedMessages: true } },
    {
      field: 'an unwrapped payload',
      value: { pushConfig: { pushEndpoint: ENDPOINT, noWrapper: { writeMetadata: true } } },
    },
  ].map(({ field, value }) => ({
    call: `CreateSubscription with ${field} is refused by name`,
    link: 'https://cloud.google.com/pubsub/docs/subscription-properties',
    run: (cloud: PubSubCloud) =>
      cloud.subscriber.createSubscription({ name: subscriptionName('special'), topic: topicName('kept'), ...value }),
    expected: 'UNIMPLEMENTED' as const,
  })),
  {
    call: 'GetSubscription of a subscription that does not exist',
    link: SUBSCRIPTIONS,
    run: (cloud) => cloud.subscriber.getSubscription({ subscription: subscriptionName('absent') }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'GetSubscription tells the push endpoint, the format version and the default audience',
    link: `${SUBSCRIPTION_FIELDS}#PushConfig`,
    run: (cloud) => cloud.subscriber.getSubscription({ subscription: subscriptionName('kept-push') }),
    expected: {
      pushConfig: expect.objectContaining({
        pushEndpoint: ENDPOINT,
        attributes: { 'x-goog-version': 'v1' },
        oidcToken: { serviceAccountEmail: 'pusher@example.com', audience: ENDPOINT },
      }) as object,
    },
  },
  {
    call: 'UpdateSubscription changes what the mask names and nothing else',
    link: SUBSCRIPTIONS,
    run: (cloud) =>
      cloud.subscriber.updateSubscription({
        subscription: { name: subscriptionName('kept-push'), ackDeadlineSeconds: 60, labels: { not: 'applied' } },
        updateMask: { paths: ['ack_deadline_seconds'] },
      }),
    expected: {
      ackDeadlineSeconds: 60,
      labels: {},
      pushConfig: expect.objectContaining({ pushEndpoint: ENDPOINT }) as object,
    },
  },
  ...['topic', 'enable_message_ordering', 'ackDeadlineSeconds', 'nonsense'].map((path) => ({
    call: `UpdateSubscription with "${path}" in the mask`,
    link: SUBSCRIPTIONS,
    // JSON writes masks in camelCase.
    isOnlyGrpc: path === 'ackDeadlineSeconds',
    run: (cloud: PubSubCloud) =>
      cloud.subscriber.updateSubscription({
        subscription: { name: subscriptionName('kept-pull'), topic: topicName('kept') },
        updateMask: { paths: [path] },
      }),
    expected: 'INVALID_ARGUMENT' as const,
  })),
  {
    call: 'DeleteSubscription of a subscription that does not exist',
    link: SUBSCRIPTIONS,
    run: (cloud) => cloud.subscriber.deleteSubscription({ subscription: subscriptionName('absent') }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'ModifyPushConfig of a subscription that does not exist',
    link: SUBSCRIPTIONS,
    run: (cloud) => cloud.subscriber.modifyPushConfig({ subscription: subscriptionName('absent'), pushConfig: {} }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'a subscription outlives its topic and says so',
    link: DELETED,
    run: async (cloud) => {
      const topic = topicName('short-lived')
      await cloud.publisher.createTopic({ name: topic })
      await cloud.subscriber.createSubscription({ name: subscriptionName('orphan'), topic })
      await cloud.publisher.deleteTopic({ topic })
      return cloud.subscriber.getSubscription({ subscription: subscriptionName('orphan') })
    },
    expected: { topic: '_deleted-topic_' },
  },
  {
    call: 'a topic created again has none of the old subscriptions',
    link: DELETED,
    run: async (cloud) => {
      const topic = topicName('reborn')
      await cloud.publisher.createTopic({ name: topic })
      await cloud.subscriber.createSubscription({ name: subscriptionName('of-the-first'), topic })
      await cloud.publisher.deleteTopic({ topic })
      await cloud.publisher.createTopic({ name: topic })
      return [{ names: (await cloud.publisher.listTopicSubscriptions({ topic }))[0] }]
    },
    expected: { names: [] },
  },

  {
    call: 'Pull from a push subscription',
    link: PULL,
    run: (cloud) => cloud.subscriber.pull({ subscription: subscriptionName('kept-push'), maxMessages: 1 }),
    expected: 'FAILED_PRECONDITION',
  },
  {
    call: 'Pull of no messages',
    link: PULL,
    run: (cloud) => cloud.subscriber.pull({ subscription: subscriptionName('kept-pull'), maxMessages: 0 }),
    expected: 'INVALID_ARGUMENT',
  },
  {
    call: 'Pull from a detached subscription',
    link: 'https://cloud.google.com/pubsub/docs/detach-subscriptions',
    run: async (cloud) => {
      const subscription = subscriptionName('detached')
      await cloud.subscriber.createSubscription({ name: subscription, topic: topicName('kept') })
      await cloud.publisher.detachSubscription({ subscription })
      return cloud.subscriber.pull({ subscription, maxMessages: 1 })
    },
    expected: 'FAILED_PRECONDITION',
  },
  {
    call: 'Acknowledge with an unknown ID',
    link: PULL,
    run: (cloud) => cloud.subscriber.acknowledge({ subscription: subscriptionName('kept-pull'), ackIds: ['nonsense'] }),
    expected: 'INVALID_ARGUMENT',
  },
  {
    call: 'StreamingPull is refused by name',
    link: PULL,
    isOnlyGrpc: true,
    run: (cloud) =>
      new Promise((_, reject) => {
        const stream = cloud.subscriber.streamingPull()
        stream.on('error', reject)
        stream.write({ subscription: subscriptionName('kept-pull'), streamAckDeadlineSeconds: 10 })
      }),
    expected: 'UNIMPLEMENTED',
  },
  {
    call: 'Seek is refused by name',
    link: 'https://cloud.google.com/pubsub/docs/replay-overview',
    run: (cloud) => cloud.subscriber.seek({ subscription: subscriptionName('kept-pull'), time: { seconds: 0 } }),
    expected: 'UNIMPLEMENTED',
  },
  {
    call: 'CreateSnapshot is refused by name',
    link: 'https://cloud.google.com/pubsub/docs/replay-overview',
    run: (cloud) =>
      cloud.subscriber.createSnapshot({
        name: `${PARENT}/snapshots/snap`,
        subscription: subscriptionName('kept-pull'),
      }),
    expected: 'UNIMPLEMENTED',
  },
]
