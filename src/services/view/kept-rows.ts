import type { DuckDBConnection } from '@duckdb/node-api'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { About } from './about.ts'
import { runStatement, type Parameter } from './database.ts'
import { filterSql } from './filter-sql.ts'
import { axisName, codeName } from './stored-columns.ts'

/** The rows that a filter keeps, as a table with codes and numbers, and a condition on it. */
export interface Kept {
  table: string
  condition: string
  parameters: readonly Parameter[]
  /** Whether `table` is `rows` itself, so that it has the values too. */
  isWhole: boolean
}

/** Numbers the question marks of a condition, so that a statement can have the condition several times. */
export function numbered(condition: string): string {
  let number = 0
  return condition.replaceAll('?', () => `$${(number += 1)}`)
}

interface Entry {
  table: string
  made: Promise<void>
  users: number
  /** Of a filter with a condition on reviews that have changed since. */
  isStale: boolean
  readsReviews: boolean
}

/** Filters whose rows are kept. The app asks for charts, a page and points of the same filter at once. */
const MOST_ENTRIES = 6

/**
 * Keeps the rows of filters that take long to find, so that a text is searched once and not again for each chart. The
 * other filters are conditions of each statement.
 */
export class KeptRows {
  readonly #about: About
  readonly #entries = new Map<string, Entry>()
  #made = 0

  constructor(about: About) {
    this.#about = about
  }

  async take(connection: DuckDBConnection, filter: Filter): Promise<{ kept: Kept; release: () => Promise<void> }> {
    const key = JSON.stringify(filter)
    const known = this.#entries.get(key)
    if (known) return this.#use(connection, key, known)
    const { condition, parameters, isSlow } = await filterSql(connection, this.#about, filter)
    if (!isSlow)
      return { kept: { table: 'rows', condition, parameters, isWhole: true }, release: async () => undefined }
    // Another request may have started with the same filter meanwhile.
    const entry = this.#entries.get(key) ?? this.#make(connection, filter, { condition, parameters })
    return this.#use(connection, key, entry)
  }

  /** Rows that were kept by what reviewers had decided are not those of the same filter any more. */
  async forgetReviews(connection: DuckDBConnection): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (!entry.readsReviews) continue
      this.#entries.delete(key)
      entry.isStale = true
      await this.#dropUnused(connection, entry)
    }
  }

  #make(
    connection: DuckDBConnection,
    filter: Filter,
    { condition, parameters }: Pick<Kept, 'condition' | 'parameters'>,
  ): Entry {
    const table = `kept.rows${this.#made++}`
    const columns = this.#about.columns.flatMap((column) => [
      ...(column.hasAxis ? [axisName(column)] : []),
      ...(column.coding.by === 'none' ? [] : [codeName(column)]),
    ])
    const names = ['n', 'longitude', 'latitude', 'is_ok', 'is_failed', ...columns].join(', ')
    const made = runStatement(
      connection,
      `CREATE TABLE ${table} AS SELECT ${names} FROM rows WHERE ${condition}`,
      parameters,
    )
    const readsReviews = filter.some((part) => 'review' in part)
    const entry: Entry = { table, made, users: 0, isStale: false, readsReviews }
    this.#entries.set(JSON.stringify(filter), entry)
    return entry
  }

  async #use(
    connection: DuckDBConnection,
    key: string,
    entry: Entry,
  ): Promise<{ kept: Kept; release: () => Promise<void> }> {
    entry.users += 1
    // The newest is last.
    if (this.#entries.delete(key)) this.#entries.set(key, entry)
    try {
      await entry.made
    } catch (error) {
      this.#entries.delete(key)
      throw error
    }
    await this.#dropOldest(connection)
    return {
      kept: { table: entry.table, condition: 'true', parameters: [], isWhole: false },
      release: async () => {
        entry.users -= 1
        await this.#dropUnused(connection, entry)
      },
    }
  }

  async #dropOldest(connection: DuckDBConnection): Promise<void> {
    const oldest = [...this.#entries].slice(0, Math.max(0, this.#entries.size - MOST_ENTRIES))
    for (const [key, entry] of oldest) {
      this.#entries.delete(key)
      entry.isStale = true
      await this.#dropUnused(connection, entry)
    }
  }

  async #dropUnused(connection: DuckDBConnection, entry: Entry): Promise<void> {
    if (entry.isStale && entry.users === 0) await connection.run(`DROP TABLE IF EXISTS ${entry.table}`)
  }
}
