import {
  FIRST_PUSH_WINDOW,
  HEALTHY_PUSH_ACK_SHARE,
  HEALTHY_PUSH_LATENCY_MS,
  LINEAR_PUSH_WINDOW,
  LONGEST_PUSH_BACKOFF_MS,
  SHORTEST_PUSH_BACKOFF_MS,
} from './limits.ts'

/** Weight of the newest delivery in the running averages: about the last hundred deliveries count. */
const AVERAGE_WEIGHT = 0.01

/**
 * The send rate of one push subscription (https://cloud.google.com/pubsub/docs/push).
 *
 * The window of outstanding messages starts small, grows by one with each success (so it doubles each
 * round trip) and shrinks with each failure; Google documents this behavior but not the step; halving is
 * our choice. Failures also pause the whole subscription, 100 ms to 60 s: Google documents the range and
 * "exponential"; doubling per failed round and halving per success is our choice.
 */
export class PushFlow {
  #window = FIRST_PUSH_WINDOW
  #backoffMs = 0
  #resumeMs = 0
  #round = 0
  #latencyMs = 0
  #ackShare = 1

  /** Maximum number of outstanding messages. */
  get window(): number {
    return Math.floor(this.#window)
  }

  /** The time from which deliveries can be sent. */
  get resumeMs(): number {
    return this.#resumeMs
  }

  /** A token for a delivery that starts now, to pass back with its outcome. */
  get round(): number {
    return this.#round
  }

  succeeded(latencyMs: number): void {
    this.#average(latencyMs, 1)
    this.#window += this.#window < LINEAR_PUSH_WINDOW ? 1 : 1 / this.#window
    this.#cutBackWhenUnhealthy()
    this.#backoffMs = this.#backoffMs / 2 < SHORTEST_PUSH_BACKOFF_MS ? 0 : this.#backoffMs / 2
    if (this.#backoffMs === 0) this.#resumeMs = 0
  }

  /**
   * @param round the value of `round` when the delivery was sent: deliveries sent together lengthen the pause only once
   */
  failed(nowMs: number, latencyMs: number, round: number): void {
    this.#average(latencyMs, 0)
    this.#window = Math.max(1, this.#window / 2)
    this.#cutBackWhenUnhealthy()
    if (round !== this.#round) return
    this.#round++
    this.#backoffMs = Math.min(LONGEST_PUSH_BACKOFF_MS, Math.max(SHORTEST_PUSH_BACKOFF_MS, this.#backoffMs * 2))
    this.#resumeMs = nowMs + this.#backoffMs
  }

  #average(latencyMs: number, acknowledged: 0 | 1): void {
    this.#latencyMs += (latencyMs - this.#latencyMs) * AVERAGE_WEIGHT
    this.#ackShare += (acknowledged - this.#ackShare) * AVERAGE_WEIGHT
  }

  #cutBackWhenUnhealthy(): void {
    const healthy = this.#latencyMs <= HEALTHY_PUSH_LATENCY_MS && this.#ackShare >= HEALTHY_PUSH_ACK_SHARE
    if (!healthy) this.#window = Math.min(this.#window, LINEAR_PUSH_WINDOW)
  }
}
