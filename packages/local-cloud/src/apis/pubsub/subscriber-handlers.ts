import type { FieldMask } from '../../kernel/field-mask.ts'
import type { RpcHandler } from '../../kernel/api.ts'
import type { Catalog } from './catalog.ts'
import { durationOfMs, timestampOfMs } from '../../kernel/proto-time.ts'
import { parseProject } from './names.ts'
import { pageRequest, pageToken } from './paging.ts'
import type { PulledMessage, Puller } from './puller.ts'
import type { ResourceStore } from './resource-store.ts'
import type { SubscriptionRecord } from './resources.ts'
import { wireOfSubscription } from './subscription-wire.ts'
import type { WireSubscription } from './subscription-wire.ts'

/** The methods of google.pubsub.v1.Subscriber; missing methods are refused by name. */
export function subscriberHandlers(parts: {
  catalog: Catalog
  puller: Puller
  resources: ResourceStore
}): Record<string, RpcHandler> {
  const { catalog, puller, resources } = parts
  const wire = (subscription: SubscriptionRecord): object => {
    const topicRetentionMs = resources.topic(subscription.topic)?.retentionMs
    return {
      ...wireOfSubscription(subscription),
      topicMessageRetentionDuration: topicRetentionMs === undefined ? null : durationOfMs(topicRetentionMs),
    }
  }
  return {
    CreateSubscription: (subscription: WireSubscription) => wire(catalog.createSubscription(subscription)),

    GetSubscription: (request: { subscription: string }) => wire(catalog.subscription(request.subscription)),

    UpdateSubscription: (request: { subscription: WireSubscription; updateMask: FieldMask | null }) =>
      wire(catalog.updateSubscription(request.subscription, request.updateMask?.paths ?? [])),

    DeleteSubscription: (request: { subscription: string }) => catalog.deleteSubscription(request.subscription),

    ListSubscriptions: (request: { project: string; pageSize: number; pageToken: string }) => {
      const { items, next } = resources.subscriptions(parseProject(request.project), pageRequest(request))
      return { subscriptions: items.map(wire), nextPageToken: pageToken(next) }
    },

    ModifyPushConfig: (request: { subscription: string; pushConfig: WireSubscription['pushConfig'] }) =>
      catalog.modifyPushConfig(request.subscription, request.pushConfig),

    Pull: async (request: { subscription: string; maxMessages: number; returnImmediately: boolean }) => {
      const { settings } = catalog.subscription(request.subscription)
      const pulled = await puller.pull(request.subscription, request.maxMessages, request.returnImmediately)
      return { receivedMessages: pulled.map((message) => receivedMessage(message, settings.deadLetter !== undefined)) }
    },

    Acknowledge: (request: { subscription: string; ackIds: string[] }) =>
      puller.acknowledge(request.subscription, request.ackIds),

    ModifyAckDeadline: (request: { subscription: string; ackIds: string[]; ackDeadlineSeconds: number }) =>
      puller.modifyAckDeadline(request.subscription, request.ackIds, request.ackDeadlineSeconds),
  }
}

function receivedMessage({ ackId, message, attempt }: PulledMessage, countsAttempts: boolean): object {
  return {
    ackId,
    // "If a DeadLetterPolicy is not set on the subscription, this will be 0": ReceivedMessage.delivery_attempt.
    deliveryAttempt: countsAttempts ? attempt : 0,
    message: {
      data: message.data,
      attributes: message.attributes,
      messageId: String(message.id),
      publishTime: timestampOfMs(message.publishMs),
      orderingKey: message.orderingKey,
    },
  }
}
