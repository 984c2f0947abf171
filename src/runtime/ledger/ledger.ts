import { CloudError } from '../../google/transport/errors.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { RowsRejected } from '../../google/bigquery/insert-rows.ts'
import { backoffMs, sleep, within, type CancelTimer, type Clock } from '../clock.ts'
import { LEDGER_BUDGET_MS } from '../deadlines.ts'
import type { AttemptRow } from './attempt-row.ts'

/** BigQuery recommends at most 500 rows per request (https://cloud.google.com/bigquery/quotas#streaming_inserts). */
const MAX_GROUP_ROWS = 500

/** Below BigQuery's limit of 10 MB per request, because the request contains more than the rows (same page). */
const MAX_GROUP_BYTES = 9_000_000

/** How long the first row of a group waits for others when rows are rare. */
const QUIET_WINDOW_MS = 2

/**
 * The same while a request is in progress, or so soon after one: many rows arrive then, and fewer, larger requests cost
 * both sides less. A run has enough tasks to hide the wait.
 */
const BUSY_WINDOW_MS = 100

/** Maximum concurrent requests per table; above it, groups grow. */
const MAX_REQUESTS = 4

/** A request without a response by then counts as lost and is repeated. */
const REQUEST_TIMEOUT_MS = 10_000

const BACKOFF = { firstMs: 200, longestMs: 4_000 }

/** BigQuery refused one row permanently. */
export class RowRejected extends Error {
  override readonly name = 'RowRejected'
}

export interface LedgerOptions {
  insertRows: (table: TableName, rows: readonly { insertId: string; json: Record<string, unknown> }[]) => Promise<void>
  clock: Clock
  budgetMs?: number
}

interface Entry {
  insertId: string
  json: Record<string, unknown>
  bytes: number
  deadlineMs: number
  /** Set when the row was refused together with others: the next refusal is final. */
  isSecondTry: boolean
  resolve: () => void
  reject: (error: unknown) => void
}

/** The waiting rows of one table, and its requests in progress. */
interface Lane {
  table: TableName
  waiting: Entry[]
  waitingBytes: number
  requests: number
  cancelTimer: CancelTimer | undefined
}

function nameOf({ projectId, dataset, table }: TableName): string {
  return `${projectId}.${dataset}.${table}`
}

/**
 * Group commit: rows that arrive close together share one `insertAll` request, and each caller waits
 * until its own row is durable. A lone row is sent at once; under load groups grow.
 *
 * A request that BigQuery cannot accept now is repeated with the same insert IDs, so that the repeat
 * adds nothing if the first try did arrive
 * (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataconsistency).
 */
export class Ledger {
  readonly #options: Required<LedgerOptions>
  readonly #lanes = new Map<string, Lane>()
  /** When each table's last request was sent. */
  readonly #sentMs = new Map<string, number>()
  #isDraining = false
  #whenEmpty: (() => void)[] = []
  /** Work in progress that may append a row, and rows that are not durable yet. */
  #writers = 0
  #unsettled = 0

  constructor(options: LedgerOptions) {
    this.#options = { budgetMs: LEDGER_BUDGET_MS, ...options }
  }

  /**
   * Resolves when the row is durable. Rejects with RowRejected when BigQuery refuses this row, with
   * CloudError when it could not be written in time.
   */
  append(table: TableName, row: AttemptRow): Promise<void> {
    this.#unsettled += 1
    const settled = new Promise<void>((resolve, reject) => {
      const lane = this.#lane(table)
      const bytes = Buffer.byteLength(JSON.stringify(row))
      const deadlineMs = this.#options.clock.now() + this.#options.budgetMs
      this.#enqueue(lane, {
        insertId: row.attempt_id,
        json: row,
        bytes,
        deadlineMs,
        isSecondTry: false,
        resolve,
        reject,
      })
    })
    return settled.finally(() => {
      this.#unsettled -= 1
    })
  }

  /**
   * Runs work that may append rows and then waits for them. When all such work waits, no row can join those of a window, so
   * they are sent without it.
   */
  async withWriter<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#writers += 1
    try {
      return await work()
    } finally {
      this.#writers -= 1
      if (this.#doAllWait()) for (const lane of this.#lanes.values()) this.#flush(lane, true)
    }
  }

  #doAllWait(): boolean {
    return this.#writers > 0 && this.#unsettled >= this.#writers
  }

  /** Sends all waiting rows and resolves when none are left; later rows are sent without waiting for others. */
  drain(): Promise<void> {
    this.#isDraining = true
    for (const lane of this.#lanes.values()) this.#flush(lane, true)
    if (this.#lanes.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
    })
  }

  #lane(table: TableName): Lane {
    const key = nameOf(table)
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = { table, waiting: [], waitingBytes: 0, requests: 0, cancelTimer: undefined }
      this.#lanes.set(key, lane)
    }
    return lane
  }

  #enqueue(lane: Lane, entry: Entry): void {
    lane.waiting.push(entry)
    lane.waitingBytes += entry.bytes
    const isFull = lane.waiting.length >= MAX_GROUP_ROWS || lane.waitingBytes >= MAX_GROUP_BYTES
    this.#flush(lane, isFull || this.#isDraining || this.#doAllWait())
  }

  /** Sends groups while the request limit allows; unless `now` is set, rows wait for their window. */
  #flush(lane: Lane, now: boolean): void {
    if (lane.waiting.length === 0 || lane.requests >= MAX_REQUESTS) return
    if (!now) {
      lane.cancelTimer ??= this.#options.clock.after(this.#isBusy(lane) ? BUSY_WINDOW_MS : QUIET_WINDOW_MS, () => {
        lane.cancelTimer = undefined
        this.#flush(lane, true)
      })
      return
    }
    lane.cancelTimer?.()
    lane.cancelTimer = undefined
    while (lane.waiting.length > 0 && lane.requests < MAX_REQUESTS) this.#send(lane, takeGroup(lane))
  }

  #isBusy({ table, requests }: Lane): boolean {
    const sentMs = this.#sentMs.get(nameOf(table)) ?? Number.NEGATIVE_INFINITY
    return requests > 0 || this.#options.clock.now() - sentMs < BUSY_WINDOW_MS
  }

  #send(lane: Lane, group: Entry[]): void {
    lane.requests += 1
    this.#sentMs.set(nameOf(lane.table), this.#options.clock.now())
    void this.#write(lane, group).finally(() => {
      lane.requests -= 1
      // A running timer collects the next group; without one, the group waited for this request.
      if (lane.waiting.length > 0) this.#flush(lane, lane.cancelTimer === undefined)
      else if (lane.requests === 0) this.#close(lane)
    })
  }

  #close(lane: Lane): void {
    for (const [key, other] of this.#lanes) if (other === lane) this.#lanes.delete(key)
    if (this.#lanes.size > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /** Never rejects: every entry is settled, or queued again to be sent alone. */
  async #write(lane: Lane, group: Entry[]): Promise<void> {
    const { clock, insertRows } = this.#options
    for (let failures = 1; ; failures += 1) {
      try {
        await within(clock, REQUEST_TIMEOUT_MS, insertRows(lane.table, group), () => unanswered(lane.table))
        for (const entry of group) entry.resolve()
        return
      } catch (error) {
        let failure = error
        if (error instanceof RowsRejected) {
          group = await this.#settleRejected(lane, group, error)
          failure = new CloudError('UNAVAILABLE', error.message)
        } else if (!isTransient(error)) return this.#settleRefused(lane, group, error)
        const pauseMs = backoffMs(failures, BACKOFF)
        group = expire(group, clock.now() + pauseMs, failure)
        if (group.length === 0) return
        await sleep(clock, pauseMs)
      }
    }
  }

  /**
   * Some rows are not stored; the others are. A row that does not fit the table gets one more try alone. Returns the rows
   * that fit, to be sent again.
   */
  async #settleRejected(lane: Lane, group: Entry[], error: RowsRejected): Promise<Entry[]> {
    const again: Entry[] = []
    for (const [index, entry] of group.entries()) {
      const refusal = error.rows.get(index)
      if (refusal === undefined) entry.resolve()
      else if (refusal.isTransient) again.push(entry)
      else if (entry.isSecondTry) entry.reject(new RowRejected(refusal.message))
      else await this.#write(lane, [{ ...entry, isSecondTry: true }])
    }
    return again
  }

  /** BigQuery refused the whole request: splits it in half until the refused row is alone. */
  async #settleRefused(lane: Lane, group: Entry[], error: unknown): Promise<void> {
    const isAboutContent = error instanceof CloudError && error.status === 'INVALID_ARGUMENT'
    if (!isAboutContent) {
      for (const entry of group) entry.reject(error)
    } else if (group.length === 1) {
      group[0]?.reject(new RowRejected(error.message))
    } else {
      const half = Math.ceil(group.length / 2)
      await this.#write(lane, group.slice(0, half))
      await this.#write(lane, group.slice(half))
    }
  }
}

function takeGroup(lane: Lane): Entry[] {
  let bytes = 0
  let count = 0
  for (const entry of lane.waiting) {
    if (count > 0 && (count === MAX_GROUP_ROWS || bytes + entry.bytes > MAX_GROUP_BYTES)) break
    bytes += entry.bytes
    count += 1
  }
  lane.waitingBytes -= bytes
  return lane.waiting.splice(0, count)
}

function unanswered({ dataset, table }: TableName): CloudError {
  return new CloudError(
    'DEADLINE_EXCEEDED',
    `BigQuery did not respond to an insert into ${dataset}.${table} within ${REQUEST_TIMEOUT_MS / 1_000} s`,
  )
}

/** Gives up the rows that would be late at `atMs`; returns the others. */
function expire(group: Entry[], atMs: number, error: unknown): Entry[] {
  for (const entry of group) if (entry.deadlineMs < atMs) entry.reject(error)
  return group.filter((entry) => entry.deadlineMs >= atMs)
}

/** NOT_FOUND is transient too: a table returns it to streaming for a while after its creation (same page as above). */
function isTransient(error: unknown): boolean {
  return error instanceof CloudError && (error.retryable || error.status === 'NOT_FOUND')
}
