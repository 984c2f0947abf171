/** A stored topic. Durations are milliseconds. */
export interface TopicRecord {
  name: string
  labels: Record<string, string>
  retentionMs: number | undefined
  allowedRegions: readonly string[] | undefined
}

/** Target and settings of push delivery. */
export interface PushTarget {
  endpoint: string
  attributes: Record<string, string>
  oidc: { serviceAccountEmail: string; audience: string } | undefined
}

/** Wait after each failed delivery, in milliseconds. */
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

/** A stored subscription. */
export interface SubscriptionRecord {
  /** The store's own number: a subscription created again with the same name gets another one. */
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

/** One delivery of a message to a subscription. */
export interface LeasedMessage {
  message: Message
  /** 1 for the first delivery: 1 + negative acknowledgements + deadlines exceeded. */
  attempt: number
}
