import type { DuckDBConnection } from '@duckdb/node-api'
import type { About, CodedColumn } from './about.ts'
import { rowsOf } from './database.ts'
import { dictionaryName } from './stored-columns.ts'

/** A text column with more values is counted in DuckDB, so that not all counts leave it. */
const MOST_VALUES = 5_000

/** The values of text columns by their codes, in memory for columns that have few. */
export class Dictionaries {
  readonly #texts: ReadonlyMap<number, readonly string[]>

  private constructor(texts: ReadonlyMap<number, readonly string[]>) {
    this.#texts = texts
  }

  static async read(connection: DuckDBConnection, { columns }: About): Promise<Dictionaries> {
    const texts = new Map<number, readonly string[]>()
    for (const column of columns) {
      if (column.coding.by !== 'value' || column.coding.values > MOST_VALUES) continue
      const found = await rowsOf(connection, `SELECT value FROM ${dictionaryName(column)} ORDER BY code`)
      texts.set(
        column.index,
        found.map(([value]) => value as string),
      )
    }
    return new Dictionaries(texts)
  }

  /** Returns the values by their codes; undefined for a column with too many. */
  texts({ index }: Pick<CodedColumn, 'index'>): readonly string[] | undefined {
    return this.#texts.get(index)
  }
}
