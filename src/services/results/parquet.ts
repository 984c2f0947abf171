import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import type { TableField } from '../../google/bigquery/bigquery.ts'
import { typeOfField } from './columns.ts'
import { duckDbError } from './duckdb-error.ts'
import { pointOf, wkbHex } from './geometry.ts'
import type { Row } from './read-rows.ts'
import type { Scratch } from './scratch.ts'

/** DuckDB refuses to hold more, and writes what it can to the temporary folder before. */
const MEMORY_LIMIT = '192MB'

/**
 * The size of a Parquet row group as JSON text. All rows of a group are in memory at once, in several forms
 * (`bench/results.ts` measures it).
 */
const GROUP_BYTES = 1_500_000

/** The smallest group that DuckDB writes: one vector. */
const LEAST_GROUP = 2_048
const MOST_GROUP = 122_880

/** The longest row of JSON must fit. DuckDB's buffers are a few times as large. */
const LEAST_BUFFER = 256 * 1024

export interface ParquetOptions {
  /** Whether to add the rows' places as GeoParquet (https://geoparquet.org/releases/v1.1.0/). */
  isGeo: boolean
  scratch: Scratch
  signal: AbortSignal | undefined
}

/** Yields rows as a Parquet file. The rows go through a temporary file, so that memory does not grow with them. */
export async function* parquetPieces(
  fields: readonly TableField[],
  pages: AsyncIterable<Row[]>,
  { isGeo, scratch, signal }: ParquetOptions,
): AsyncGenerator<Buffer> {
  const folder = await scratch.folder()
  const file = path.join(folder, 'rows.parquet')
  const seen: Seen = { rows: 0, bytes: 0, longest: 0, bounds: undefined }
  const files = await writeParts(linesOf(pages, isGeo, seen), folder, signal)
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: MEMORY_LIMIT,
    temp_directory: path.join(folder, 'duckdb'),
    // Nothing is downloaded, whatever a file looks like.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  const interrupt = (): void => connection.interrupt()
  signal?.addEventListener('abort', interrupt)
  try {
    await connection.run(copyStatement(fields, { files, file, seen, isGeo }))
  } catch (error) {
    signal?.throwIfAborted()
    throw duckDbError(error, { folder, kept: path.dirname(folder) })
  } finally {
    signal?.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
  }
  yield* createReadStream(file) as AsyncIterable<Buffer>
}

/**
 * Writes text to small files. DuckDB reads JSON through a buffer of 32 MB, and a small file fills little of
 * it.
 */
async function writeParts(
  pieces: AsyncIterable<string>,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const files: string[] = []
  let part: FileHandle | undefined
  let bytes = 0
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted()
      if (part === undefined || bytes > PART_BYTES) {
        await part?.close()
        part = undefined
        files.push(path.join(folder, `rows-${files.length}.jsonl`))
        part = await open(files.at(-1)!, 'w')
        bytes = 0
      }
      await part.writeFile(piece)
      bytes += Buffer.byteLength(piece)
    }
  } finally {
    await part?.close()
  }
  return files
}

const PART_BYTES = 500_000

interface Seen {
  rows: number
  bytes: number
  /** Bytes of the longest row. */
  longest: number
  /** West, south, east, north. */
  bounds: [number, number, number, number] | undefined
}

/** The name of the point's digits in the temporary file, which no column of BigQuery can have. */
const POINT = '__ROOT__point'

async function* linesOf(pages: AsyncIterable<Row[]>, isGeo: boolean, seen: Seen): AsyncGenerator<string> {
  for await (const page of pages) {
    let lines = ''
    for (const row of page) {
      const point = isGeo ? pointOf(row) : undefined
      if (point) seen.bounds = widened(seen.bounds ?? [...point, ...point], point)
      const line = JSON.stringify(point ? { ...row, [POINT]: wkbHex(point) } : row)
      const bytes = Buffer.byteLength(line)
      seen.rows += 1
      seen.bytes += bytes
      seen.longest = Math.max(seen.longest, bytes)
      lines += `${line}\n`
    }
    if (lines !== '') yield lines
  }
  // DuckDB reads at least one file.
  if (seen.rows === 0) yield '\n'
}

type Bounds = NonNullable<Seen['bounds']>

function widened([west, south, east, north]: Bounds, [x, y]: [number, number]): Bounds {
  return [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)]
}

function copyStatement(
  fields: readonly TableField[],
  { files, file, seen, isGeo }: { files: readonly string[]; file: string; seen: Seen; isGeo: boolean },
): string {
  const names = fields.map(({ name }) => name ?? '')
  const geometry = names.some((name) => name.toLowerCase() === 'geometry') ? 'imagery_geometry' : 'geometry'
  const types = fields.map((field) => `${literal(field.name ?? '')}: ${literal(typeOf(field))}`)
  const columns = [
    ...fields.map(columnExpression),
    ...(isGeo ? [`unhex(${identifier(POINT)}) AS ${identifier(geometry)}`] : []),
  ]
  const metadata = isGeo ? `, KV_METADATA {geo: ${literal(geoMetadata(geometry, seen))}}` : ''
  // A row that does not fit ends the query.
  const buffer = Math.max(LEAST_BUFFER, seen.longest + 1)
  const wanted = Math.floor((GROUP_BYTES * seen.rows) / Math.max(1, seen.bytes))
  const group = Math.min(MOST_GROUP, Math.max(LEAST_GROUP, wanted))
  return `COPY (
  SELECT ${columns.join(', ')}
  FROM read_json([${files.map(literal).join(', ')}], format = 'newline_delimited', maximum_object_size = ${buffer},
    columns = {${[...types, ...(isGeo ? [`${literal(POINT)}: 'VARCHAR'`] : [])].join(', ')}})
) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${group}${metadata})`
}

/** https://geoparquet.org/releases/v1.1.0/. Without `crs`, coordinates are longitude and latitude in WGS 84. */
function geoMetadata(column: string, { bounds }: Seen): string {
  const described = { encoding: 'WKB', geometry_types: ['Point'], ...(bounds ? { bbox: bounds } : {}) }
  return JSON.stringify({ version: '1.1.0', primary_column: column, columns: { [column]: described } })
}

const SCALARS: Readonly<Record<ReturnType<typeof typeOfField>, string>> = {
  STRING: 'VARCHAR',
  INT64: 'BIGINT',
  FLOAT64: 'DOUBLE',
  BOOL: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATE: 'DATE',
  DATETIME: 'TIMESTAMP',
  TIME: 'TIME',
  NUMERIC: 'DECIMAL(38, 9)',
  BYTES: 'VARCHAR',
  JSON: 'JSON',
  STRUCT: '',
  OTHER: 'VARCHAR',
}

/** The type of a column in the temporary file. */
function typeOf(field: TableField): string {
  const type = typeOfField(field)
  const members = (field.fields ?? []).map((member) => `${identifier(member.name ?? '')} ${typeOf(member)}`)
  const one = type === 'STRUCT' ? `STRUCT(${members.join(', ')})` : SCALARS[type]
  return field.mode === 'REPEATED' ? `${one}[]` : one
}

/** Bytes are base64 in the temporary file, and stay so inside of a struct. */
function columnExpression(field: TableField): string {
  const name = identifier(field.name ?? '')
  if (typeOfField(field) !== 'BYTES') return name
  const read = (value: string): string => `from_base64(${value})`
  const bytes = field.mode === 'REPEATED' ? `list_transform(${name}, lambda item: ${read('item')})` : read(name)
  return `${bytes} AS ${name}`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
