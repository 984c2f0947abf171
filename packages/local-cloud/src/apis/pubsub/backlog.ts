import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../kernel/clock.ts'
import { transaction } from '../../kernel/database.ts'
import type { BacklogStore } from './backlog-store.ts'
import { LONGEST_WAIT_MS } from './limits.ts'
import { notFound } from './names.ts'
import { deadLetter, isExhausted, retryDelayMs } from './redelivery.ts'
import type { ResourceStore } from './resource-store.ts'
import type { LeasedMessage, NewMessage, SubscriptionRecord } from './resources.ts'

/** One lease: the attempt number identifies outdated acknowledgements. */
export interface Lease {
  subscriptionId: number
  messageId: number
  attempt: number
}

/** Every subscription of a topic, at once: Google allows 10,000 (https://cloud.google.com/pubsub/quotas#resource_limits). */
const ALL_ATTACHED = { after: '', size: 10_000 }

/**
 * The life of messages between publish and acknowledgement. Every method is one transaction. A message
 * leaves a subscription's backlog only by acknowledgement, dead-lettering, expiry or deletion.
 */
export class Backlog {
  readonly #database: DatabaseSync
  readonly #resources: ResourceStore
  readonly #store: BacklogStore
  readonly #clock: Clock
  readonly #listeners: ((subscriptionId: number) => void)[] = []

  constructor(parts: { database: DatabaseSync; resources: ResourceStore; store: BacklogStore; clock: Clock }) {
    this.#database = parts.database
    this.#resources = parts.resources
    this.#store = parts.store
    this.#clock = parts.clock
  }

  /** `listener` is called for every subscription that changed or can have deliverable messages. */
  listen(listener: (subscriptionId: number) => void): void {
    this.#listeners.push(listener)
  }

  announce(subscriptionIds: Iterable<number>): void {
    for (const id of subscriptionIds) for (const listener of this.#listeners) listener(id)
  }

  /** Adds checked messages to every subscription attached now. @returns their ids @throws GoogleError NOT_FOUND */
  publish(topic: string, messages: readonly NewMessage[]): number[] {
    const { ids, touched } = transaction(this.#database, () => {
      if (!this.#resources.topic(topic)) throw notFound(topic)
      return this.#insert(topic, messages)
    })
    this.announce(touched)
    return ids
  }

  /** Leases up to `most` due messages until the acknowledgement deadline. */
  claim(subscription: SubscriptionRecord, most: number): LeasedMessage[] {
    const nowMs = this.#clock.now()
    const { claimed, touched } = transaction(this.#database, () => {
      this.#store.expire(subscription.id, nowMs)
      this.#store.boundDue(subscription.id, nowMs + LONGEST_WAIT_MS)
      const forwarded = new Set<number>()
      for (const { messageId, attempt, lapsedMs } of this.#store.lapsed(subscription.id, nowMs)) {
        const lease = { subscriptionId: subscription.id, messageId, attempt }
        for (const id of this.#release(subscription, lease, lapsedMs)) forwarded.add(id)
      }
      const { ordered, ackDeadlineSeconds } = subscription.settings
      const deadlineMs = nowMs + ackDeadlineSeconds * 1_000
      return { claimed: this.#store.claim(subscription.id, { nowMs, most, deadlineMs, ordered }), touched: forwarded }
    })
    this.announce(touched)
    return claimed
  }

  acknowledge(subscription: SubscriptionRecord, messageIds: readonly number[]): void {
    transaction(this.#database, () => {
      for (const id of messageIds) this.#store.remove(subscription.id, id)
    })
    // The next message of an ordering key waits for this.
    if (subscription.settings.ordered) this.announce([subscription.id])
  }

  /** Handles a negative acknowledgement or a missed deadline: backoff, redelivery or the dead-letter topic. */
  fail(leases: readonly Lease[]): void {
    const touched = transaction(this.#database, () => {
      const ids = new Set<number>()
      for (const lease of leases) {
        const subscription = this.#resources.subscriptionById(lease.subscriptionId)
        if (!subscription) continue
        ids.add(subscription.id)
        for (const id of this.#release(subscription, lease, this.#clock.now())) ids.add(id)
      }
      return ids
    })
    this.announce(touched)
  }

  /** Moves the deadline of active leases; ignores the others. */
  extend(leases: readonly Lease[], deadlineMs: number): void {
    transaction(this.#database, () => {
      for (const lease of leases) this.#store.extend(lease.subscriptionId, lease.messageId, lease.attempt, deadlineMs)
    })
  }

  /** Returns when the subscription needs attention again: a message is due or a deadline passes. */
  nextEventMs(subscription: SubscriptionRecord): number | undefined {
    const dueMs = this.#store.nextDueMs(subscription.id, subscription.settings.ordered)
    const lapseMs = this.#store.nextLapseMs(subscription.id)
    if (dueMs === undefined || lapseMs === undefined) return dueMs ?? lapseMs
    return Math.min(dueMs, lapseMs)
  }

  /** Unacknowledged messages, counted once per subscription. */
  count(): number {
    const nowMs = this.#clock.now()
    transaction(this.#database, () => {
      for (const { id } of this.#resources.allSubscriptions()) this.#store.expire(id, nowMs)
    })
    return this.#store.count()
  }

  /** @returns the subscriptions that got a dead-lettered message */
  #release(subscription: SubscriptionRecord, lease: Lease, failedMs: number): Iterable<number> {
    const { messageId, attempt } = lease
    const dueMs = failedMs + retryDelayMs(subscription.settings.retry, attempt)
    const current = this.#store.release(subscription.id, messageId, attempt, dueMs)
    if (!current || !isExhausted(subscription, attempt)) return []
    const topic = subscription.settings.deadLetter?.topic
    const leased = this.#store.read(subscription.id, messageId)
    // Dead-lettering is best effort at Google; without the topic, the message keeps being redelivered.
    if (topic === undefined || !leased || !this.#resources.topic(topic)) return []
    const { touched } = this.#insert(topic, [deadLetter(subscription, leased)])
    this.#store.remove(subscription.id, messageId)
    return touched
  }

  #insert(topic: string, messages: readonly NewMessage[]): { ids: number[]; touched: number[] } {
    const nowMs = this.#clock.now()
    const subscriptions = this.#resources
      .attachedSubscriptions(topic, ALL_ATTACHED)
      .items.filter((subscription) => !subscription.settings.detached)
      .map(({ id, settings }) => ({ id, expiresMs: nowMs + settings.retentionMs }))
    const ids = messages.map((message) => this.#store.insert(message, nowMs, subscriptions))
    return { ids, touched: subscriptions.map(({ id }) => id) }
  }
}
