import { createHash } from 'node:crypto'

/** The Castagnoli polynomial, bits reversed (https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4). */
const POLYNOMIAL = 0x82_f6_3b_78
const SLICES = 16

/** Tables for 16 bytes at a time: entry `t * 256 + b` is byte b followed by t zero bytes. */
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

/** The bytes of a 32-bit number in memory, lowest first: the order in which the tables take them. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/**
 * Continues a CRC32C over `bytes`; a new one starts from 0. Four words of four bytes at a time: as bytes, they take almost
 * twice as long.
 */
export function crc32c(bytes: Uint8Array, start = 0): number {
  const { byteOffset, length } = bytes
  if (!IS_LITTLE_ENDIAN || length < 2 * SLICES) return ~continued(~start, bytes, 0, length) >>> 0
  const wordsFrom = (4 - (byteOffset % 4)) % 4
  const words = new Int32Array(bytes.buffer, byteOffset + wordsFrom, wordCount(length - wordsFrom))
  let crc = continued(~start, bytes, 0, wordsFrom)
  for (let index = 0; index < words.length; index += 4) {
    const a = crc ^ words[index]!
    const b = words[index + 1]!
    const c = words[index + 2]!
    const d = words[index + 3]!
    crc =
      tables[0xf00 + (a & 0xff)]! ^
      tables[0xe00 + ((a >>> 8) & 0xff)]! ^
      tables[0xd00 + ((a >>> 16) & 0xff)]! ^
      tables[0xc00 + (a >>> 24)]! ^
      tables[0xb00 + (b & 0xff)]! ^
      tables[0xa00 + ((b >>> 8) & 0xff)]! ^
      tables[0x900 + ((b >>> 16) & 0xff)]! ^
      tables[0x800 + (b >>> 24)]! ^
      tables[0x700 + (c & 0xff)]! ^
      tables[0x600 + ((c >>> 8) & 0xff)]! ^
      tables[0x500 + ((c >>> 16) & 0xff)]! ^
      tables[0x400 + (c >>> 24)]! ^
      tables[0x300 + (d & 0xff)]! ^
      tables[0x200 + ((d >>> 8) & 0xff)]! ^
      tables[0x100 + ((d >>> 16) & 0xff)]! ^
      tables[d >>> 24]!
  }
  return ~continued(crc, bytes, wordsFrom + 4 * words.length, length) >>> 0
}

/** The number of words in whole groups of four. */
function wordCount(bytes: number): number {
  return (bytes - (bytes % SLICES)) / 4
}

/** Byte by byte. */
function continued(crc: number, bytes: Uint8Array, from: number, end: number): number {
  let result = crc
  for (let index = from; index < end; index++) result = (result >>> 8) ^ tables[(result ^ bytes[index]!) & 0xff]!
  return result
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
