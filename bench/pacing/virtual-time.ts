import { setImmediate as turn } from 'node:timers/promises'
import type { CancelTimer, Clock } from '../../src/runtime/clock.ts'

interface Timer {
  dueMs: number
  sequence: number
  callback: (() => void) | undefined
}

/** A clock that goes from timer to timer as fast as the machine can. Timers are in a heap, because there are many. */
export class VirtualTime implements Clock {
  #nowMs = 0
  #sequence = 0
  readonly #timers: Timer[] = []

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, callback }
    this.#push(timer)
    return () => {
      timer.callback = undefined
    }
  }

  /** Goes on until `endMs`, and lets promises settle after each time at which something happens. */
  async passUntil(endMs: number): Promise<void> {
    await turn()
    for (let first = this.#timers[0]; first && first.dueMs <= endMs; first = this.#timers[0]) {
      this.#nowMs = first.dueMs
      while (this.#timers[0] && this.#timers[0].dueMs <= this.#nowMs) this.#pop()?.callback?.()
      await turn()
    }
    this.#nowMs = endMs
  }

  #push(timer: Timer): void {
    const heap = this.#timers
    let at = heap.push(timer) - 1
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(timer, heap[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!
      heap[parent] = timer
      at = parent
    }
  }

  #pop(): Timer | undefined {
    const heap = this.#timers
    const first = heap[0]
    const last = heap.pop()
    if (!last || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      if (left >= heap.length) return first
      const least = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
      if (!isBefore(heap[least]!, last)) return first
      heap[at] = heap[least]!
      heap[least] = last
      at = least
    }
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.sequence < other.sequence)
}
