import { GoogleError } from '../../kernel/errors.ts'
import { durationOfMs, type ProtoTime } from '../../kernel/proto-time.ts'
import { boundedDuration, wholeMs } from './durations.ts'
import { checkLabels } from './labels.ts'
import * as limits from './limits.ts'
import { parseName } from './names.ts'
import { pushOfWire, wireOfPush } from './push-config-wire.ts'
import type { WirePushConfig } from './push-config-wire.ts'
import type { DeadLetterPolicy, RetryPolicy, SubscriptionRecord, SubscriptionSettings } from './resources.ts'
import { refuseFields } from './topic-wire.ts'

/** `google.pubsub.v1.Subscription` in proto-loader form, with the emulated fields. */
export interface WireSubscription {
  name: string
  topic: string
  pushConfig: WirePushConfig | null
  ackDeadlineSeconds: number
  messageRetentionDuration: ProtoTime | null
  labels: Record<string, string>
  enableMessageOrdering: boolean
  expirationPolicy: { ttl: ProtoTime | null } | null
  retryPolicy: { minimumBackoff: ProtoTime | null; maximumBackoff: ProtoTime | null } | null
  deadLetterPolicy: { deadLetterTopic: string; maxDeliveryAttempts: number } | null
  detached: boolean
  [refused: string]: unknown
}

/** Fields that would change what a subscription does: refused, never ignored. */
const REFUSED_FIELDS = [
  'filter',
  'enableExactlyOnceDelivery',
  'retainAckedMessages',
  'bigqueryConfig',
  'cloudStorageConfig',
  'bigtableConfig',
  'messageTransforms',
  'tags',
]

/** Fields that UpdateSubscription can change (https://cloud.google.com/pubsub/docs/subscription-properties). */
export const CHANGEABLE_SUBSCRIPTION_FIELDS = [
  'push_config',
  'ack_deadline_seconds',
  'message_retention_duration',
  'labels',
  'expiration_policy',
  'retry_policy',
  'dead_letter_policy',
  'retain_acked_messages',
  'enable_exactly_once_delivery',
  'bigquery_config',
  'cloud_storage_config',
  'bigtable_config',
  'message_transforms',
]

/**
 * Checks a subscription's settings and fills in Google's defaults
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions).
 *
 * @throws GoogleError INVALID_ARGUMENT for a bad value, UNIMPLEMENTED for a field that is not emulated
 */
export function settingsOfWire(subscription: WireSubscription): SubscriptionSettings {
  refuseFields('Subscription', subscription, REFUSED_FIELDS)
  return {
    push: pushOfWire(subscription.pushConfig),
    ackDeadlineSeconds: ackDeadline(subscription.ackDeadlineSeconds),
    retentionMs: boundedDuration(subscription.messageRetentionDuration, {
      field: 'messageRetentionDuration',
      fallbackMs: limits.DEFAULT_RETENTION_MS,
      leastMs: limits.SHORTEST_RETENTION_MS,
      mostMs: limits.LONGEST_RETENTION_MS,
    }),
    labels: checkLabels(subscription.labels),
    ordered: subscription.enableMessageOrdering,
    expirationMs: expiration(subscription.expirationPolicy),
    retry: retryPolicy(subscription.retryPolicy),
    deadLetter: deadLetterPolicy(subscription.deadLetterPolicy),
    detached: subscription.detached,
  }
}

export function wireOfSubscription({ name, topic, settings }: SubscriptionRecord): WireSubscription {
  return {
    name,
    topic,
    pushConfig: wireOfPush(settings.push),
    ackDeadlineSeconds: settings.ackDeadlineSeconds,
    messageRetentionDuration: durationOfMs(settings.retentionMs),
    labels: settings.labels,
    enableMessageOrdering: settings.ordered,
    expirationPolicy: { ttl: settings.expirationMs === undefined ? null : durationOfMs(settings.expirationMs) },
    retryPolicy: settings.retry
      ? {
          minimumBackoff: durationOfMs(settings.retry.minimumBackoffMs),
          maximumBackoff: durationOfMs(settings.retry.maximumBackoffMs),
        }
      : null,
    deadLetterPolicy: settings.deadLetter
      ? { deadLetterTopic: settings.deadLetter.topic, maxDeliveryAttempts: settings.deadLetter.maxDeliveryAttempts }
      : null,
    detached: settings.detached,
    state: 'ACTIVE',
  }
}

function ackDeadline(seconds: number): number {
  if (seconds === 0) return limits.DEFAULT_ACK_DEADLINE_SECONDS
  if (seconds < limits.SHORTEST_ACK_DEADLINE_SECONDS || seconds > limits.LONGEST_ACK_DEADLINE_SECONDS) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid ack deadline given (ackDeadlineSeconds=${seconds}): must be between ` +
        `${limits.SHORTEST_ACK_DEADLINE_SECONDS} and ${limits.LONGEST_ACK_DEADLINE_SECONDS}.`,
    )
  }
  return seconds
}

/** A policy without a ttl means "never"; no policy at all means 31 days. */
function expiration(policy: WireSubscription['expirationPolicy']): number | undefined {
  if (!policy) return limits.DEFAULT_EXPIRATION_MS
  const ttlMs = wholeMs(policy.ttl)
  if (ttlMs !== undefined && ttlMs < limits.SHORTEST_EXPIRATION_MS) {
    throw new GoogleError('INVALID_ARGUMENT', 'Invalid expirationPolicy.ttl: must be at least 1 day.')
  }
  return ttlMs
}

function retryPolicy(policy: WireSubscription['retryPolicy']): RetryPolicy | undefined {
  if (!policy) return undefined
  const bound = { leastMs: 0, mostMs: limits.LONGEST_BACKOFF_MS }
  const minimumBackoffMs = boundedDuration(policy.minimumBackoff, {
    ...bound,
    field: 'retryPolicy.minimumBackoff',
    fallbackMs: limits.DEFAULT_MINIMUM_BACKOFF_MS,
  })
  const maximumBackoffMs = boundedDuration(policy.maximumBackoff, {
    ...bound,
    field: 'retryPolicy.maximumBackoff',
    fallbackMs: limits.DEFAULT_MAXIMUM_BACKOFF_MS,
  })
  if (minimumBackoffMs > maximumBackoffMs) {
    throw new GoogleError('INVALID_ARGUMENT', 'retryPolicy.minimumBackoff must not exceed retryPolicy.maximumBackoff.')
  }
  return { minimumBackoffMs, maximumBackoffMs }
}

function deadLetterPolicy(policy: WireSubscription['deadLetterPolicy']): DeadLetterPolicy | undefined {
  if (!policy) return undefined
  parseName(policy.deadLetterTopic, 'topics')
  const attempts = policy.maxDeliveryAttempts === 0 ? limits.DEFAULT_DELIVERY_ATTEMPTS : policy.maxDeliveryAttempts
  if (attempts < limits.FEWEST_DELIVERY_ATTEMPTS || attempts > limits.MOST_DELIVERY_ATTEMPTS) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid deadLetterPolicy.maxDeliveryAttempts (${attempts}): must be between ` +
        `${limits.FEWEST_DELIVERY_ATTEMPTS} and ${limits.MOST_DELIVERY_ATTEMPTS}.`,
    )
  }
  return { topic: policy.deadLetterTopic, maxDeliveryAttempts: attempts }
}
