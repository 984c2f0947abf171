import type { Case } from './case-fixture.ts'
import { BASICS, subscriptionName, topicName } from './case-fixture.ts'
import type { PubSubCloud } from './pubsub-fixture.ts'

const TOPICS = 'https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#publisher'

/** Topics and publishing. Every case finds the topic `kept` with the subscriptions `kept-pull` and `kept-push`. */
export const publisherCases: Case[] = [
  {
    call: 'CreateTopic answers with the topic',
    link: TOPICS,
    run: (cloud) => cloud.publisher.createTopic({ name: topicName('created'), labels: { team: 'maps' } }),
    expected: { name: topicName('created'), labels: { team: 'maps' }, state: 'ACTIVE' },
  },
  {
    call: 'CreateTopic of a topic that exists',
    link: TOPICS,
    run: (cloud) => cloud.publisher.createTopic({ name: topicName('kept') }),
    expected: 'ALREADY_EXISTS',
  },
  ...['no', 'x'.repeat(256), '1digit', 'goog-topic', 'sla/sh', 'spa ce', 'ümlaut', 'colon:'].map((id) => ({
    call: `CreateTopic with the id "${id.slice(0, 12)}" (${id.length} characters)`,
    link: BASICS,
    isOnlyGrpc: id.includes('/'),
    run: (cloud: PubSubCloud) => cloud.publisher.createTopic({ name: topicName(id) }),
    expected: 'INVALID_ARGUMENT' as const,
  })),
  ...['abc', 'x'.repeat(255), 'A-Za.z_0~9+%20', 'Goog'].map((id) => ({
    call: `CreateTopic with the id "${id.slice(0, 14)}" (${id.length} characters)`,
    link: BASICS,
    run: (cloud: PubSubCloud) => cloud.publisher.createTopic({ name: topicName(id) }),
    expected: { name: topicName(id) },
  })),
  {
    call: 'CreateTopic with a subscription name',
    link: BASICS,
    isOnlyGrpc: true,
    run: (cloud) => cloud.publisher.createTopic({ name: subscriptionName('mixed-up') }),
    expected: 'INVALID_ARGUMENT',
  },
  {
    call: 'GetTopic of a topic that does not exist',
    link: TOPICS,
    run: (cloud) => cloud.publisher.getTopic({ topic: topicName('absent') }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'UpdateTopic changes what the mask names and nothing else',
    link: 'https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/patch',
    run: (cloud) =>
      cloud.publisher.updateTopic({
        topic: { name: topicName('kept'), labels: { changed: 'yes' }, messageRetentionDuration: { seconds: 700 } },
        updateMask: { paths: ['labels'] },
      }),
    expected: { labels: { changed: 'yes' }, messageRetentionDuration: null },
  },
  {
    call: 'UpdateTopic without a mask',
    link: 'https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/patch',
    run: (cloud) => cloud.publisher.updateTopic({ topic: { name: topicName('kept') } }),
    expected: 'INVALID_ARGUMENT',
  },
  {
    call: 'UpdateTopic of the name',
    link: 'https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/patch',
    run: (cloud) =>
      cloud.publisher.updateTopic({ topic: { name: topicName('kept') }, updateMask: { paths: ['name'] } }),
    expected: 'INVALID_ARGUMENT',
  },
  {
    call: 'DeleteTopic of a topic that does not exist',
    link: TOPICS,
    run: (cloud) => cloud.publisher.deleteTopic({ topic: topicName('absent') }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'ListTopicSubscriptions names the attached subscriptions',
    link: TOPICS,
    run: async (cloud) => [{ names: (await cloud.publisher.listTopicSubscriptions({ topic: topicName('kept') }))[0] }],
    expected: { names: [subscriptionName('kept-pull'), subscriptionName('kept-push')] },
  },
  {
    call: 'Publish to a topic that does not exist',
    link: TOPICS,
    run: (cloud) => cloud.publisher.publish({ topic: topicName('absent'), messages: [{ data: Buffer.from('x') }] }),
    expected: 'NOT_FOUND',
  },
  {
    call: 'CreateTopic with a key of Cloud KMS is refused by name',
    link: 'https://cloud.google.com/pubsub/docs/encryption',
    run: (cloud) => cloud.publisher.createTopic({ name: topicName('secret'), kmsKeyName: 'projects/p/key' }),
    expected: 'UNIMPLEMENTED',
  },
  {
    call: 'CreateTopic with a schema is refused by name',
    link: 'https://cloud.google.com/pubsub/docs/schemas',
    run: (cloud) =>
      cloud.publisher.createTopic({ name: topicName('typed'), schemaSettings: { schema: 'projects/p/schemas/s' } }),
    expected: 'UNIMPLEMENTED',
  },
  {
    call: 'ListTopicSnapshots is refused by name',
    link: TOPICS,
    run: (cloud) => cloud.publisher.listTopicSnapshots({ topic: topicName('kept') }),
    expected: 'UNIMPLEMENTED',
  },
]
