import sharp from 'sharp'
import { detectFormat } from './image-format.ts'
import type { ImageFormat } from './image-format.ts'
import { measurePixels } from './image-figures.ts'
import type { PixelFigures } from './image-figures.ts'
import { UnreadableImage } from './model.ts'

/** An image with more pixels is refused before decoding: a few kilobytes can expand to gigabytes. */
export const MAX_IMAGE_PIXELS = 100_000_000

/** The header of an image. Width and height are as displayed: EXIF orientation is applied. */
export interface ImageHeader {
  width: number
  height: number
  format: ImageFormat
  /** The size of the file. */
  bytes: number
}

/**
 * `warning` is sharp's strictest level: libvips then refuses truncated files and data that its decoders
 * report as corrupt (https://sharp.pixelplumbing.com/api-constructor#sharp).
 */
const READ = { failOn: 'warning', limitInputPixels: MAX_IMAGE_PIXELS, sequentialRead: true } as const

/** One thread per image and no cache: requests already run in parallel, and no image is read twice. */
export function configureSharp(): void {
  sharp.concurrency(1)
  sharp.cache(false)
}

/** The versions of the decoders, for the ledger. */
export function decoderVersion(): string {
  return `libvips-${sharp.versions.vips}`
}

/**
 * Reads an image's header, not its pixels.
 *
 * @throws UnreadableImage when it is not an image in an accepted format, or has too many pixels
 */
export async function readHeader(uri: string, bytes: Buffer): Promise<ImageHeader> {
  const detected = detectFormat(bytes)
  if ('refused' in detected) throw new UnreadableImage(uri, detected.refused)
  // The limit is checked here to give a better message than the decoder's.
  const { autoOrient } = await decoding(uri, detected.format, () =>
    sharp(bytes, { ...READ, limitInputPixels: false }).metadata(),
  )
  const { width, height } = autoOrient
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new UnreadableImage(
      uri,
      `claims ${width} x ${height} pixels; the limit is ${MAX_IMAGE_PIXELS / 1e6} megapixels`,
    )
  }
  return { width, height, format: detected.format, bytes: bytes.length }
}

/**
 * Decodes the whole image to 8-bit sRGB (embedded color profiles applied, transparency over white, first
 * frame of an animation) and measures it.
 *
 * @throws UnreadableImage when it is truncated or damaged
 */
export async function readFigures(uri: string, bytes: Buffer, format: ImageFormat): Promise<PixelFigures> {
  // All measurements are the same for all eight orientations, so EXIF orientation is not applied here.
  const { data, info } = await decoding(uri, format, () =>
    sharp(bytes, READ)
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  )
  return measurePixels(data, info.width, info.height)
}

async function decoding<T>(uri: string, format: ImageFormat, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode()
  } catch (error) {
    // libvips lists what it tried; the last line says why it failed.
    const said = error instanceof Error ? error.message.trimEnd().split('\n').at(-1) : String(error)
    throw new UnreadableImage(uri, `is a damaged or unsupported ${format} image: ${said}`, { cause: error })
  }
}
