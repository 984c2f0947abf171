import type { Deliver, Delivery } from '../../kernel/api.ts'
import type { CancelTimer, Clock } from '../../kernel/clock.ts'
import type { Backlog } from './backlog.ts'
import { ACKNOWLEDGING_STATUSES, LONGEST_PUSH_BACKOFF_MS, LONGEST_WAIT_MS } from './limits.ts'
import { PushFlow } from './push-flow.ts'
import { pushRequest } from './push-request.ts'
import type { ResourceStore } from './resource-store.ts'
import type { LeasedMessage, PushTarget, SubscriptionRecord } from './resources.ts'

export interface PusherParts {
  backlog: Backlog
  resources: ResourceStore
  clock: Clock
  deliver: Deliver
  /** Whether sending is paused. */
  isHeld: () => boolean
}

/** Delay before a retry after an error of the store itself (a full disk). */
const STORE_RETRY_MS = 1_000

/**
 * Sends one subscription's messages to its endpoint, as fast as `PushFlow` allows. Event-driven: a
 * publish, a response, or a timer for the next due message.
 */
export class Pusher {
  readonly #subscriptionId: number
  readonly #parts: PusherParts
  readonly #flow = new PushFlow()
  #outstanding = 0
  #closed = false
  #woken = false
  #cancelTimer: CancelTimer | undefined

  constructor(subscriptionId: number, parts: PusherParts) {
    this.#subscriptionId = subscriptionId
    this.#parts = parts
  }

  /** Schedules a check of the backlog; calls in the same turn share one check. */
  wake(): void {
    if (this.#woken || this.#closed) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      if (!this.#closed) this.#flush()
    })
  }

  /** Stops sending and ignores later responses. */
  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
  }

  #flush(): void {
    const { backlog, resources, clock } = this.#parts
    this.#cancelTimer?.()
    if (this.#parts.isHeld()) return
    try {
      const subscription = resources.subscriptionById(this.#subscriptionId)
      const target = subscription?.settings.push
      if (!subscription || !target || subscription.settings.detached) return
      const nowMs = clock.now()
      const pauseMs = this.#flow.resumeMs - nowMs
      // A pause above the maximum means that the clock jumped back.
      if (pauseMs > 0 && pauseMs <= LONGEST_PUSH_BACKOFF_MS) {
        this.#wakeIn(pauseMs)
        return
      }
      const free = this.#flow.window - this.#outstanding
      if (free <= 0) return
      for (const leased of backlog.claim(subscription, free)) this.#push(subscription, target, leased)
      const nextMs = backlog.nextEventMs(subscription)
      if (nextMs !== undefined && this.#outstanding < this.#flow.window) this.#wakeIn(nextMs - nowMs)
    } catch (error) {
      this.#reportStoreError(error)
    }
  }

  #push(subscription: SubscriptionRecord, target: PushTarget, leased: LeasedMessage): void {
    const sentMs = this.#parts.clock.now()
    const round = this.#flow.round
    this.#outstanding++
    void this.#isAcknowledged(pushRequest(subscription, target, leased)).then((acknowledged) => {
      this.#outstanding--
      if (this.#closed) return
      const nowMs = this.#parts.clock.now()
      if (acknowledged) this.#flow.succeeded(nowMs - sentMs)
      else this.#flow.failed(nowMs, nowMs - sentMs, round)
      this.#settle(subscription, leased, acknowledged)
      this.wake()
    })
  }

  /** Never rejects: a missing or late response and every other status are negative acknowledgements. */
  #isAcknowledged(delivery: Delivery): Promise<boolean> {
    const { clock, deliver } = this.#parts
    return new Promise((resolve) => {
      const cancelDeadline = clock.after(delivery.deadlineMs, () => resolve(false))
      const settle = (acknowledged: boolean): void => {
        cancelDeadline()
        resolve(acknowledged)
      }
      const answered = (async () => deliver(delivery))()
      answered.then(
        (answer) => settle(ACKNOWLEDGING_STATUSES.has(answer.status)),
        () => settle(false),
      )
    })
  }

  #settle(subscription: SubscriptionRecord, { message, attempt }: LeasedMessage, acknowledged: boolean): void {
    try {
      if (acknowledged) this.#parts.backlog.acknowledge(subscription, [message.id])
      else this.#parts.backlog.fail([{ subscriptionId: subscription.id, messageId: message.id, attempt }])
    } catch (error) {
      // The message stays leased and is sent again after its deadline.
      this.#reportStoreError(error)
    }
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#parts.clock.after(Math.min(Math.max(0, delayMs), LONGEST_WAIT_MS), () => this.wake())
  }

  #reportStoreError(error: unknown): void {
    console.error('the local Pub/Sub could not use its store:', error)
    this.#wakeIn(STORE_RETRY_MS)
  }
}

/** The pushers of all subscriptions, created at the first event of a subscription. */
export class Pushers {
  readonly #parts: PusherParts
  readonly #pushers = new Map<number, Pusher>()
  #running = false
  #held = false

  constructor(parts: Omit<PusherParts, 'isHeld'>) {
    this.#parts = { ...parts, isHeld: () => this.#held }
    parts.backlog.listen((subscriptionId) => this.#wake(subscriptionId))
  }

  /** Sends unacknowledged messages, then new ones. */
  start(): void {
    this.#running = true
    for (const { id } of this.#parts.resources.allSubscriptions()) this.#wake(id)
  }

  /** Stops sending. Responses to sent messages still count. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    if (this.#running) this.start()
  }

  stop(): void {
    this.#running = false
    for (const pusher of this.#pushers.values()) pusher.close()
    this.#pushers.clear()
  }

  #wake(subscriptionId: number): void {
    if (!this.#running) return
    const known = this.#pushers.get(subscriptionId)
    if (!this.#parts.resources.subscriptionById(subscriptionId)) {
      known?.close()
      this.#pushers.delete(subscriptionId)
      return
    }
    const pusher = known ?? new Pusher(subscriptionId, this.#parts)
    this.#pushers.set(subscriptionId, pusher)
    pusher.wake()
  }
}
