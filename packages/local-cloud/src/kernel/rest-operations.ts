import type { DatabaseSync } from 'node:sqlite'
import type { CancelTimer, Clock } from './clock.ts'
import { GoogleError } from './errors.ts'
import type { Faults } from './faults.ts'
import { applyFaults } from './gateway.ts'
import { unexpectedError } from './unexpected-error.ts'
import { PendingWrites } from './pending-writes.ts'

/** google.longrunning.Operation in JSON (https://google.aip.dev/151). */
export interface RestOperation {
  name: string
  /** With `@type`. */
  metadata?: object
  done?: true
  error?: { code: number; message: string; details?: readonly object[] }
  /** With `@type`. */
  response?: object
}

type Outcome = Pick<RestOperation, 'error' | 'response'>

/**
 * Completes an operation of one kind when it is due: changes the store and returns the response. Can throw GoogleError.
 */
export type OperationWork = (subject: string) => object

export interface RestOperationsOptions {
  /** A database whose migrations include OPERATIONS_TABLE. */
  database: DatabaseSync
  clock: Clock
  faults: Pick<Faults, 'take'>
  /**
   * By kind: the method that started it, e.g. `serviceusage.services.enable`. Fault rules name it `operation/<kind>`.
   */
  work: Readonly<Record<string, OperationWork>>
}

/** An additional migration for the database of an API with such operations. */
export const OPERATIONS_TABLE = `CREATE TABLE operations (
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, metadata TEXT NOT NULL,
  due_ms INTEGER NOT NULL, finished_ms INTEGER, outcome TEXT
)`

/** Finished operations can be read for a day. Google documents no time; its clients poll for minutes. */
const KEEP_FINISHED_MS = 24 * 60 * 60_000

/**
 * The long-running operations of a REST API. They take time on the local cloud's clock, can fail by a
 * fault rule, and survive a restart.
 */
export class RestOperations {
  readonly #options: RestOperationsOptions
  readonly #timers = new Map<string, CancelTimer>()
  readonly #pendingWrites: PendingWrites<Outcome>
  #isStopped = false

  constructor(options: RestOperationsOptions) {
    this.#options = options
    this.#pendingWrites = new PendingWrites(options.clock, (name, outcome) => {
      options.database
        .prepare('UPDATE operations SET outcome = ?, finished_ms = ? WHERE name = ?')
        .run(JSON.stringify(outcome), options.clock.now(), name)
    })
  }

  /** Starts an operation that does its work `durationMs` from now. */
  begin(operation: {
    name: string
    kind: string
    subject: string
    metadata: object
    durationMs: number
  }): RestOperation {
    const { database, clock } = this.#options
    database.prepare('DELETE FROM operations WHERE finished_ms < ?').run(clock.now() - KEEP_FINISHED_MS)
    const { name, kind, subject, metadata, durationMs } = operation
    database
      .prepare('INSERT INTO operations (name, kind, subject, metadata, due_ms) VALUES (?, ?, ?, ?, ?)')
      .run(name, kind, subject, JSON.stringify(metadata), clock.now() + durationMs)
    this.#schedule(name, kind, subject, durationMs)
    return { name, metadata }
  }

  get(name: string): RestOperation | undefined {
    const row = this.#options.database.prepare('SELECT metadata, outcome FROM operations WHERE name = ?').get(name)
    if (!row) return undefined
    const stored = row['outcome'] === null ? undefined : (JSON.parse(String(row['outcome'])) as Outcome)
    const outcome = stored ?? this.#pendingWrites.get(name)
    const metadata = JSON.parse(String(row['metadata'])) as object
    return { name, metadata, ...(outcome ? { done: true as const, ...outcome } : {}) }
  }

  /** The subjects of operations that are not done. */
  unfinished(): string[] {
    const rows = this.#options.database.prepare('SELECT name, subject FROM operations WHERE finished_ms IS NULL').all()
    return rows
      .filter(({ name }) => this.#pendingWrites.get(String(name)) === undefined)
      .map(({ subject }) => String(subject))
  }

  /** Continues the operations that a stopped or killed process left unfinished. */
  resume(): void {
    const rows = this.#options.database
      .prepare('SELECT name, kind, subject, due_ms FROM operations WHERE finished_ms IS NULL ORDER BY due_ms, rowid')
      .all()
    for (const { name, kind, subject, due_ms: dueMs } of rows) {
      this.#schedule(String(name), String(kind), String(subject), Number(dueMs) - this.#options.clock.now())
    }
  }

  /** Leaves unfinished operations in the store. */
  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#timers.values()) cancel()
    this.#pendingWrites.stop()
  }

  #schedule(name: string, kind: string, subject: string, delayMs: number): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(name)
      void this.#carryOut(name, kind, subject)
    })
    this.#timers.set(name, cancel)
  }

  async #carryOut(name: string, kind: string, subject: string): Promise<void> {
    const { faults, clock, work } = this.#options
    const method = `operation/${kind}`
    try {
      const response = await applyFaults(method, faults.take(method), clock, async () => {
        const carryOut = work[kind]
        if (!carryOut) throw new Error(`no work for operations of ${kind}`)
        // A delay by a fault rule can outlast the store.
        return this.#isStopped ? undefined : carryOut(subject)
      })
      if (response !== undefined) this.#finish(name, { response })
    } catch (error) {
      const { grpc: code, message, details } = error instanceof GoogleError ? error : unexpectedError(error)
      this.#finish(name, { error: { code, message, ...(details && details.length > 0 ? { details } : {}) } })
    }
  }

  #finish(name: string, outcome: Outcome): void {
    if (!this.#isStopped) this.#pendingWrites.put(name, outcome)
  }
}
