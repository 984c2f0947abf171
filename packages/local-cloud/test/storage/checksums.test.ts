import { expect, it } from 'vitest'
import { crc32c } from '../../src/apis/storage/checksums.ts'

/** One bit at a time, as https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4 defines it. */
function bitByBit(bytes: Uint8Array, start: number): number {
  let crc = ~start
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82_f6_3b_78 : crc >>> 1
  }
  return ~crc >>> 0
}

it('a CRC32C is that of its definition, wherever in memory the bytes begin and however many they are', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3_06_92_83)
  const bytes = Uint8Array.from({ length: 200 }, (_, index) => (index * 151 + 11) % 256)
  let crc = 0
  for (let from = 0; from < 9; from++) {
    for (let length = 0; length < 100; length++) {
      const part = bytes.subarray(from, from + length)
      const continued = crc32c(part, crc)
      expect([from, length, continued]).toEqual([from, length, bitByBit(part, crc)])
      crc = continued
    }
  }
})
