import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Backlog, Lease } from './backlog.ts'
import type { Catalog } from './catalog.ts'
import {
  LARGEST_ACKNOWLEDGE_BYTES,
  LONGEST_ACK_DEADLINE_SECONDS,
  LONGEST_PULL_WAIT_MS,
  MOST_MESSAGES_PER_PULL,
} from './limits.ts'
import type { LeasedMessage, SubscriptionRecord } from './resources.ts'

/** A pulled message with its acknowledgement ID. */
export interface PulledMessage extends LeasedMessage {
  ackId: string
}

/** Unary pull: https://cloud.google.com/pubsub/docs/pull#unary_pull */
export class Puller {
  readonly #catalog: Catalog
  readonly #backlog: Backlog
  readonly #clock: Clock
  readonly #waiting = new Map<number, Set<() => void>>()
  #running = true

  constructor(parts: { catalog: Catalog; backlog: Backlog; clock: Clock }) {
    this.#catalog = parts.catalog
    this.#backlog = parts.backlog
    this.#clock = parts.clock
    parts.backlog.listen((subscriptionId) => this.#wake(subscriptionId))
  }

  /**
   * Leases up to `most` messages; waits a limited time for the first one unless `immediately` is set.
   *
   * @throws GoogleError NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION for a push or detached subscription
   */
  async pull(name: string, most: number, immediately: boolean): Promise<PulledMessage[]> {
    if (most <= 0) throw new GoogleError('INVALID_ARGUMENT', `maxMessages must be positive, got ${most}.`)
    const giveUpMs = this.#clock.now() + LONGEST_PULL_WAIT_MS
    for (;;) {
      const subscription = this.#pullable(name)
      const claimed = this.#backlog.claim(subscription, Math.min(most, MOST_MESSAGES_PER_PULL))
      const nowMs = this.#clock.now()
      if (claimed.length > 0 || immediately || nowMs >= giveUpMs) {
        return claimed.map((leased) => ({ ...leased, ackId: ackIdOf(subscription, leased) }))
      }
      const nextMs = Math.min(giveUpMs, this.#backlog.nextEventMs(subscription) ?? giveUpMs)
      await this.#waitFor(subscription.id, nextMs - nowMs)
      if (!this.#running) return []
    }
  }

  acknowledge(name: string, ackIds: readonly string[]): void {
    const subscription = this.#catalog.subscription(name)
    const leases = leasesOf(subscription, ackIds)
    this.#backlog.acknowledge(
      subscription,
      leases.map((lease) => lease.messageId),
    )
  }

  /** 0 seconds is a negative acknowledgement. */
  modifyAckDeadline(name: string, ackIds: readonly string[], seconds: number): void {
    const subscription = this.#catalog.subscription(name)
    if (seconds < 0 || seconds > LONGEST_ACK_DEADLINE_SECONDS) {
      throw new GoogleError(
        'INVALID_ARGUMENT',
        `Invalid ack deadline given (ackDeadlineSeconds=${seconds}): must be between 0 and ${LONGEST_ACK_DEADLINE_SECONDS}.`,
      )
    }
    const leases = leasesOf(subscription, ackIds)
    if (seconds === 0) {
      this.#backlog.fail(leases)
      return
    }
    this.#backlog.extend(leases, this.#clock.now() + seconds * 1_000)
  }

  /** Waiting pulls return no messages. */
  stop(): void {
    this.#running = false
    for (const subscriptionId of this.#waiting.keys()) this.#wake(subscriptionId)
  }

  #pullable(name: string): SubscriptionRecord {
    const subscription = this.#catalog.subscription(name)
    if (subscription.settings.detached) {
      throw new GoogleError(
        'FAILED_PRECONDITION',
        `The subscription is detached from its topic (subscription=${name}).`,
      )
    }
    if (subscription.settings.push) {
      throw new GoogleError('FAILED_PRECONDITION', 'This method is not supported for this subscription type.')
    }
    return subscription
  }

  #waitFor(subscriptionId: number, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(subscriptionId) ?? new Set()
      this.#waiting.set(subscriptionId, waiters)
      const end = (): void => {
        cancelTimer()
        waiters.delete(end)
        if (waiters.size === 0) this.#waiting.delete(subscriptionId)
        resolve()
      }
      const cancelTimer = this.#clock.after(delayMs, end)
      waiters.add(end)
    })
  }

  #wake(subscriptionId: number): void {
    for (const end of this.#waiting.get(subscriptionId) ?? []) end()
  }
}

function ackIdOf(subscription: SubscriptionRecord, { message, attempt }: LeasedMessage): string {
  return Buffer.from(`${subscription.id}.${message.id}.${attempt}`).toString('base64url')
}

function leasesOf(subscription: SubscriptionRecord, ackIds: readonly string[]): Lease[] {
  const bytes = ackIds.reduce((sum, ackId) => sum + ackId.length, 0)
  if (ackIds.length === 0 || bytes > LARGEST_ACKNOWLEDGE_BYTES) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `A request must name between 1 acknowledgement id and ${LARGEST_ACKNOWLEDGE_BYTES} bytes of them, got ${bytes} bytes.`,
    )
  }
  return ackIds.map((ackId) => {
    const parts = /^(\d+)\.(\d+)\.(\d+)$/.exec(Buffer.from(ackId, 'base64url').toString())?.slice(1).map(Number)
    const [subscriptionId, messageId, attempt] = parts ?? []
    if (subscriptionId !== subscription.id || messageId === undefined || attempt === undefined) {
      throw new GoogleError('INVALID_ARGUMENT', `You have passed an invalid ack ID to the service (ack_id=${ackId}).`)
    }
    return { subscriptionId, messageId, attempt }
  })
}
