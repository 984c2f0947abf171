import { ImageryError } from '../../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { TruthRow } from './truth-row.ts'

interface ParquetFile {
  given: string
  file: string
}

export interface ParquetColumn {
  name: string
  /** As DuckDB writes it: `STRUCT(color VARCHAR)`. */
  type: string
}

/** Returns a Parquet file's columns. @throws ImageryError SOURCE_UNSUPPORTED */
export async function truthParquetColumns({ given, file }: ParquetFile): Promise<ParquetColumn[]> {
  const columns: ParquetColumn[] = []
  for await (const [name, type] of rowsOf(
    given,
    `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(${literal(onlyThis(file))}))`,
  ))
    columns.push({ name: name!, type: type! })
  return columns
}

/** Yields columns of a Parquet file as text, structs as JSON. */
export async function* parquetRows(
  { given, file }: ParquetFile,
  columns: readonly ParquetColumn[],
  indexes: readonly number[],
): AsyncGenerator<TruthRow> {
  const read = indexes.map((index) => textOf(columns[index]!))
  let row = 0
  // The order of the file, so that a row's number leads to it.
  for await (const values of rowsOf(given, `SELECT ${read.join(', ')} FROM read_parquet(${literal(onlyThis(file))})`))
    yield { place: `row ${++row}`, values }
}

async function* rowsOf(given: string, sql: string): AsyncGenerator<(string | null)[]> {
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

function textOf({ name, type }: ParquetColumn): string {
  const column = identifier(name)
  if (type.startsWith('STRUCT(') && !type.endsWith(']')) return `CAST(to_json(${column}) AS VARCHAR)`
  // Some programs write text without saying that it is text.
  if (type === 'BLOB') return `COALESCE(TRY(decode(${column})), CAST(${column} AS VARCHAR))`
  return `CAST(${column} AS VARCHAR)`
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
