import { ImageryError } from '../../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { TruthRow } from './truth-row.ts'

interface ParquetFile {
  given: string
  file: string
}

/** Returns the names of a Parquet file's columns. @throws ImageryError SOURCE_UNSUPPORTED */
export async function parquetHeaders({ given, file }: ParquetFile): Promise<string[]> {
  const headers: string[] = []
  for await (const [name] of read(
    given,
    `SELECT column_name FROM (DESCRIBE FROM read_parquet(${literal(onlyThis(file))}))`,
  ))
    headers.push(name!)
  return headers
}

/** Yields columns of a Parquet file as text. */
export async function* parquetRows(
  { given, file }: ParquetFile,
  headers: readonly string[],
  indexes: readonly number[],
): AsyncGenerator<TruthRow> {
  const columns = indexes.map((index) => `CAST(${identifier(headers[index]!)} AS VARCHAR)`)
  let row = 0
  // The order of the file, so that a row's number leads to it.
  for await (const values of read(given, `SELECT ${columns.join(', ')} FROM read_parquet(${literal(onlyThis(file))})`))
    yield { place: `row ${++row}`, values }
}

async function* read(given: string, sql: string): AsyncGenerator<(string | null)[]> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    // Nothing is downloaded, whatever a file looks like.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    const result = await connection.stream(sql)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk || chunk.rowCount === 0) return
      yield* chunk.getRows() as (string | null)[][]
    }
  } catch (error) {
    throw new ImageryError('SOURCE_UNSUPPORTED', `${given} cannot be read as Parquet: ${(error as Error).message}`, {
      suggestions: [`duckdb -c ${shellWord(`DESCRIBE FROM '${given}'`)}   (shows whether another program can read it)`],
      cause: error,
    })
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** DuckDB reads a path as a pattern. */
function onlyThis(file: string): string {
  return file.replaceAll(/[*?[]/g, '[$&]')
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
