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
  /** Whether nothing may be sent for now. */
  isHeld: () => boolean
}

/** After an error of the store itself (a full disk), how long until it is tried again. */
const STORE_RETRY_MS = 1_000

/**
 * Sends one subscription's messages to its endpoint, as fast as `PushFlow` allows. Driven by events:
 * something was published, an answer came, a timer for the next due message fired.
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

  /** Looks at the backlog soon; calls in the same turn are one look. */
  wake(): void {
    if (this.#woken || this.#closed) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      if (!this.#closed) this.#flush()
    })
  }

  /** Nothing more is sent; answers still on their way are ignored. */
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
      // A longer pause than the longest is the clock having jumped back.
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

  /** Never rejects: no answer, a late one and every other status are negative acknowledgements alike. */
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
      // The message stays leased, and is sent again once its deadline has passed.
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

/** The pushers of all subscriptions, made when a subscription is first heard of. */
export class Pushers {
  readonly #parts: PusherParts
  readonly #pushers = new Map<number, Pusher>()
  #running = false
  #held = false

  constructor(parts: Omit<PusherParts, 'isHeld'>) {
    this.#parts = { ...parts, isHeld: () => this.#held }
    parts.backlog.listen((subscriptionId) => this.#wake(subscriptionId))
  }

  /** Sends what was left unacknowledged, then whatever comes. */
  start(): void {
    this.#running = true
    for (const { id } of this.#parts.resources.allSubscriptions()) this.#wake(id)
  }

  /** Nothing more is sent; answers to what was sent still count. */
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
