import { totalmem } from 'node:os'
import { Budget } from '../budget.ts'
import type { Clock } from '../clock.ts'
import { AttemptFailure } from './model.ts'

/**
 * The share of an instance's memory for the bytes of images in flight. A request holds each image four times: as read, as
 * base64, in the JSON text and in the socket's buffer, each of the last three a third larger than the first. So at most
 * a third of the memory is in use for them.
 */
const SHARE = 1 / 16

/** The memory of an instance of imagery-main. A larger machine runs other processes too. */
const INSTANCE_BYTES = 2 * 1024 ** 3

/** The share of an instance's memory for images that are being decoded. */
const DECODING_SHARE = 3 / 8

/** How long a unit waits for memory before Cloud Tasks delivers it again, perhaps to another instance. */
const LONGEST_WAIT_MS = 30_000

/** The bytes for images that this process may hold at once. */
export function imageMemoryBytes(): number {
  return Math.floor(instanceBytes() * SHARE)
}

/** The bytes that this process may use to read and decode images at once. */
export function decodingBytes(): number {
  return Math.floor(instanceBytes() * DECODING_SHARE)
}

function instanceBytes(): number {
  // 0, or more than any machine has, where there is no limit (https://nodejs.org/api/process.html#processconstrainedmemory).
  return Math.min(process.constrainedMemory() || totalmem(), totalmem(), INSTANCE_BYTES)
}

/**
 * Limits the bytes of inline images that one process holds at once. The number of calls alone does not: a
 * hundred units with six images each can be 200 MB or 1.4 GB, and an instance that runs out of memory dies
 * with all its paid calls in the air.
 */
export class ImageMemory {
  readonly #budget: Budget
  readonly #clock: Clock

  constructor(options: { bytes: number; clock: Clock }) {
    this.#budget = new Budget(options.bytes)
    this.#clock = options.clock
  }

  /**
   * Runs `work` when there is room for `mostBytes`, or for the whole capacity if that is less.
   *
   * @param work gets a function that gives back what is not needed, once the size of the images is known
   * @throws AttemptFailure `throttled`, which uses up no try, when there is no room in time; `work` then never starts
   */
  async hold<T>(
    mostBytes: number,
    signal: AbortSignal,
    work: (keep: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    const waited = new AbortController()
    const cancel = this.#clock.after(LONGEST_WAIT_MS, () => waited.abort(noRoom()))
    try {
      return await this.#budget.spend(mostBytes, AbortSignal.any([signal, waited.signal]), (lower) => {
        cancel()
        return work(lower)
      })
    } finally {
      cancel()
    }
  }
}

function noRoom(): AttemptFailure {
  const message = `this instance had no memory for the images within ${LONGEST_WAIT_MS / 1_000} s`
  return new AttemptFailure('throttled', message, { retryable: true, countsAsTry: false })
}
