import { crc32 } from 'node:zlib'
import type { ImageFormat } from '../../contracts/image-format.ts'
import { isTurned } from './exif-orientation.ts'
import { heifSize } from './heif-size.ts'
import type { ImageBytes } from './image-bytes.ts'
import { jpegSegments } from './jpeg-segments.ts'
import { UnreadableImage } from './model.ts'

/** Width and height in pixels, as displayed. */
export interface ImageSize {
  width: number
  height: number
}

/**
 * Reads an image's size from its header alone, of any number of pixels, and never a pixel.
 *
 * @throws UnreadableImage when the header is damaged, or the image ends inside it
 */
export async function imageSize(image: ImageBytes, format: ImageFormat): Promise<ImageSize> {
  const size = await SIZES[format](image)
  if (size.width === 0 || size.height === 0)
    throw damaged(image, `its header claims ${size.width} x ${size.height} pixels`)
  return size
}

const SIZES: Readonly<Record<ImageFormat, (image: ImageBytes) => Promise<ImageSize>>> = {
  jpeg: jpegSize,
  png: pngSize,
  webp: webpSize,
  heic: heifSize,
  heif: heifSize,
}

function damaged({ uri }: ImageBytes, why: string): UnreadableImage {
  return new UnreadableImage(uri, `is damaged: ${why}`)
}

function turned({ width, height }: ImageSize, isSideways: boolean): ImageSize {
  return isSideways ? { width: height, height: width } : { width, height }
}

/** Application data that can hold EXIF (CIPA DC-008, 4.5.4). */
const APP1 = 0xe1

async function jpegSize(image: ImageBytes): Promise<ImageSize> {
  let isSideways = false
  for await (const { marker, isFrame, length, read } of jpegSegments(image)) {
    if (isFrame) {
      const frame = await read(0, 5)
      return turned({ width: frame.readUInt16BE(3), height: frame.readUInt16BE(1) }, isSideways)
    }
    if (marker === APP1 && length > 6 && (await read(0, 6)).toString('latin1') === 'Exif\0\0')
      isSideways = isTurned(await read(6, length - 6))
  }
  throw damaged(image, 'its pixels begin before its size')
}

/** Where the first chunk of a PNG file begins, and the bytes of a chunk besides its data (https://www.w3.org/TR/png-3/#5Chunk-layout). */
const PNG_START = 8
const PNG_CHUNK_EXTRA = 12

async function pngSize(image: ImageBytes): Promise<ImageSize> {
  let size: ImageSize | undefined
  for (let at = PNG_START; ;) {
    const head = await image.read(at, 8)
    const length = head.readUInt32BE()
    const name = head.toString('latin1', 4)
    if (name === 'IHDR') {
      const chunk = await image.read(at + 4, 4 + 13 + 4)
      if (crc32(chunk.subarray(0, 17)) !== chunk.readUInt32BE(17))
        throw damaged(image, 'the checksum of its header is wrong')
      size = { width: chunk.readUInt32BE(4), height: chunk.readUInt32BE(8) }
    } else if (size === undefined) {
      // Apple's variant has one chunk before IHDR.
      if (name !== 'CgBI') throw damaged(image, 'it does not begin with its size')
    } else if (name === 'eXIf') {
      return turned(size, isTurned(await image.read(at + 8, Math.min(length, image.size - at - 8))))
    } else if (name === 'IDAT' || name === 'IEND') return size
    at += length + PNG_CHUNK_EXTRA
    // A file that is cut off behind its size still has one.
    if (size !== undefined && at + 8 > image.size) return size
  }
}

/** The flag of a VP8X chunk for EXIF data (https://developers.google.com/speed/webp/docs/riff_container#extended_file_format). */
const WEBP_EXIF = 0x08

async function webpSize(image: ImageBytes): Promise<ImageSize> {
  const name = (await image.read(12, 4)).toString('latin1')
  const at = 20
  switch (name) {
    case 'VP8 ': {
      // https://www.rfc-editor.org/rfc/rfc6386#section-9.1
      const frame = await image.read(at, 10)
      if (frame.readUIntBE(3, 3) !== 0x9d_01_2a) throw damaged(image, 'its first frame has no start code')
      return { width: frame.readUInt16LE(6) & 0x3f_ff, height: frame.readUInt16LE(8) & 0x3f_ff }
    }
    case 'VP8L': {
      // https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification#3_riff_header
      const bits = (await image.read(at + 1, 4)).readUInt32LE()
      return { width: (bits & 0x3f_ff) + 1, height: ((bits >>> 14) & 0x3f_ff) + 1 }
    }
    case 'VP8X': {
      const canvas = await image.read(at, 10)
      const size = { width: canvas.readUIntLE(4, 3) + 1, height: canvas.readUIntLE(7, 3) + 1 }
      return turned(size, (canvas[0]! & WEBP_EXIF) !== 0 && (await isWebpTurned(image, at + 10)))
    }
    default:
      throw damaged(image, 'it does not begin with its size')
  }
}

/** Looks for the EXIF chunk, which is near the end of the file. */
async function isWebpTurned(image: ImageBytes, start: number): Promise<boolean> {
  for (let at = start; at + 8 <= image.size;) {
    const head = await image.read(at, 8)
    const length = head.readUInt32LE(4)
    if (head.toString('latin1', 0, 4) === 'EXIF')
      return isTurned(await image.read(at + 8, Math.min(length, image.size - at - 8)))
    at += 8 + length + (length % 2)
  }
  return false
}
