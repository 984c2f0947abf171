import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { detectFormat } from '../../../src/contracts/image-format.ts'
import { BLOCK_BYTES, ImageBytes, type ReadRange } from '../../../src/runtime/models/image-bytes.ts'
import { readHeader } from '../../../src/runtime/models/image-reader.ts'
import { UnreadableImage } from '../../../src/runtime/models/model.ts'

/** The header of an image, and how many bytes were read for it. */
async function header(file: Buffer) {
  let read = 0
  const readRange: ReadRange = async (_uri, first, length) => {
    const bytes = file.subarray(first, first + length)
    read += bytes.length
    return { bytes, size: file.length, checksums: undefined }
  }
  const image = await ImageBytes.open('gs://bucket/x', readRange, new AbortController().signal)
  return { ...(await readHeader(image)), read }
}

const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#808080' } })

const segment = (marker: number, data: Buffer): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(data.length + 2, 2)
  return Buffer.concat([head, data])
}

/** The header of a JPEG of any size, without its pixels. */
const jpegHead = (width: number, height: number): Buffer => {
  const frame = Buffer.alloc(15)
  frame[0] = 8
  frame.writeUInt16BE(height, 1)
  frame.writeUInt16BE(width, 3)
  frame[5] = 3
  return segment(0xc0, frame)
}

const SOI = Buffer.from([0xff, 0xd8])

describe('the size of an image', () => {
  test.each([
    ['a panorama', 16_384, 8_192],
    ['a photo of 114 megapixels', 12_368, 9_216],
    ['the largest JPEG', 65_535, 65_535],
  ])('is read for %s', async (_what, width, height) => {
    expect(await header(Buffer.concat([SOI, jpegHead(width, height)]))).toMatchObject({ width, height, format: 'jpeg' })
  })

  test('is read with 64 KB of a large file', async () => {
    const file = Buffer.concat([await plain(400, 300).jpeg().toBuffer(), Buffer.alloc(8 * 1024 * 1024)])
    expect(await header(file)).toMatchObject({ width: 400, bytes: file.length, read: BLOCK_BYTES })
  })

  test('is found behind megabytes of other segments, and only their beginnings are read', async () => {
    const profile = segment(0xe2, Buffer.alloc(65_000, 0xff))
    const file = Buffer.concat([SOI, ...Array.from({ length: 40 }, () => profile), jpegHead(640, 480)])
    const { width, height, read } = await header(file)
    expect([width, height]).toEqual([640, 480])
    expect(read).toBeLessThanOrEqual(42 * BLOCK_BYTES)
  })

  test('is not looked for without an end', async () => {
    const profile = segment(0xe2, Buffer.alloc(65_533))
    const file = Buffer.concat([SOI, ...Array.from({ length: 80 }, () => profile), jpegHead(640, 480)])
    await expect(header(file)).rejects.toThrow('has a header in more than 64 places')
  })

  test.each([1, 3, 6, 8])('follows EXIF orientation %i in every format that has it', async (orientation) => {
    const turned = plain(30, 20).withMetadata({ orientation })
    const shown = orientation >= 5 ? { width: 20, height: 30 } : { width: 30, height: 20 }
    for (const file of [turned.clone().jpeg(), turned.clone().png(), turned.clone().webp()])
      expect(await header(await file.toBuffer())).toMatchObject(shown)
  })

  test('agrees with the decoder, whatever the format and its options', async () => {
    const one = plain(123, 77)
    const files = await Promise.all([
      one.clone().jpeg({ progressive: true }).toBuffer(),
      one.clone().png({ progressive: true }).toBuffer(),
      one.clone().png({ palette: true }).toBuffer(),
      one.clone().webp({ lossless: true }).toBuffer(),
      one.clone().ensureAlpha(0.5).webp().toBuffer(),
      one.clone().webp().toBuffer(),
    ])
    for (const file of files) expect(await header(file)).toMatchObject({ width: 123, height: 77 })
  })
})

describe('a damaged header', () => {
  const png = plain(10, 10).png().toBuffer()
  const broken = async (at: number): Promise<Buffer> => {
    const bytes = Buffer.from(await png)
    bytes[at]! ^= 1
    return bytes
  }
  test.each([
    ['a PNG whose width was changed', broken(19), 'is damaged: the checksum of its header is wrong'],
    [
      'a JPEG without a size',
      Buffer.concat([SOI, Buffer.from([0xff, 0xd9])]),
      'is damaged: its pixels begin before its size',
    ],
    ['a JPEG of no rows', Buffer.concat([SOI, jpegHead(10, 0)]), 'is damaged: its header claims 10 x 0 pixels'],
    [
      'a HEIC file without boxes',
      Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
      'is damaged: it has no box',
    ],
    [
      'a WebP of another kind',
      Buffer.from('RIFF\0\0\0\0WEBPJUNK\0\0\0\0'),
      'is damaged: it does not begin with its size',
    ],
  ])('is named: %s', async (_what, file, reason) => {
    await expect(header(await file)).rejects.toThrow(reason)
  })

  test('never does more than refuse the image, whatever the bytes', async () => {
    const files = await Promise.all([
      plain(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      plain(60, 40).withMetadata({ orientation: 6 }).png().toBuffer(),
      plain(60, 40).withMetadata({ orientation: 6 }).webp().toBuffer(),
      plain(60, 40)
        .avif()
        .toBuffer()
        .then((avif) => Buffer.from(avif.toString('latin1').replaceAll('avif', 'heic'), 'latin1')),
    ])
    let random = 20_261_130
    const next = (below: number): number => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((random / 2 ** 32) * below)
    }
    for (let round = 0; round < 2_000; round += 1) {
      const file = Buffer.from(files[round % files.length]!)
      for (let change = next(8); change >= 0; change -= 1) file[next(Math.min(file.length, 500))] = next(256)
      const cut = file.subarray(0, next(4) === 0 ? next(file.length) : file.length)
      const size = await header(cut).catch((error: unknown) => error)
      if (size instanceof Error) expect(size).toBeInstanceOf(UnreadableImage)
      else expect(size).toMatchObject({ width: expect.any(Number), height: expect.any(Number) })
    }
  })
})

test('an image with the HEVC codec has a size, cropped and rotated as its properties say', async () => {
  const avif = await plain(64, 48).avif().toBuffer()
  const heic = Buffer.from(avif.toString('latin1').replaceAll('avif', 'heic'), 'latin1')
  expect(detectFormat(heic)).toEqual({ format: 'heic' })
  expect(await header(heic)).toMatchObject({ width: 64, height: 48, format: 'heic' })
})
