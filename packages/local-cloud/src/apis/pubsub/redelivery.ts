import { nameParts } from './names.ts'
import type { LeasedMessage, NewMessage, RetryPolicy, SubscriptionRecord } from './resources.ts'

/**
 * How long a message waits after its `attempt`-th delivery failed, milliseconds: zero without a policy,
 * otherwise minimum * 2^(attempt-1) up to the maximum
 * (https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff; Google does not document the
 * factor).
 */
export function retryDelayMs(policy: RetryPolicy | undefined, attempt: number): number {
  if (!policy) return 0
  return Math.min(policy.maximumBackoffMs, policy.minimumBackoffMs * 2 ** (attempt - 1))
}

/** Whether a failed delivery was the last one before the dead-letter topic. */
export function isExhausted(subscription: SubscriptionRecord, attempt: number): boolean {
  const policy = subscription.settings.deadLetter
  return policy !== undefined && attempt >= policy.maxDeliveryAttempts
}

/**
 * Returns the message for the dead-letter topic, with the attributes of
 * https://cloud.google.com/pubsub/docs/handling-failures#how_do_dead_letter_topics_work
 */
export function deadLetter(subscription: SubscriptionRecord, { message, attempt }: LeasedMessage): NewMessage {
  const { project, id } = nameParts(subscription.name)
  return {
    data: message.data,
    orderingKey: message.orderingKey,
    attributes: {
      ...message.attributes,
      CloudPubSubDeadLetterSourceDeliveryCount: String(attempt),
      CloudPubSubDeadLetterSourceSubscription: id,
      CloudPubSubDeadLetterSourceSubscriptionProject: project,
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(message.publishMs).toISOString().replace('Z', '+00:00'),
    },
  }
}
