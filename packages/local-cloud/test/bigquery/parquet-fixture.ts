/**
 * Writes small Parquet files by hand, byte for byte as https://github.com/apache/parquet-format says, so that tests have
 * types that DuckDB does not write: one row group, one uncompressed page per column, plain values.
 */
export interface WrittenColumn {
  name: string
  /** BOOLEAN 0, INT32 1, INT64 2, INT96 3, FLOAT 4, DOUBLE 5, BYTE_ARRAY 6, FIXED_LEN_BYTE_ARRAY 7 */
  type: number
  length?: number
  /** The older annotation: UTF8 0, MAP 1, LIST 3, ENUM 4, DECIMAL 5, DATE 6, …, JSON 19, BSON 20, INTERVAL 21 */
  converted?: number
  /** The union LogicalType: the number of its member and that member's fields. */
  logical?: [member: number, fields: Field[]]
  precision?: number
  scale?: number
  /** Each value as it is in the page. */
  values: Buffer[]
  /** The groups around the column, outermost first. */
  groups?: { name: string; repetition: Repetition; converted?: number; logical?: [number, Field[]] }[]
  repetition?: Repetition
  /** Of each value and each missing value; needed unless everything is required. */
  levels?: { repetition: number[]; definition: number[]; bits: [repetition: number, definition: number] }
}

/** REQUIRED, OPTIONAL or REPEATED. */
type Repetition = 0 | 1 | 2

type Value = number | bigint | boolean | string | Buffer | Field[] | List
/** The number of a field, how it is written, and its value. */
export type Field = [id: number, as: keyof typeof CODES, value: Value]
interface List {
  of: 'i32' | 'binary' | 'struct'
  items: (number | string | Field[])[]
}

/** Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md */
const CODES = { bool: 1, byte: 3, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 127n) | 128)
  }
}

const zigzag = (value: bigint): Buffer => varint(value < 0n ? -value * 2n - 1n : value * 2n)

function binary(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

function struct(fields: readonly Field[]): Buffer {
  let last = 0
  const parts = fields.map(([id, as, value]) => {
    const code = as === 'bool' ? (value === true ? 1 : 2) : CODES[as]
    const step = id - last
    const head =
      step < 16 ? Buffer.from([(step << 4) | code]) : Buffer.concat([Buffer.from([code]), zigzag(BigInt(id))])
    last = id
    return as === 'bool' ? head : Buffer.concat([head, encoded(as, value)])
  })
  return Buffer.concat([...parts, Buffer.from([0])])
}

function encoded(as: keyof typeof CODES, value: Value): Buffer {
  if (as === 'struct') return struct(value as Field[])
  if (as === 'binary') return binary(value as string)
  if (as === 'byte') return Buffer.from([Number(value)])
  if (as !== 'list') return zigzag(BigInt(value as number))
  const { of, items } = value as List
  const head =
    items.length < 15
      ? Buffer.from([(items.length << 4) | CODES[of]])
      : Buffer.concat([Buffer.from([0xf0 | CODES[of]]), varint(BigInt(items.length))])
  return Buffer.concat([head, ...items.map((item) => encoded(of, item))])
}

/** Levels as runs, with their length before them. */
function runs(levels: readonly number[], bits: number): Buffer {
  if (bits === 0) return Buffer.alloc(0)
  const parts = levels.map((level) => Buffer.concat([varint(1n << 1n), Buffer.from([level])]))
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  return Buffer.concat([length, body])
}

function page({ values, levels }: WrittenColumn): Buffer {
  const body: Buffer = Buffer.concat([
    ...(levels ? [runs(levels.repetition, levels.bits[0]), runs(levels.definition, levels.bits[1])] : []),
    ...values,
  ])
  const count = levels?.definition.length ?? values.length
  const header = struct([
    [1, 'i32', 0],
    [2, 'i32', body.length],
    [3, 'i32', body.length],
    [
      5,
      'struct',
      [
        [1, 'i32', count],
        [2, 'i32', 0],
        [3, 'i32', 3],
        [4, 'i32', 3],
      ],
    ],
  ])
  return Buffer.concat([header, body])
}

function annotation(converted: number | undefined, logical: [number, Field[]] | undefined): Field[] {
  return [
    ...(converted === undefined ? [] : [[6, 'i32', converted] as Field]),
    ...(logical === undefined ? [] : [[10, 'struct', [[logical[0], 'struct', logical[1]]]] as Field]),
  ]
}

function elements(column: WrittenColumn): Field[][] {
  const groups = (column.groups ?? []).map((group): Field[] => [
    [3, 'i32', group.repetition],
    [4, 'binary', group.name],
    [5, 'i32', 1],
    ...annotation(group.converted, group.logical),
  ])
  const [converted, logical] = [annotation(column.converted, undefined), annotation(undefined, column.logical)]
  const leaf: Field[] = [
    [1, 'i32', column.type],
    ...(column.length === undefined ? [] : [[2, 'i32', column.length] as Field]),
    [3, 'i32', column.repetition ?? 0],
    [4, 'binary', column.name],
    ...converted,
    ...(column.scale === undefined ? [] : [[7, 'i32', column.scale] as Field]),
    ...(column.precision === undefined ? [] : [[8, 'i32', column.precision] as Field]),
    ...logical,
  ]
  return [...groups, leaf]
}

/** The bytes of a file with these columns, `rows` long, and key-value metadata. */
export function parquetFile(
  columns: readonly WrittenColumn[],
  rows: number,
  metadata: Record<string, string> = {},
): Buffer {
  const parts: Buffer[] = [Buffer.from('PAR1')]
  let at = 4
  const chunks = columns.map((column): Field[] => {
    const bytes = page(column)
    parts.push(bytes)
    const start = at
    at += bytes.length
    const path = [...(column.groups ?? []).map(({ name }) => name), column.name]
    return [
      [2, 'i64', start],
      [
        3,
        'struct',
        [
          [1, 'i32', column.type],
          [2, 'list', { of: 'i32', items: [0, 3] }],
          [3, 'list', { of: 'binary', items: path }],
          [4, 'i32', 0],
          [5, 'i64', column.levels?.definition.length ?? column.values.length],
          [6, 'i64', bytes.length],
          [7, 'i64', bytes.length],
          [9, 'i64', start],
        ],
      ],
    ]
  })
  const root: Field[] = [
    [4, 'binary', 'schema'],
    [5, 'i32', columns.length],
  ]
  const footer = struct([
    [1, 'i32', 1],
    [2, 'list', { of: 'struct', items: [root, ...columns.flatMap(elements)] }],
    [3, 'i64', rows],
    [
      4,
      'list',
      {
        of: 'struct',
        items: [
          [
            [1, 'list', { of: 'struct', items: chunks }],
            [2, 'i64', at - 4],
            [3, 'i64', rows],
          ],
        ],
      },
    ],
    ...(Object.keys(metadata).length === 0
      ? []
      : [
          [
            5,
            'list',
            {
              of: 'struct',
              items: Object.entries(metadata).map(([key, value]): Field[] => [
                [1, 'binary', key],
                [2, 'binary', value],
              ]),
            },
          ] as Field,
        ]),
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([...parts, footer, length, Buffer.from('PAR1')])
}

/** Values as a page has them. */
export const plain = {
  int32: (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  },
  int64: (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  /** Nanoseconds of the day, then the Julian day. */
  int96: (nanoseconds: bigint, julianDay: number): Buffer => {
    const bytes = Buffer.alloc(12)
    bytes.writeBigInt64LE(nanoseconds)
    bytes.writeInt32LE(julianDay, 8)
    return bytes
  },
  text: (value: string | Buffer): Buffer => {
    const bytes = Buffer.from(value)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  },
}
