/** A waiting task's place in its queue's order: by schedule time, then by creation. */
export interface Slot {
  seq: number
  scheduleUs: number
}

/** Reads the stored slots that come after `after` (from the beginning without it), in order, at most `limit`. */
export type ReadSlots = (after: Slot | null, limit: number) => Slot[]

/** Maximum slots of a queue in memory, regardless of its backlog, and the number read at a time. */
const CAPACITY = 4_096
const READ_SIZE = 2_048

/**
 * The front part of a queue's schedule.
 *
 * Every waiting task up to the horizon is in memory, later ones are only on disk. So a new or
 * rescheduled task needs memory only if it comes before the horizon, and the next ones are read when the
 * window is empty.
 */
export class ScheduleWindow {
  readonly #read: ReadSlots
  /** Tasks that are being dispatched: stored, but not waiting. */
  readonly #isAway: (seq: number) => boolean
  #heap: Slot[] = []
  /** The slot of each waiting task; a different slot in the heap is stale. */
  #current = new Map<number, number>()
  /** The last slot known to be in memory; null when all are. */
  #horizon: Slot | null = { seq: -1, scheduleUs: Number.NEGATIVE_INFINITY }

  constructor(read: ReadSlots, isAway: (seq: number) => boolean) {
    this.#read = read
    this.#isAway = isAway
  }

  /** Inserts a stored task. */
  offer(slot: Slot): void {
    if (this.#horizon !== null && isBefore(this.#horizon, slot)) return
    this.#current.set(slot.seq, slot.scheduleUs)
    this.#push(slot)
    if (this.#heap.length > CAPACITY) this.#shrink()
  }

  /** The next task in schedule order, or undefined when the queue has none waiting. */
  peek(): Slot | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined) {
        if (this.#horizon === null) return undefined
        this.#readOn(this.#horizon)
      } else if (this.#current.get(first.seq) === first.scheduleUs) {
        return first
      } else {
        this.#pop()
      }
    }
  }

  /** Removes the task that `peek` returned. */
  shift(): void {
    const first = this.#pop()
    if (first) this.#current.delete(first.seq)
  }

  /** Removes a task that was deleted or is dispatched out of order. */
  remove(seq: number): void {
    this.#current.delete(seq)
  }

  /** Removes everything, because the queue was purged. */
  clear(): void {
    this.#heap = []
    this.#current.clear()
    this.#horizon = null
  }

  #readOn(horizon: Slot): void {
    const slots = this.#read(Number.isFinite(horizon.scheduleUs) ? horizon : null, READ_SIZE)
    this.#horizon = slots.length < READ_SIZE ? null : (slots.at(-1) ?? null)
    for (const slot of slots) {
      if (this.#isAway(slot.seq)) continue
      this.#current.set(slot.seq, slot.scheduleUs)
      // Slots arrive in order into an empty heap, and a sorted array is a heap.
      this.#heap.push(slot)
    }
  }

  #shrink(): void {
    const slots = this.#heap
      .filter((slot) => this.#current.get(slot.seq) === slot.scheduleUs)
      .toSorted((a, b) => (isBefore(a, b) ? -1 : 1))
    for (const slot of slots.slice(READ_SIZE)) this.#current.delete(slot.seq)
    this.#heap = slots.slice(0, READ_SIZE)
    // If only stale slots were dropped, the horizon does not change.
    if (slots.length > READ_SIZE) this.#horizon = this.#heap.at(-1) ?? this.#horizon
  }

  #push(slot: Slot): void {
    const heap = this.#heap
    let index = heap.push(slot) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] as Slot
      if (isBefore(above, slot)) break
      heap[index] = above
      index = parent
    }
    heap[index] = slot
  }

  #pop(): Slot | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, heap[child] as Slot)) child += 1
      const below = heap[child] as Slot
      if (!isBefore(below, last)) break
      heap[index] = below
      index = child
    }
    heap[index] = last
    return first
  }
}

function isBefore(a: Slot, b: Slot): boolean {
  return a.scheduleUs < b.scheduleUs || (a.scheduleUs === b.scheduleUs && a.seq < b.seq)
}
