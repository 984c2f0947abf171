import { createHash } from 'node:crypto'

/** The Castagnoli polynomial, bits reversed (https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4). */
const POLYNOMIAL = 0x82_f6_3b_78
const SLICES = 8

/** Tables for eight bytes at a time: entry `t * 256 + b` is byte b followed by t zero bytes. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1
    made[byte] = remainder
  }
  for (let index = 256; index < made.length; index++) {
    const previous = made[index - 256]!
    made[index] = (previous >>> 8) ^ made[previous & 0xff]!
  }
  return made
}

/** Continues a CRC32C over `bytes`; a new one starts from 0. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  let crc = ~start
  let index = 0
  const wholeEnd = bytes.length - (bytes.length % SLICES)
  while (index < wholeEnd) {
    const low = crc ^ (bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24))
    crc =
      tables[0x700 + (low & 0xff)]! ^
      tables[0x600 + ((low >>> 8) & 0xff)]! ^
      tables[0x500 + ((low >>> 16) & 0xff)]! ^
      tables[0x400 + (low >>> 24)]! ^
      tables[0x300 + bytes[index + 4]!]! ^
      tables[0x200 + bytes[index + 5]!]! ^
      tables[0x100 + bytes[index + 6]!]! ^
      tables[bytes[index + 7]!]!
    index += SLICES
  }
  for (; index < bytes.length; index++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[index]!) & 0xff]!
  return ~crc >>> 0
}

export interface Checksums {
  size: number
  /** Base64, as in an object's `md5Hash`; empty where there is none, as for a composite object of Google's. */
  md5: string
  /** Base64 of the big-endian value, as in an object's `crc32c`. */
  crc32c: string
}

export interface ChecksumBuilder {
  add(bytes: Uint8Array): void
  finish(): Checksums
}

/** Computes the size and the checksums of an object's bytes in one pass. */
export function checksumBuilder(): ChecksumBuilder {
  const md5 = createHash('md5')
  const rest = crc32cBuilder()
  return {
    add(bytes) {
      md5.update(bytes)
      rest.add(bytes)
    },
    finish: () => ({ ...rest.finish(), md5: md5.digest('base64') }),
  }
}

/** Computes the size and the CRC32C only, in less than half the time. */
export function crc32cBuilder(): ChecksumBuilder {
  let crc = 0
  let size = 0
  return {
    add(bytes) {
      crc = crc32c(bytes, crc)
      size += bytes.byteLength
    },
    finish() {
      const bigEndian = Buffer.alloc(4)
      bigEndian.writeUInt32BE(crc)
      return { size, md5: '', crc32c: bigEndian.toString('base64') }
    },
  }
}
