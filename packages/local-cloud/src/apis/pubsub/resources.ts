/** A topic as the store keeps it. Durations are milliseconds. */
export interface TopicRecord {
  name: string
  labels: Record<string, string>
  retentionMs: number | undefined
  allowedRegions: readonly string[] | undefined
}

/** Where and how a push subscription delivers. */
export interface PushTarget {
  endpoint: string
  attributes: Record<string, string>
  oidc: { serviceAccountEmail: string; audience: string } | undefined
}

/** How long a message waits after each failed delivery, milliseconds. */
export interface RetryPolicy {
  minimumBackoffMs: number
  maximumBackoffMs: number
}

export interface DeadLetterPolicy {
  topic: string
  maxDeliveryAttempts: number
}

/** The changeable and fixed settings of a subscription. Durations are milliseconds. */
export interface SubscriptionSettings {
  /** Undefined for a pull subscription. */
  push: PushTarget | undefined
  ackDeadlineSeconds: number
  retentionMs: number
  labels: Record<string, string>
  ordered: boolean
  /** Undefined: never expires. */
  expirationMs: number | undefined
  /** Undefined: redelivered as soon as possible. */
  retry: RetryPolicy | undefined
  deadLetter: DeadLetterPolicy | undefined
  detached: boolean
}

/** A subscription as the store keeps it. */
export interface SubscriptionRecord {
  /** The store's own number: a subscription created again under the same name is another one. */
  id: number
  name: string
  /** The topic's name, or `_deleted-topic_`. */
  topic: string
  settings: SubscriptionSettings
}

/** What a publisher sends. */
export interface NewMessage {
  data: Buffer
  attributes: Record<string, string>
  orderingKey: string
}

/** A published message. `id` is unique in the whole store. */
export interface Message extends NewMessage {
  id: number
  publishMs: number
}

/** One message on its way to one subscription's subscriber. */
export interface LeasedMessage {
  message: Message
  /** 1 for the first delivery: 1 + negative acknowledgements + deadlines exceeded. */
  attempt: number
}
