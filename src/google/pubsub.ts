import type { v1 } from '@google-cloud/pubsub'
import { grpcClientOptions } from './auth/credentials.ts'
import { callApi } from './rest/rest.ts'
import { call, callUnless } from './transport/errors.ts'

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
  clients ??= Promise.all([import('@google-cloud/pubsub'), grpcClientOptions('')]).then(
    ([{ v1 }, { projectId: _, ...options }]) => ({
      publisher: new v1.PublisherClient(options as ConstructorParameters<typeof v1.PublisherClient>[0]),
      subscriber: new v1.SubscriberClient(options as ConstructorParameters<typeof v1.SubscriberClient>[0]),
    }),
  )
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

export async function deleteTopic(name: string): Promise<'deleted' | 'absent'> {
  const { publisher } = await pubsub()
  return callUnless(
    'NOT_FOUND',
    publisher.deleteTopic({ topic: name }).then(() => 'deleted' as const),
    'absent' as const,
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

/**
 * Returns the `permissions` that this process's account has on a topic; none on a topic that does not exist
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/testIamPermissions).
 */
export async function topicPermissions(name: string, permissions: readonly string[]): Promise<string[]> {
  const answer = await callApi<{ permissions?: string[] }>('pubsub', `v1/${name}:testIamPermissions`, {
    body: { permissions },
  })
  return answer.permissions ?? []
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

export async function deleteSubscription(name: string): Promise<'deleted' | 'absent'> {
  const { subscriber } = await pubsub()
  const deleted = subscriber.deleteSubscription({ subscription: name })
  return callUnless(
    'NOT_FOUND',
    deleted.then(() => 'deleted' as const),
    'absent' as const,
  )
}

/** Maximum number of messages in one Publish call (https://cloud.google.com/pubsub/quotas#resource_limits). */
const MAX_MESSAGES = 1_000

/** Publishes one message per body, in order, all with the same attributes. Resolves when all are accepted. */
export async function publish(
  topic: string,
  bodies: readonly string[],
  attributes: Record<string, string> = {},
): Promise<void> {
  const { publisher } = await pubsub()
  for (let start = 0; start < bodies.length; start += MAX_MESSAGES) {
    const messages = bodies.slice(start, start + MAX_MESSAGES).map((body) => ({ data: Buffer.from(body), attributes }))
    await call(publisher.publish({ topic, messages }))
  }
}
