import { randomUUID } from 'node:crypto'
import { totalmem } from 'node:os'
import path from 'node:path'
import type { DuckDBConnection, DuckDBInstance, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { duckDbError } from './duckdb-error.ts'

export type Parameter = DuckDBValue

/** Enough for the columns of a few million rows; DuckDB reads more from its file. */
const MOST_MEGABYTES = 1_024

/** A small machine runs a browser too. */
const MEMORY_SHARE = 0.4

/** Returns the memory of DuckDB on this machine, in MiB. */
export function memoryLimit(): number {
  return Math.min(MOST_MEGABYTES, Math.floor((totalmem() * MEMORY_SHARE) / 2 ** 20))
}

/**
 * Opens a DuckDB file. DuckDB then reads and writes nothing else: it loads no extension and opens no other file, whatever
 * a value looks like.
 *
 * @param options.memory in MiB
 */
export async function openDuckDb(
  file: string,
  { isReadOnly, memory = memoryLimit() }: { isReadOnly: boolean; memory?: number },
): Promise<DuckDBInstance> {
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api')
  return Instance.create(file, {
    memory_limit: `${memory}MiB`,
    // Two programs that read the same file must not share what does not fit into memory: DuckDB gives it the same names.
    temp_directory: isReadOnly ? `${file}.${randomUUID()}.tmp` : `${file}.tmp`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(isReadOnly ? { access_mode: 'READ_ONLY' } : {}),
  })
}

/** Returns the rows of a statement, each as a list of values in the order of its columns. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  parameters: readonly Parameter[] = [],
): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql, [...parameters], await typesOf(parameters))).getRowsJS()
}

/** Runs a statement that returns no rows. */
export async function runStatement(
  connection: DuckDBConnection,
  sql: string,
  parameters: readonly Parameter[] = [],
): Promise<void> {
  await connection.run(sql, [...parameters], await typesOf(parameters))
}

/**
 * DuckDB's client takes a whole number for an INTEGER or a BIGINT, and throws for one that is larger (`typeForValue` in
 * https://github.com/duckdb/duckdb-node-neo/blob/main/api/src/typeForValue.ts). It chooses the types that are undefined itself.
 */
async function typesOf(parameters: readonly Parameter[]): Promise<DuckDBType[] | undefined> {
  const isLarge = (value: Parameter): boolean => Number.isInteger(value) && !Number.isSafeInteger(value)
  if (!parameters.some(isLarge)) return undefined
  const { DOUBLE } = await import('@duckdb/node-api')
  return parameters.map((value) => (isLarge(value) ? DOUBLE : undefined)) as DuckDBType[]
}

/** Connections to one database that take turns, so that requests at the same time do not wait for each other. */
export class Connections {
  readonly #instance: DuckDBInstance
  readonly #folder: string
  readonly #idle: DuckDBConnection[] = []
  readonly #all: DuckDBConnection[] = []

  /** @param file the database's file: what does not fit into memory is written beside it */
  constructor(instance: DuckDBInstance, file: string) {
    this.#instance = instance
    this.#folder = path.dirname(file)
  }

  /** @throws ImageryError FILE_NOT_WRITABLE, as on a full disk; what the work throws */
  async use<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    const connection = this.#idle.pop() ?? (await this.#open())
    try {
      return await work(connection)
    } catch (error) {
      throw duckDbError(error, { folder: this.#folder, kept: this.#folder })
    } finally {
      this.#idle.push(connection)
    }
  }

  close(): void {
    for (const connection of this.#all) connection.closeSync()
    this.#instance.closeSync()
  }

  async #open(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect()
    this.#all.push(connection)
    return connection
  }
}
