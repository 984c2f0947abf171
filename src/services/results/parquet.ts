import type { TableField } from '../../google/bigquery/bigquery.ts'
import { writeStruct } from '../source/thrift.ts'
import { pointOf, wkbOf } from './geometry.ts'
import { ParquetChunk } from './parquet-chunk.ts'
import { ParquetColumns, type AddValue } from './parquet-columns.ts'
import { compressionOf, type Compression } from './parquet-compression.ts'
import { binaryField, intField, longField, structField, structsField } from './parquet-thrift.ts'
import { WKB } from './parquet-types.ts'
import type { Row } from './read-rows.ts'

/** A row group ends after this many bytes of values, because they are in memory until then. */
const GROUP_BYTES = 4_000_000

/** DuckDB's own size of a row group, which it reads as a unit. */
const GROUP_ROWS = 122_880

const REQUIRED = 0

/** At the beginning and the end of a file. */
const MAGIC = Buffer.from('PAR1')

export interface ParquetOptions {
  /** Whether to add the rows' places as GeoParquet (https://geoparquet.org/releases/v1.1.0/). */
  isGeo: boolean
  /** By default the best that Node.js has. */
  compression?: () => Compression
}

/**
 * Yields rows as a Parquet file (https://parquet.apache.org/docs/file-format/), a row group at a time. Of the rows before,
 * memory has only what the end of the file says about them.
 *
 * @throws Error for a value that is none of its column's type
 */
export async function* parquetPieces(
  fields: readonly TableField[],
  pages: AsyncIterable<Row[]>,
  { isGeo, compression: begin = compressionOf }: ParquetOptions,
): AsyncGenerator<Buffer> {
  const file = new ParquetFile(fields, isGeo)
  const compression = begin()
  try {
    yield MAGIC
    for await (const page of pages) {
      for (const row of page) file.add(row)
      if (file.isGroupFull) yield* file.endGroup(compression)
    }
    yield* file.endGroup(compression)
    yield file.footer()
  } finally {
    compression.close()
  }
}

/** West, south, east, north. */
type Bounds = [number, number, number, number]

class ParquetFile {
  readonly #columns: ParquetColumns
  readonly #chunks: ParquetChunk[] = []
  readonly #names: readonly string[]
  readonly #adds: [name: string, add: AddValue][]
  readonly #geometry: { name: string; add: AddValue } | undefined
  /** As Thrift, because there can be many. */
  readonly #groups: Buffer[] = []
  #bounds: Bounds | undefined
  #at = MAGIC.length
  #rows = 0
  #groupRows = 0

  constructor(fields: readonly TableField[], isGeo: boolean) {
    this.#columns = new ParquetColumns((leaf) => {
      const chunk = new ParquetChunk(leaf)
      this.#chunks.push(chunk)
      return (value, repetition, definition) => chunk.add(value, repetition, definition)
    })
    this.#adds = fields.map((field) => [field.name ?? '', this.#columns.field(field)])
    const isTaken = fields.some(({ name }) => name?.toLowerCase() === 'geometry')
    const name = isTaken ? 'imagery_geometry' : 'geometry'
    this.#geometry = isGeo ? { name, add: this.#columns.column(name, WKB) } : undefined
    this.#names = [...fields.map((field) => field.name ?? ''), ...(isGeo ? [name] : [])]
  }

  get isGroupFull(): boolean {
    return this.#groupRows >= GROUP_ROWS || this.#chunks.reduce((sum, { bytes }) => sum + bytes, 0) >= GROUP_BYTES
  }

  add(row: Row): void {
    for (const [name, add] of this.#adds) add(row[name], 0, 0)
    if (this.#geometry) {
      const point = pointOf(row)
      if (point) this.#bounds = widened(this.#bounds ?? [...point, ...point], point)
      this.#geometry.add(point && wkbOf(point), 0, 0)
    }
    this.#groupRows += 1
  }

  /** Yields the rows since the last group. */
  async *endGroup(compression: Compression): AsyncGenerator<Buffer> {
    if (this.#groupRows === 0) return
    const start = this.#at
    const columns: Buffer[] = []
    let uncompressed = 0
    for (const chunk of this.#chunks) {
      const written = await chunk.end(this.#at, compression)
      columns.push(written.metadata)
      uncompressed += written.uncompressed
      this.#at += written.bytes
      yield* written.pieces
    }
    const rows = this.#groupRows
    const sizes = [longField(2, uncompressed), longField(3, rows), longField(5, start), longField(6, this.#at - start)]
    this.#groups.push(writeStruct([structsField(1, columns), ...sizes]))
    this.#rows += rows
    this.#groupRows = 0
  }

  /** Returns what describes the file, at its end. */
  footer(): Buffer {
    const root = writeStruct([intField(3, REQUIRED), binaryField(4, 'schema'), intField(5, this.#names.length)])
    const geo = this.#geometry && this.#geoMetadata(this.#geometry.name)
    const metadata = writeStruct([
      intField(1, 1),
      structsField(2, [root, ...this.#columns.elements]),
      longField(3, this.#rows),
      structsField(4, this.#groups),
      ...(geo === undefined ? [] : [structsField(5, [[binaryField(1, 'geo'), binaryField(2, geo)]])]),
      binaryField(6, 'imagery'),
      // Every column's bounds are in the order that its type defines.
      structsField(
        7,
        this.#chunks.map(() => [structField(1, [])]),
      ),
    ])
    const length = Buffer.alloc(4)
    length.writeUInt32LE(metadata.length)
    return Buffer.concat([metadata, length, MAGIC])
  }

  /** Without `crs`, coordinates are longitude and latitude in WGS 84. */
  #geoMetadata(column: string): string {
    const bbox = this.#bounds ? { bbox: this.#bounds } : {}
    const described = { encoding: 'WKB', geometry_types: ['Point'], ...bbox }
    return JSON.stringify({ version: '1.1.0', primary_column: column, columns: { [column]: described } })
  }
}

function widened([west, south, east, north]: Bounds, [x, y]: [number, number]): Bounds {
  return [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)]
}
