import sharp from 'sharp'
import { detectFormat } from './image-format.ts'
import type { ImageFormat } from './image-format.ts'
import { measurePixels } from './image-figures.ts'
import type { PixelFigures } from './image-figures.ts'
import { UnreadableImage } from './model.ts'

/** An image of more pixels is refused before it is decoded: a few kilobytes can claim gigabytes. */
export const MAX_IMAGE_PIXELS = 100_000_000

/** What an image's header says. Width and height are as displayed: EXIF orientation is applied. */
export interface ImageHeader {
  width: number
  height: number
  format: ImageFormat
  /** The size of the file. */
  bytes: number
}

/**
 * `warning` is sharp's strictest level: libvips then refuses cut-off files and data that its
 * decoders call corrupt (https://sharp.pixelplumbing.com/api-constructor#sharp).
 */
const READ = { failOn: 'warning', limitInputPixels: MAX_IMAGE_PIXELS, sequentialRead: true } as const

/** One thread an image and no cache: requests are the parallelism here, and no image is read twice. */
export function configureSharp(): void {
  sharp.concurrency(1)
  sharp.cache(false)
}

/** The decoders behind all figures, for the ledger. */
export function decoderVersion(): string {
  return `libvips-${sharp.versions.vips}`
}

/**
 * Reads an image's header; the pixels are not looked at.
 *
 * @throws UnreadableImage when it is not an image of an accepted format, or claims too many pixels
 */
export async function readHeader(uri: string, bytes: Buffer): Promise<ImageHeader> {
  const detected = detectFormat(bytes)
  if ('refused' in detected) throw new UnreadableImage(uri, detected.refused)
  // The limit is checked here, for a better message than the decoder's.
  const { autoOrient } = await decoding(uri, detected.format, () =>
    sharp(bytes, { ...READ, limitInputPixels: false }).metadata(),
  )
  const { width, height } = autoOrient
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new UnreadableImage(
      uri,
      `claims ${width} x ${height} pixels: more than ${MAX_IMAGE_PIXELS / 1e6} megapixels are refused`,
    )
  }
  return { width, height, format: detected.format, bytes: bytes.length }
}

/**
 * Decodes the whole image to 8-bit sRGB (embedded colour profiles applied, transparency laid over
 * white, the first frame of an animation) and measures it.
 *
 * @throws UnreadableImage when it is cut off or damaged
 */
export async function readFigures(uri: string, bytes: Buffer, format: ImageFormat): Promise<PixelFigures> {
  // Every figure is the same for all eight orientations of an image, so EXIF orientation needs no work here.
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
    // libvips lists what it tried before; the last line is why it gave up.
    const said = error instanceof Error ? error.message.trimEnd().split('\n').at(-1) : String(error)
    throw new UnreadableImage(uri, `is a damaged or unsupported ${format} image: ${said}`, { cause: error })
  }
}
