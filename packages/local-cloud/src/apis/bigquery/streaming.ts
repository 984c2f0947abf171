import {
  DuckDBDataChunk,
  DuckDBListType,
  DuckDBStructType,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { BIGINT, BLOB, BOOLEAN, DATE, DECIMAL, DOUBLE, TIME, TIMESTAMP, VARCHAR } from '@duckdb/node-api'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { withIngested } from './ingestion.ts'
import { tableKey, type TableRecord } from './records.ts'
import { duckType, type SqlType } from './sql/types.ts'
import { BadValue, decodeRow } from './values-in.ts'
import { findTable, refuseLinked, table, typesOf, type Warehouse } from './warehouse.ts'

/** https://cloud.google.com/bigquery/quotas#streaming_inserts */
export const MAX_REQUEST_BYTES = 10 * 1024 * 1024
const MAX_ROWS = 50_000
/** insertIds are remembered "for at least one minute": https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#best_effort_de-duplication */
const REMEMBER_MS = 60_000
/** DuckDB's vectors hold this many rows. */
const CHUNK_ROWS = 2048

export interface InsertError {
  index: number
  errors: { reason: string; location: string; debugInfo: string; message: string }[]
}

interface Batch {
  rows: DuckDBValue[][]
  record: TableRecord
  written: PromiseWithResolvers<void>
}

/** A remembered insertId: when it came, and whether its row was written. */
interface Seen {
  atMs: number
  written: Promise<void>
}

/** tabledata.insertAll: checks rows, forgets repeated insertIds, and answers once the rows are in the file. */
export class Streaming {
  readonly #warehouse: Warehouse
  /** By table id and insertId, oldest first. */
  readonly #seen = new Map<string, Seen>()
  /** Rows waiting for a table's next commit; an entry exists while its writer runs. */
  readonly #pending = new Map<string, Batch[]>()

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse
  }

  async insertAll(path: readonly [string, string, string], body: Record<string, unknown>): Promise<InsertError[]> {
    refuseLinked(this.#warehouse, path[0], path[1], 'tabledata.insertAll')
    const record = table(this.#warehouse, ...path)
    const { rows, ...options } = body
    if (record.kind !== 'TABLE')
      throw invalid(`Cannot insert rows into a ${record.kind.toLowerCase()}: ${tableKey(...path)}`)
    if (options['templateSuffix']) throw notEmulated('templateSuffix')
    const { clock, streamingWarmUpMs, deletedTables } = this.#warehouse
    const isUnknown = clock.now() < record.createdMs + streamingWarmUpMs
    const isRecreated = isUnknown && deletedTables.has(tableKey(...path))
    if (isUnknown && !isRecreated) {
      throw new GoogleError('NOT_FOUND', `Table ${path[0]}:${path[1]}.${path[2]} not found.`)
    }
    if (!Array.isArray(rows) || rows.length === 0) throw invalid('No rows present in the request.')
    if (rows.length > MAX_ROWS)
      throw invalid(`Too many rows present in the request, limit: ${MAX_ROWS} row count: ${rows.length}.`)
    if (record.fields.length === 0) throw invalid('The destination table has no schema.')
    const { values, errors } = this.#decode(
      rows as { insertId?: string; json?: unknown }[],
      record,
      options['ignoreUnknownValues'] === true,
    )
    if (errors.length > 0 && options['skipInvalidRows'] !== true) {
      const wrong = new Set(errors.map((error) => error.index))
      const stopped = rows.flatMap((_, index): InsertError[] =>
        wrong.has(index) ? [] : [{ index, errors: [{ reason: 'stopped', location: '', debugInfo: '', message: '' }] }],
      )
      return [...errors, ...stopped].toSorted((left, right) => left.index - right.index)
    }
    // The rows go to the table that was deleted, and are lost with it.
    if (!isRecreated) await this.#store(values, rows as { insertId?: string }[], record)
    return errors
  }

  #decode(
    rows: readonly { json?: unknown }[],
    record: TableRecord,
    ignoreUnknownValues: boolean,
  ): { values: (DuckDBValue[] | undefined)[]; errors: InsertError[] } {
    const errors: InsertError[] = []
    const values = rows.map(({ json }, index) => {
      try {
        if (typeof json !== 'object' || json === null || Array.isArray(json))
          throw new BadValue('', 'Row has no json object.')
        return decodeRow(json as Record<string, unknown>, record.fields, { ignoreUnknownValues })
      } catch (error) {
        if (!(error instanceof BadValue)) throw error
        errors.push({
          index,
          errors: [{ reason: 'invalid', location: error.location, debugInfo: '', message: error.message }],
        })
        return undefined
      }
    })
    return { values, errors }
  }

  async #store(
    values: readonly (DuckDBValue[] | undefined)[],
    rows: readonly { insertId?: string }[],
    record: TableRecord,
  ): Promise<void> {
    const now = this.#warehouse.clock.now()
    this.#forget(now)
    const written = Promise.withResolvers<void>()
    const claimed: string[] = []
    // A repeated row is answered when the first of its kind is written, and fails with it.
    const awaited = new Set([written.promise])
    const fresh: DuckDBValue[][] = []
    for (const [index, row] of values.entries()) {
      if (!row) continue
      const insertId = rows[index]!.insertId
      if (typeof insertId === 'string' && insertId !== '') {
        const key = `${record.id} ${insertId}`
        const seen = this.#seen.get(key)
        if (seen) {
          awaited.add(seen.written)
          continue
        }
        this.#seen.set(key, { atMs: now, written: written.promise })
        claimed.push(key)
      }
      fresh.push(row)
    }
    this.#enqueue({ rows: fresh, record, written })
    try {
      await Promise.all(awaited)
    } catch (error) {
      for (const key of claimed) this.#seen.delete(key)
      throw error
    }
  }

  #forget(now: number): void {
    for (const [key, { atMs }] of this.#seen) {
      if (atMs > now - REMEMBER_MS) break
      this.#seen.delete(key)
    }
  }

  #enqueue(batch: Batch): void {
    const waiting = this.#pending.get(batch.record.id)
    if (waiting) {
      waiting.push(batch)
      return
    }
    const queue = [batch]
    this.#pending.set(batch.record.id, queue)
    void this.#drain(batch.record.id, queue)
  }

  /** Commits all waiting batches of a table together, until none is left. Failures go to the waiting callers; it never rejects. */
  async #drain(id: string, queue: Batch[]): Promise<void> {
    while (queue.length > 0) {
      const batches = queue.splice(0)
      try {
        if (batches.some((batch) => batch.rows.length > 0)) await this.#write(batches)
        for (const batch of batches) batch.written.resolve()
      } catch (error) {
        for (const batch of batches) batch.written.reject(error)
      }
    }
    this.#pending.delete(id)
  }

  async #write(batches: readonly Batch[]): Promise<void> {
    const { store } = this.#warehouse
    const { project, dataset, table: name, id } = batches[0]!.record
    await store.write(async (begin) => {
      const record = findTable(this.#warehouse, project, dataset, name)
      if (record?.id !== id) throw new GoogleError('NOT_FOUND', `Not found: Table ${tableKey(project, dataset, name)}`)
      const fitting = batches.filter((batch) => {
        const fits = isPrefix(batch.record, record)
        if (!fits) batch.written.reject(invalid(`The schema of table ${tableKey(project, dataset, name)} has changed`))
        return fits
      })
      const rows = fitting.flatMap((batch) => batch.rows.map((row) => padded(row, record.fields.length, record)))
      await appendRows(await begin(), record, rows)
      this.#warehouse.buffers.add(id, rows.length)
      const key = tableKey(project, dataset, name)
      const ingested = withIngested(record, { rows: rows.length, nowMs: this.#warehouse.clock.now() })
      return { written: [record.physical], ...(ingested.ingested && { tables: [[key, { ...record, ...ingested }]] }) }
    })
  }
}

/** Whether rows checked against one version of the schema fit another: at most columns were added. */
function isPrefix(before: TableRecord, after: TableRecord): boolean {
  if (before.fields === after.fields) return true
  const [old, now] = [typesOf(before), typesOf(after)]
  return old.length <= now.length && old.every((type, index) => duckType(type) === duckType(now[index]!))
}

/** A row decoded before a column was added gets the column's empty value. */
function padded(row: DuckDBValue[], width: number, record: TableRecord): DuckDBValue[] {
  if (row.length === width) return row
  const missing = record.fields.slice(row.length)
  return [...row, ...missing.map((field) => (field.mode === 'REPEATED' ? [] : null) as DuckDBValue)]
}

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** Appends rows in the order of the table's columns. */
export async function appendRows(
  connection: DuckDBConnection,
  record: Pick<TableRecord, 'physical' | 'fields'>,
  rows: readonly DuckDBValue[][],
): Promise<void> {
  if (rows.length === 0) return
  const types = typesOf(record).map(vectorType)
  const appender = await connection.createAppender(record.physical, 'data')
  try {
    for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
      const slice = rows.slice(from, from + CHUNK_ROWS)
      const chunk = DuckDBDataChunk.create(types, slice.length)
      chunk.setColumns(types.map((_, column) => slice.map((row) => row[column]!)))
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

const VECTOR_TYPES: Record<string, DuckDBType> = {
  INT64: BIGINT,
  FLOAT64: DOUBLE,
  NUMERIC: DECIMAL(38, 9),
  BIGNUMERIC: VARCHAR,
  BOOL: BOOLEAN,
  STRING: VARCHAR,
  BYTES: BLOB,
  DATE,
  DATETIME: TIMESTAMP,
  TIME,
  TIMESTAMP,
  GEOGRAPHY: VARCHAR,
  JSON: VARCHAR,
}

function vectorType(type: SqlType): DuckDBType {
  if (type.kind === 'ARRAY') return new DuckDBListType(vectorType(type.element))
  if (type.kind === 'STRUCT') {
    return new DuckDBStructType(
      type.fields.map((_, index) => `f${index}`),
      type.fields.map((field) => vectorType(field.type)),
    )
  }
  return VECTOR_TYPES[type.kind]!
}
