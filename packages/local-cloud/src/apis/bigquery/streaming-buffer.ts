import type { Clock } from '../../kernel/clock.ts'

/** The rows of a table that are still in its streaming buffer. */
export interface Buffered {
  rows: number
  oldestMs: number
}

/**
 * How many of each table's rows are in the streaming buffer. Queries see them, but the table's metadata does not count
 * them, and they are in no partition yet, so every query reads them. Google empties the buffer after up to 90 minutes
 * (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability); this one empties it after a
 * fixed time, and at a restart.
 */
export class StreamingBuffers {
  readonly #clock: Clock
  readonly #ageMs: number
  /** By table ID, oldest first. */
  readonly #entries = new Map<string, Buffered[]>()

  /** @param ageMs how long a row stays in the buffer; 0 for no buffer */
  constructor(clock: Clock, ageMs: number) {
    this.#clock = clock
    this.#ageMs = ageMs
  }

  add(tableId: string, rows: number): void {
    if (this.#ageMs === 0 || rows === 0) return
    this.#entries.set(tableId, [...this.#left(tableId), { rows, oldestMs: this.#clock.now() }])
  }

  /** Returns what is in a table's buffer; undefined if it is empty. */
  of(tableId: string): Buffered | undefined {
    const [first, ...rest] = this.#left(tableId)
    if (!first) this.#entries.delete(tableId)
    return first && rest.reduce((sum, { rows }) => ({ ...sum, rows: sum.rows + rows }), first)
  }

  #left(tableId: string): Buffered[] {
    const emptiedMs = this.#clock.now() - this.#ageMs
    return (this.#entries.get(tableId) ?? []).filter(({ oldestMs }) => oldestMs > emptiedMs)
  }
}
