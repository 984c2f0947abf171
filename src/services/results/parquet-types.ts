import type { TableField } from '../../google/bigquery/bigquery.ts'
import type { ThriftStruct } from '../source/thrift.ts'
import { typeOfField } from './columns.ts'
import type { GrowingBytes } from './growing-bytes.ts'
import { flagField, intField, structField } from './parquet-thrift.ts'

/** A value in a form that `<` compares, or that has no order. */
export type Native = number | bigint | boolean | string | Buffer

/**
 * How a Parquet column holds its values. The numbers are those of https://github.com/apache/parquet-format
 * `parquet.thrift`, the bytes those of its encoding PLAIN.
 */
export interface ParquetType {
  physical: number
  /** What a schema element has besides its name, its type and whether it can be null. */
  annotation: ThriftStruct
  /** Returns a JSON value of `rowConverter` in the form that is written. @throws Error if it is none of the type */
  native: (value: unknown) => Native
  /** @param index how many values of the page are before this one */
  write: (bytes: GrowingBytes, value: Native, index: number) => void
  /** Returns one value as statistics have it. Undefined if the column has no statistics. */
  bound?: (value: Native) => Buffer
}

const BOOLEAN = 0
const INT32 = 1
const INT64 = 2
const DOUBLE = 5
const BYTE_ARRAY = 6
const FIXED_LEN_BYTE_ARRAY = 7

const DAY_MS = 86_400_000

/** BigQuery's NUMERIC, with 38 digits, 9 of them after the point, needs 16 bytes. */
const NUMERIC = { precision: 38, scale: 9, bytes: 16 }

const inInt32 = {
  physical: INT32,
  write: (bytes: GrowingBytes, value: Native) => bytes.int32(value as number),
  bound: (value: Native) => bytesOf(4, (buffer) => buffer.writeInt32LE(value as number)),
}

const inInt64 = {
  physical: INT64,
  write: (bytes: GrowingBytes, value: Native) => bytes.int64(value as number | bigint),
  bound: (value: Native) => bytesOf(8, (buffer) => buffer.writeBigInt64LE(BigInt(value as number | bigint))),
}

const asText = {
  physical: BYTE_ARRAY,
  write: (bytes: GrowingBytes, value: Native) => void bytes.text(value as string),
}

const asBytes = {
  physical: BYTE_ARRAY,
  write(bytes: GrowingBytes, value: Native) {
    bytes.int32((value as Buffer).length)
    bytes.bytes(value as Buffer)
  },
}

const text: ParquetType = {
  ...asText,
  annotation: converted(0),
  native: String,
  bound: (value) => Buffer.from(value as string),
}

/** Well-Known Binary, which has no annotation: what it is, the file's `geo` metadata says. */
export const WKB: ParquetType = { ...asBytes, annotation: [], native: (value) => value as Buffer }

const TYPES: Readonly<Record<Exclude<ReturnType<typeof typeOfField>, 'STRUCT'>, ParquetType>> = {
  STRING: text,
  INT64: {
    ...inInt64,
    annotation: converted(18),
    native: (value) => (typeof value === 'number' ? value : BigInt(String(value))),
  },
  FLOAT64: {
    physical: DOUBLE,
    annotation: [],
    native: floatOf,
    write: (bytes, value) => bytes.double(value as number),
    bound: (value) => bytesOf(8, (buffer) => buffer.writeDoubleLE(value as number)),
  },
  BOOL: {
    physical: BOOLEAN,
    annotation: [],
    native: Boolean,
    write(bytes, value, index) {
      if (index % 8 === 0) bytes.byte(0)
      if (value === true) bytes.setBit(index % 8)
    },
    bound: (value) => Buffer.from([Number(value)]),
  },
  TIMESTAMP: { ...inInt64, annotation: [...converted(10), ...inMicroseconds(8, true)], native: microsOf },
  DATETIME: { ...inInt64, annotation: [...converted(10), ...inMicroseconds(8, false)], native: microsOf },
  TIME: {
    ...inInt64,
    annotation: [...converted(8), ...inMicroseconds(7, false)],
    native: (value) => microsOf(`1970-01-01T${String(value)}`),
  },
  DATE: {
    ...inInt32,
    annotation: converted(6),
    native: (value) => Number(microsOf(`${String(value)}T00:00:00`)) / (DAY_MS * 1_000),
  },
  NUMERIC: {
    physical: FIXED_LEN_BYTE_ARRAY,
    annotation: [
      intField(2, NUMERIC.bytes),
      ...converted(5),
      intField(7, NUMERIC.scale),
      intField(8, NUMERIC.precision),
      structField(10, [structField(5, [intField(1, NUMERIC.scale), intField(2, NUMERIC.precision)])]),
    ],
    native: unscaled,
    write: (bytes, value) => bytes.bytes(decimalBytes(value as bigint)),
    bound: (value) => decimalBytes(value as bigint),
  },
  BYTES: { ...asBytes, annotation: [], native: (value) => Buffer.from(String(value), 'base64') },
  JSON: {
    ...asText,
    annotation: [...converted(19), structField(10, [structField(12, [])])],
    native: (value) => JSON.stringify(value),
  },
  OTHER: text,
}

/** Returns how to hold the values of a column, or of an item of it, that is no struct. In a struct, bytes stay base64. */
export function parquetTypeOf(field: TableField, isInStruct: boolean): ParquetType {
  const type = typeOfField(field)
  if (type === 'STRUCT') throw new TypeError(`${field.name} is a struct`)
  return type === 'BYTES' && isInStruct ? text : TYPES[type]
}

function converted(type: number): ThriftStruct {
  return [intField(6, type)]
}

/** A TIME or TIMESTAMP in microseconds. */
function inMicroseconds(logical: number, isUtc: boolean): ThriftStruct {
  const microseconds = structField(2, [structField(2, [])])
  return [structField(10, [structField(logical, [flagField(1, isUtc), microseconds])])]
}

/** `NaN`, `Infinity` and `-Infinity` are texts in JSON. */
function floatOf(value: unknown): number {
  const number = Number(value)
  if (Number.isNaN(number) && value !== 'NaN') throw new RangeError(`${String(value)} is no number`)
  return number
}

/** Microseconds since 1970, which a number cannot hold exactly after the year 2255. */
function microsOf(value: unknown): number | bigint {
  const [, seconds = '', fraction = ''] = /^(.{10}[T ].{8})(?:\.(\d{1,6}))?Z?$/.exec(String(value)) ?? []
  const ms = Date.parse(`${seconds.replace(' ', 'T')}Z`)
  if (Number.isNaN(ms)) throw new RangeError(`${String(value)} is no time`)
  const rest = Number(fraction.padEnd(6, '0'))
  const micros = ms * 1_000 + rest
  return Number.isSafeInteger(micros) ? micros : BigInt(ms) * 1_000n + BigInt(rest)
}

/** A decimal number as an integer: in the ninth place after the point. */
function unscaled(value: unknown): bigint {
  const [, sign, whole = '', fraction = ''] = /^([+-]?)(\d+)(?:\.(\d{1,9}))?$/.exec(String(value)) ?? []
  if (whole === '') throw new RangeError(`${String(value)} is no NUMERIC`)
  const digits = BigInt(whole + fraction.padEnd(NUMERIC.scale, '0'))
  return sign === '-' ? -digits : digits
}

/** A decimal has its most significant byte first. */
function decimalBytes(value: bigint): Buffer {
  return bytesOf(NUMERIC.bytes, (buffer) => {
    buffer.writeBigInt64BE(value >> 64n, 0)
    buffer.writeBigUInt64BE(BigInt.asUintN(64, value), 8)
  })
}

function bytesOf(count: number, fill: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(count)
  fill(buffer)
  return buffer
}
