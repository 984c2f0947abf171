import type { v1 } from '@google-cloud/pubsub'
import { jsonClientOptions } from './auth/credentials.ts'
import { deleteSubscription } from './rest/pubsub-messages.ts'
import { callUnless } from './transport/errors.ts'

interface Clients {
  publisher: InstanceType<typeof v1.PublisherClient>
  subscriber: InstanceType<typeof v1.SubscriberClient>
}

let clients: Promise<Clients> | undefined

/**
 * The generated clients rather than the `PubSub` class: a run sends few messages and needs each call's
 * outcome, not background batching.
 */
async function pubsub(): Promise<Clients> {
  clients ??= Promise.all([import('@google-cloud/pubsub'), jsonClientOptions()]).then(([{ v1 }, options]) => ({
    publisher: new v1.PublisherClient(options as ConstructorParameters<typeof v1.PublisherClient>[0]),
    subscriber: new v1.SubscriberClient(options as ConstructorParameters<typeof v1.SubscriberClient>[0]),
  }))
  return clients
}

export async function ensureTopic(name: string, labels: Record<string, string>): Promise<'created' | 'existed'> {
  const { publisher } = await pubsub()
  const created = publisher.createTopic({ name, labels })
  return callUnless(
    'ALREADY_EXISTS',
    created.then(() => 'created' as const),
    'existed' as const,
  )
}

export async function topicExists(name: string): Promise<boolean> {
  const { publisher } = await pubsub()
  return callUnless(
    'NOT_FOUND',
    publisher.getTopic({ topic: name }).then(() => true),
    false,
  )
}

export async function subscriptionExists(name: string): Promise<boolean> {
  const { subscriber } = await pubsub()
  return callUnless(
    'NOT_FOUND',
    subscriber.getSubscription({ subscription: name }).then(() => true),
    false,
  )
}

export interface PushSubscription {
  topic: string
  endpoint: string
  serviceAccountEmail: string
  audience: string
  labels: Record<string, string>
}

/**
 * The acknowledgement deadline in seconds, Pub/Sub's longest. For a push subscription, it is also the
 * endpoint's response deadline (https://cloud.google.com/pubsub/docs/push#receive_push).
 */
const ACK_DEADLINE_SECONDS = 600

/**
 * Creates a push subscription unless it exists. Replaces one that would deliver nothing, or to another
 * endpoint: a subscription outlives its topic, but gets no messages from a new topic with the same name
 * (https://cloud.google.com/pubsub/docs/delete-topic).
 */
export async function ensurePushSubscription(name: string, options: PushSubscription): Promise<'created' | 'existed'> {
  if ((await createPushSubscription(name, options)) === 'created') return 'created'
  const { subscriber } = await pubsub()
  const answer = await callUnless('NOT_FOUND', subscriber.getSubscription({ subscription: name }), undefined)
  const matchesRequest = answer?.[0].topic === options.topic && answer[0].pushConfig?.pushEndpoint === options.endpoint
  if (matchesRequest) return 'existed'
  await deleteSubscription(name)
  return createPushSubscription(name, options)
}

async function createPushSubscription(name: string, options: PushSubscription): Promise<'created' | 'existed'> {
  const { subscriber } = await pubsub()
  const { serviceAccountEmail, audience } = options
  const created = subscriber.createSubscription({
    name,
    topic: options.topic,
    labels: options.labels,
    ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
    pushConfig: { pushEndpoint: options.endpoint, oidcToken: { serviceAccountEmail, audience } },
    retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
  })
  return callUnless(
    'ALREADY_EXISTS',
    created.then(() => 'created' as const),
    'existed' as const,
  )
}
