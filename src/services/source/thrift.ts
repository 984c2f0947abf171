/**
 * Thrift's compact protocol, in which Parquet files describe themselves
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Structs are read without knowing
 * what their fields mean, so that those of later versions of Parquet are kept as they are.
 */
export interface ThriftField {
  id: number
  type: number
  value: ThriftValue
}

export type ThriftStruct = ThriftField[]
export interface ThriftList {
  of: number
  items: ThriftValue[]
}
interface ThriftMap {
  keys: number
  values: number
  entries: [ThriftValue, ThriftValue][]
}
export type ThriftValue = boolean | bigint | Buffer | ThriftStruct | ThriftList | ThriftMap

export const THRIFT = {
  yes: 1,
  no: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
}

/** More levels than any footer has. */
const MOST_LEVELS = 64

/**
 * Reads one struct.
 *
 * @throws RangeError if the bytes are none
 */
export function readStruct(bytes: Buffer): ThriftStruct {
  return new Reader(bytes).struct(0)
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  struct(level: number): ThriftStruct {
    if (level > MOST_LEVELS) throw new RangeError('too many levels')
    const fields: ThriftStruct = []
    let id = 0
    for (;;) {
      const head = this.#byte()
      if (head === 0) return fields
      const type = head & 15
      id = head >> 4 === 0 ? Number(this.#signed()) : id + (head >> 4)
      const isBoolean = type === THRIFT.yes || type === THRIFT.no
      fields.push({ id, type, value: isBoolean ? type === THRIFT.yes : this.#value(type, level) })
    }
  }

  #value(type: number, level: number): ThriftValue {
    switch (type) {
      case THRIFT.yes:
      case THRIFT.no:
        return this.#byte() === THRIFT.yes
      case THRIFT.byte:
        return BigInt(this.#byte())
      case THRIFT.i16:
      case THRIFT.i32:
      case THRIFT.i64:
        return this.#signed()
      case THRIFT.double:
        return this.#take(8)
      case THRIFT.binary:
        return this.#take(this.#count())
      case THRIFT.list:
      case THRIFT.set:
        return this.#list(level)
      case THRIFT.map:
        return this.#map(level)
      case THRIFT.struct:
        return this.struct(level + 1)
      default:
        throw new RangeError(`unknown type ${type}`)
    }
  }

  #list(level: number): ThriftList {
    const head = this.#byte()
    const count = head >> 4 === 15 ? this.#count() : head >> 4
    const of = head & 15
    return { of, items: Array.from({ length: count }, () => this.#value(of, level + 1)) }
  }

  #map(level: number): ThriftMap {
    const count = this.#count()
    const types = count === 0 ? 0 : this.#byte()
    const [keys, values] = [types >> 4, types & 15]
    const entries = Array.from({ length: count }, (): [ThriftValue, ThriftValue] => [
      this.#value(keys, level + 1),
      this.#value(values, level + 1),
    ])
    return { keys, values, entries }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('the end is missing')
    return byte
  }

  #take(count: number): Buffer {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new RangeError('the end is missing')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  /** A count of things that take a byte each at least. */
  #count(): number {
    const count = this.#varint()
    if (count > BigInt(this.#bytes.length)) throw new RangeError('a length is too large')
    return Number(count)
  }

  #signed(): bigint {
    const value = this.#varint()
    return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n)
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(this.#byte())
      value |= (byte & 127n) << shift
      if (byte < 128n) return value
    }
    throw new RangeError('a number is too long')
  }
}

/** Writes one struct. A struct in it can be what this function has made before. */
export function writeStruct(fields: ThriftStruct): Buffer {
  const parts: Buffer[] = []
  pushStruct(parts, fields)
  return Buffer.concat(parts)
}

function pushStruct(parts: Buffer[], fields: ThriftStruct): void {
  let last = 0
  for (const { id, type, value } of fields) {
    const step = id - last
    parts.push(
      step > 0 && step < 16
        ? Buffer.from([(step << 4) | type])
        : Buffer.concat([Buffer.from([type]), signed(BigInt(id))]),
    )
    last = id
    if (type !== THRIFT.yes && type !== THRIFT.no) pushValue(parts, type, value)
  }
  parts.push(Buffer.from([0]))
}

function pushValue(parts: Buffer[], type: number, value: ThriftValue): void {
  switch (type) {
    case THRIFT.yes:
    case THRIFT.no:
      parts.push(Buffer.from([value === true ? THRIFT.yes : THRIFT.no]))
      return
    case THRIFT.byte:
      parts.push(Buffer.from([Number(value as bigint)]))
      return
    case THRIFT.double:
      parts.push(value as Buffer)
      return
    case THRIFT.binary:
      parts.push(varint(BigInt((value as Buffer).length)), value as Buffer)
      return
    case THRIFT.list:
    case THRIFT.set: {
      const { of, items } = value as ThriftList
      const count = items.length
      parts.push(
        count < 15
          ? Buffer.from([(count << 4) | of])
          : Buffer.concat([Buffer.from([0xf0 | of]), varint(BigInt(count))]),
      )
      for (const item of items) pushValue(parts, of, item)
      return
    }
    case THRIFT.map: {
      const { keys, values, entries } = value as ThriftMap
      parts.push(varint(BigInt(entries.length)))
      if (entries.length > 0) parts.push(Buffer.from([(keys << 4) | values]))
      for (const [key, item] of entries) {
        pushValue(parts, keys, key)
        pushValue(parts, values, item)
      }
      return
    }
    case THRIFT.struct:
      if (Buffer.isBuffer(value)) parts.push(value)
      else pushStruct(parts, value as ThriftStruct)
      return
    default:
      parts.push(signed(value as bigint))
  }
}

function signed(value: bigint): Buffer {
  return varint(value < 0n ? -value * 2n - 1n : value * 2n)
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 127n) | 128)
  }
}
