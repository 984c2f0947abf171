import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import type { JobLimits } from './limits.ts'
import { datasetKey, jobKey, tableKey, type DatasetRecord, type JobRecord, type TableRecord } from './records.ts'
import { keepByteOrderMarks } from './exact-text.ts'
import { quote } from './sql/analysis.ts'
import { registerFunctions } from './sql/runtime/functions.ts'
import { take } from './take.ts'

/** What one transaction changes: rows, and documents to keep (or, when null, to forget). */
export interface Changes {
  /** SQL that changes rows. */
  statements?: readonly string[]
  datasets?: readonly (readonly [string, DatasetRecord | null])[]
  tables?: readonly (readonly [string, TableRecord | null])[]
  jobs?: readonly JobRecord[]
  /** Tables of rows that were added to. */
  written?: readonly string[]
}

/** Jobs that are read from memory. Clients ask for the newest ones. */
const REMEMBERED_JOBS = 100

/** Longer documents are read from the file: parameters can have megabytes. */
const REMEMBERED_CHARACTERS = 1 << 16

/** Planning takes DuckDB seconds at this depth, and the cube of that beyond. */
const MAX_EXPRESSION_DEPTH = 500

/**
 * Threads of one statement; several statements still run at once. One core is left to the process itself, which answers all
 * other calls. On two cores, small statements then also use a quarter less processor time.
 */
const QUERY_THREADS = Math.max(1, availableParallelism() - 1)

/** Logical bytes by column, when this many rows were in the streaming buffer. */
export interface CountedPartitions {
  bufferedRows: number
  columns: Map<number, { byValue: Map<bigint | null, number>; buffered: number }>
}

/** What was counted of a table of rows. */
export interface CountedSize {
  rows?: number
  /** Logical bytes by column. */
  columns: Map<number, number>
  /** The same of an integer-range partitioned table, by partition. */
  partitions: CountedPartitions
}

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS data;
  CREATE TABLE IF NOT EXISTS datasets (key VARCHAR, body VARCHAR);
  CREATE TABLE IF NOT EXISTS tables (key VARCHAR, body VARCHAR);
  CREATE TABLE IF NOT EXISTS jobs (key VARCHAR PRIMARY KEY, project VARCHAR, created_ms BIGINT, state VARCHAR, physical VARCHAR, body VARCHAR)`

/**
 * The one store of the emulated BigQuery: a DuckDB file with the rows and the documents that
 * describe them, so that a transaction covers both and a killed process leaves them in agreement.
 *
 * Rows of a job are first written to a table of their own, which no document names; a short
 * transaction then puts it in its place. The next start drops tables that a kill left without a name.
 */
export class Store {
  readonly datasets = new Map<string, DatasetRecord>()
  readonly tables = new Map<string, TableRecord>()
  /** By table of rows, until its rows change. A count that began before the change ends in an object that is no longer here. */
  readonly sizes = new Map<string, CountedSize>()
  /** The file of all rows and documents. */
  readonly file: string
  readonly #instance: DuckDBInstance
  readonly #writer: DuckDBConnection
  readonly #idle: DuckDBConnection[] = []
  readonly #jobKeys: Set<string>
  /** The documents of the jobs that were written last, without long ones, oldest first. */
  readonly #jobTexts = new Map<string, string>()
  #sequence: number
  #turn: Promise<unknown> = Promise.resolve()
  /** Settles when what the last commit wrote is in the maps: a reader of the file can see it before. */
  #committing: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(
    file: string,
    instance: DuckDBInstance,
    writer: DuckDBConnection,
    jobKeys: Set<string>,
    sequence: number,
  ) {
    this.file = file
    this.#instance = instance
    this.#writer = writer
    this.#jobKeys = jobKeys
    this.#sequence = sequence
  }

  static async open(directory: string, limits: Pick<JobLimits, 'memoryBytes' | 'diskBytes'>): Promise<Store> {
    mkdirSync(directory, { recursive: true })
    keepByteOrderMarks()
    const file = path.join(directory, 'bigquery.duckdb')
    const instance = await DuckDBInstance.create(file, {
      threads: String(QUERY_THREADS),
      memory_limit: `${Math.floor(limits.memoryBytes / 2)}B`,
      max_temp_directory_size: `${limits.diskBytes}B`,
      max_expression_depth: String(MAX_EXPRESSION_DEPTH),
    })
    const writer = await instance.connect()
    await writer.run(`SET GLOBAL TimeZone = 'UTC'`)
    await writer.run(SCHEMA)
    registerFunctions(writer)
    const strings = async (sql: string): Promise<string[]> =>
      (await (await writer.run(sql)).getRows()).map((row) => row[0] as string)
    const physical = await strings(`SELECT table_name FROM duckdb_tables() WHERE schema_name = 'data'`)
    const sequence = Math.max(0, ...physical.map((name) => Number(name.slice(1)) || 0))
    const store = new Store(file, instance, writer, new Set(await strings('SELECT key FROM jobs')), sequence)
    for (const body of await strings('SELECT body FROM datasets')) {
      const record = JSON.parse(body) as DatasetRecord
      store.datasets.set(datasetKey(record.project, record.dataset), record)
    }
    for (const body of await strings('SELECT body FROM tables')) {
      const record = JSON.parse(body) as TableRecord
      store.tables.set(tableKey(record.project, record.dataset, record.table), record)
    }
    const named = new Set([...store.tables.values()].map((record) => record.physical))
    for (const name of await strings('SELECT DISTINCT physical FROM jobs WHERE physical IS NOT NULL')) named.add(name)
    for (const name of physical) if (!named.has(name)) await writer.run(`DROP TABLE data.${name}`)
    return store
  }

  /** A name for a new table of rows. */
  newPhysical(): string {
    this.#sequence += 1
    return `t${this.#sequence}`
  }

  /** Runs `work` on a connection of its own: queries run in parallel with each other and with one writer. */
  async read<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    const connection = this.#idle.pop() ?? (await this.#instance.connect())
    try {
      return await work(connection)
    } finally {
      if (this.#closed) connection.closeSync()
      else this.#idle.push(connection)
    }
  }

  /**
   * Makes the changes that `work` returns in one transaction, which begins earlier if `work` calls `begin` to write rows
   * itself. One at a time: DuckDB refuses a second change of the same row or table until the first is through.
   */
  async write(work: (begin: () => Promise<DuckDBConnection>) => Promise<Changes>): Promise<void> {
    const mine = this.#turn.then(async () => {
      const connection = this.#writer
      let isOpen = false
      const begin = async (): Promise<DuckDBConnection> => {
        await connection.run('BEGIN')
        isOpen = true
        return connection
      }
      const known = Promise.withResolvers<void>()
      try {
        const changes = await work(begin)
        const statements = [...(changes.statements ?? []), ...this.#documents(changes), 'COMMIT']
        if (!isOpen) statements.unshift('BEGIN')
        isOpen = true
        this.#committing = known.promise
        // One call, because a call takes DuckDB longer than a small statement.
        await connection.run(statements.join('; '))
        this.#remember(changes)
      } catch (error) {
        if (isOpen)
          await connection.run('ROLLBACK').catch((rollbackError: unknown) => {
            // A failed COMMIT has already ended the transaction.
            if (!String(rollbackError).includes('no transaction is active')) throw rollbackError
          })
        throw error
      } finally {
        known.resolve()
      }
    })
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  #documents(changes: Changes): string[] {
    const statements: string[] = []
    for (const name of ['datasets', 'tables'] as const) {
      for (const [key, record] of changes[name] ?? []) {
        const body = quote(JSON.stringify(record))
        if (!record) statements.push(`DELETE FROM ${name} WHERE key = ${quote(key)}`)
        else if (this[name].has(key)) statements.push(`UPDATE ${name} SET body = ${body} WHERE key = ${quote(key)}`)
        else statements.push(`INSERT INTO ${name} VALUES (${quote(key)}, ${body})`)
      }
    }
    for (const job of changes.jobs ?? []) {
      const key = quote(jobKey(job.project, job.location, job.jobId))
      const physical = job.result?.physical === undefined ? 'NULL' : quote(job.result.physical)
      const [state, body] = [quote(job.state), quote(JSON.stringify(job))]
      statements.push(
        this.#jobKeys.has(jobKey(job.project, job.location, job.jobId))
          ? `UPDATE jobs SET state = ${state}, physical = ${physical}, body = ${body} WHERE key = ${key}`
          : `INSERT INTO jobs VALUES (${key}, ${quote(job.project)}, ${job.createdMs}, ${state}, ${physical}, ${body})`,
      )
    }
    return statements
  }

  #remember(changes: Changes): void {
    const apply = <Value>(map: Map<string, Value>, entries: readonly (readonly [string, Value | null])[]): void => {
      for (const [key, value] of entries) {
        if (value === null) map.delete(key)
        else map.set(key, value)
      }
    }
    apply(this.datasets, changes.datasets ?? [])
    apply(this.tables, changes.tables ?? [])
    for (const physical of changes.written ?? []) this.sizes.delete(physical)
    for (const job of changes.jobs ?? []) {
      const key = jobKey(job.project, job.location, job.jobId)
      this.#jobKeys.add(key)
      this.#jobTexts.delete(key)
      const text = JSON.stringify(job)
      if (text.length <= REMEMBERED_CHARACTERS) this.#jobTexts.set(key, text)
    }
    for (const key of take(this.#jobTexts.keys(), this.#jobTexts.size - REMEMBERED_JOBS)) this.#jobTexts.delete(key)
  }

  hasJob(key: string): boolean {
    return this.#jobKeys.has(key)
  }

  get jobCount(): number {
    return this.#jobKeys.size
  }

  async job(key: string): Promise<JobRecord | undefined> {
    if (!this.#jobKeys.has(key)) return undefined
    const text = this.#jobTexts.get(key)
    if (text !== undefined) return JSON.parse(text) as JobRecord
    const rows = await this.read(async (connection) =>
      (await connection.run('SELECT body FROM jobs WHERE key = $1', [key])).getRows(),
    )
    // Who learns that a job is done may ask for its table next.
    await this.#committing
    return rows[0] ? (JSON.parse(rows[0][0] as string) as JobRecord) : undefined
  }

  /** Jobs of a project, newest first; all running ones for `state` RUNNING. */
  async jobs(filter: {
    project?: string
    email?: string
    state?: string
    limit: number
    offset: number
  }): Promise<JobRecord[]> {
    const sql = `SELECT body FROM jobs WHERE ($1 IS NULL OR project = $1) AND ($2 IS NULL OR state = $2)
      AND ($3 IS NULL OR json_extract_string(body, '$.email') = $3)
      ORDER BY created_ms DESC, key LIMIT ${filter.limit} OFFSET ${filter.offset}`
    const rows = await this.read(async (connection) =>
      (await connection.run(sql, [filter.project ?? null, filter.state ?? null, filter.email ?? null])).getRows(),
    )
    return rows.map((row) => JSON.parse(row[0] as string) as JobRecord)
  }

  /** Jobs created before a time whose rows are still kept. */
  async expiredResults(beforeMs: number): Promise<JobRecord[]> {
    const sql = 'SELECT body FROM jobs WHERE physical IS NOT NULL AND created_ms < $1'
    const rows = await this.read(async (connection) => (await connection.run(sql, [BigInt(beforeMs)])).getRows())
    return rows.map((row) => JSON.parse(row[0] as string) as JobRecord)
  }

  /** Waits for the write in progress and closes the file. */
  async close(): Promise<void> {
    await this.#turn
    this.#closed = true
    for (const connection of this.#idle.splice(0)) connection.closeSync()
    await this.#writer.run('CHECKPOINT')
    this.#writer.closeSync()
    this.#instance.closeSync()
  }
}
