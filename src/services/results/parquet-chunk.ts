import { writeStruct, type ThriftStruct } from '../source/thrift.ts'
import { GrowingBytes } from './growing-bytes.ts'
import type { Compression } from './parquet-compression.ts'
import { binaryField, intField, intsField, longField, structField, textsField } from './parquet-thrift.ts'
import type { Native, ParquetType } from './parquet-types.ts'

/** Statistics of longer texts help no reader, and make the end of the file large. */
const MOST_BOUND_LETTERS = 64

const DATA_PAGE = 0
const PLAIN = 0
const RLE = 3

/** What the schema says about a column that holds values. */
export interface Leaf {
  /** The names of the schema elements, from the top. */
  path: readonly string[]
  type: ParquetType
  /** The level of a value that is there. */
  definitions: number
  /** How many lists the value is in. */
  repetitions: number
}

/** A column's part of a row group, as it is in the file: a page and its header. */
export interface WrittenChunk {
  pieces: readonly Buffer[]
  /** A `ColumnChunk`. */
  metadata: Buffer
  bytes: number
  uncompressed: number
}

/**
 * One column of a row group, and then of the next one. Values are encoded as they come, because many values are much larger
 * in memory than their bytes.
 */
export class ParquetChunk {
  readonly #leaf: Leaf
  readonly #values = new GrowingBytes()
  readonly #definitions = new Levels()
  readonly #repetitions = new Levels()
  #count = 0
  #nulls = 0
  #bounds: Bounds = {}

  constructor(leaf: Leaf) {
    this.#leaf = leaf
  }

  /** The bytes of values in memory. */
  get bytes(): number {
    return this.#values.length
  }

  /**
   * Adds a value, which is null or absent below the column's own level.
   *
   * @param repetition 0 for the first value of a row; for the next item of a list, how many lists it is in
   */
  add(value: unknown, repetition: number, definition: number): void {
    const { type, definitions, repetitions } = this.#leaf
    if (repetitions > 0) this.#repetitions.add(repetition)
    this.#definitions.add(definition)
    this.#count += 1
    if (definition < definitions) {
      this.#nulls += 1
      return
    }
    const native = type.native(value)
    type.write(this.#values, native, this.#count - this.#nulls - 1)
    if (type.bound && this.#bounds) this.#bounds = widened(this.#bounds, native)
  }

  /** Ends the column's part of a row group. @param start where it begins in the file */
  async end(start: number, { codec, compress }: Compression): Promise<WrittenChunk> {
    const { type, path, repetitions } = this.#leaf
    const levels = [...(repetitions > 0 ? [this.#repetitions] : []), this.#definitions]
    const page = Buffer.concat([...levels.flatMap((each) => each.end()), this.#values.written])
    const compressed = await compress(page)
    const header = writeStruct([
      intField(1, DATA_PAGE),
      intField(2, page.length),
      intField(3, compressed.length),
      structField(5, [intField(1, this.#count), intField(2, PLAIN), intField(3, RLE), intField(4, RLE)]),
    ])
    const bytes = header.length + compressed.length
    const uncompressed = header.length + page.length
    const metadata = [
      intField(1, type.physical),
      intsField(2, [PLAIN, RLE]),
      textsField(3, path),
      intField(4, codec),
      longField(5, this.#count),
      longField(6, uncompressed),
      longField(7, bytes),
      longField(9, start),
      structField(12, this.#statistics()),
    ]
    this.#clear()
    const chunk = writeStruct([longField(2, start), structField(3, metadata)])
    return { pieces: [header, compressed], metadata: chunk, bytes, uncompressed }
  }

  #clear(): void {
    this.#values.clear()
    this.#definitions.clear()
    this.#repetitions.clear()
    this.#count = 0
    this.#nulls = 0
    this.#bounds = {}
  }

  #statistics(): ThriftStruct {
    const nulls = longField(3, this.#nulls)
    const { bound } = this.#leaf.type
    const { least, most } = this.#bounds ?? {}
    if (!bound || least === undefined || most === undefined) return [nulls]
    // Both zeros are in the bounds, because a reader may order them.
    return [nulls, binaryField(5, bound(most === 0 ? 0 : most)), binaryField(6, bound(least === 0 ? -0 : least))]
  }
}

/** The lowest and the highest value so far. Undefined once they cannot be told. */
type Bounds = { least?: Native; most?: Native } | undefined

function widened(bounds: NonNullable<Bounds>, value: Native): Bounds {
  if (typeof value === 'string') {
    // Parquet compares bytes of UTF-8, JavaScript units of UTF-16, whose order differs from here on.
    if (value.length > MOST_BOUND_LETTERS || /[\ud800-\uffff]/.test(value)) return undefined
  } else if (Number.isNaN(value)) return undefined
  const { least, most } = bounds
  if (least === undefined || value < least) bounds.least = value
  if (most === undefined || value > most) bounds.most = value
  return bounds
}

/** Levels in runs of equal ones, each level in a byte (https://parquet.apache.org/docs/file-format/data-pages/encodings/). */
class Levels {
  readonly #runs = new GrowingBytes()
  #level = 0
  #length = 0

  add(level: number): void {
    if (level !== this.#level) {
      this.#endRun()
      this.#level = level
    }
    this.#length += 1
  }

  /** Returns the bytes of a page: their count, and the runs. */
  end(): Buffer[] {
    this.#endRun()
    const count = Buffer.alloc(4)
    count.writeInt32LE(this.#runs.length)
    return [count, this.#runs.written]
  }

  clear(): void {
    this.#runs.clear()
    this.#level = 0
    this.#length = 0
  }

  #endRun(): void {
    if (this.#length === 0) return
    this.#runs.varint(this.#length * 2)
    this.#runs.byte(this.#level)
    this.#length = 0
  }
}
