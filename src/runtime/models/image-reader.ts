import { availableParallelism } from 'node:os'
import sharp from 'sharp'
import { Budget } from '../budget.ts'
import { detectFormat } from '../../contracts/image-format.ts'
import type { ImageFormat } from '../../contracts/image-format.ts'
import type { ImageBytes } from './image-bytes.ts'
import { decoderBytesPerPixel } from './decoder-memory.ts'
import { giveBack } from './give-back.ts'
import { measurePixels } from './image-figures.ts'
import type { PixelFigures } from './image-figures.ts'
import { imageSize } from './image-size.ts'
import { repairJpeg } from './jpeg-repair.ts'
import { UnreadableImage } from './model.ts'
import { countText } from '../../contracts/count-text.ts'

/** An image with more pixels is not decoded: a few kilobytes can expand to gigabytes. At three bytes each, 600 MB. */
const MAX_IMAGE_PIXELS = 200_000_000

/** The header of an image. Width and height are as displayed: EXIF orientation is applied. */
export interface ImageHeader {
  width: number
  height: number
  format: ImageFormat
  /** The size of the file. */
  bytes: number
}

/** What the pixels of an image are like, and what was odd about its file; empty if nothing was. */
export interface DecodedFigures extends PixelFigures {
  note: string
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
 * Reads an image's header, not its pixels, however many it has.
 *
 * @throws UnreadableImage when it is not an image in an accepted format, or has no valid header
 */
export async function readHeader(image: ImageBytes): Promise<ImageHeader> {
  const detected = detectFormat(image.head)
  if ('refused' in detected) throw new UnreadableImage(image.uri, detected.refused)
  const { width, height } = await imageSize(image, detected.format)
  return { width, height, format: detected.format, bytes: image.size }
}

/**
 * Returns the bytes of memory that reading and decoding an image takes, from its header.
 *
 * @param most the bytes that there are
 * @throws UnreadableImage when they are too few, or the image has more pixels than are decoded, or cannot be decoded here
 */
export async function decoderBytes(image: ImageBytes, header: ImageHeader, most: number): Promise<number> {
  const { width, height, format, bytes } = header
  if (format === 'heic' || format === 'heif') throw notDecoded(image.uri, format)
  const pixels = width * height
  if (pixels > MAX_IMAGE_PIXELS)
    throw new UnreadableImage(
      image.uri,
      `has ${width} x ${height} pixels; image-quality measures up to ${MAX_IMAGE_PIXELS / 1e6} megapixels. Make it smaller, or use the profile resolution, which has no limit`,
    )
  const needed = bytes + pixels * (await decoderBytesPerPixel(image, format))
  if (needed <= most) return needed
  throw new UnreadableImage(
    image.uri,
    `needs ${megabytes(needed)} MB of memory to decode, and image-quality has ${megabytes(most)} MB. Make it smaller, or save it without progressive scans or interlacing; the profile resolution has no limit`,
  )
}

function megabytes(bytes: number): string {
  return countText(Math.round(bytes / 1e6))
}

/**
 * Decodes the whole image to 8-bit sRGB (embedded color profiles applied, transparency over white, first
 * frame of an animation) and measures it. What a file has wrong without any loss of pixels becomes a note.
 *
 * @throws UnreadableImage when pixels are missing or damaged, or cannot be decoded here
 * @throws the signal's reason when it is aborted before the decode starts
 */
export async function readFigures(
  uri: string,
  bytes: Buffer,
  format: ImageFormat,
  signal: AbortSignal,
): Promise<DecodedFigures> {
  const usual = await DECODES.spend(1, signal, async () => {
    const pixels = await decode(bytes, 'warning').catch(() => undefined)
    return pixels && { ...measure(pixels), note: '' }
  })
  if (usual) return usual
  return DECODES.spend(DECODES.capacity, signal, async () => {
    const { pixels, odd } = await decodeOdd(uri, bytes, format)
    return { ...measure(pixels), note: odd.length > 0 ? noteOf(odd) : '' }
  })
}

/**
 * The decodes of this process. More than one per core at once only take each other's caches and memory: with eight on two
 * cores, an image cost about 8 % more processor time.
 *
 * libvips has one text for the errors of all threads, and each decode clears it
 * (https://github.com/libvips/libvips/blob/master/libvips/iofuncs/error.c), so the reason for a refusal is only right if
 * nothing else is decoded meanwhile. A file that is refused is therefore decoded again, alone.
 */
const DECODES = new Budget(availableParallelism())

/** 8-bit RGB, row by row. */
interface Pixels {
  data: Buffer
  info: { width: number; height: number }
}

/** Decodes a file that a strict decoder refuses, and says what is odd about it. */
async function decodeOdd(
  uri: string,
  bytes: Buffer,
  format: ImageFormat,
): Promise<{ pixels: Pixels; odd: readonly string[] }> {
  const repaired = format === 'jpeg' ? repairJpeg(bytes) : { bytes, odd: [] }
  let refused: unknown
  try {
    return { pixels: await decode(repaired.bytes, 'warning'), odd: repaired.odd }
  } catch (error) {
    refused = error
  }
  const reason = said(refused)
  if (isLoss(refused)) throw damage(uri, format, reason, refused)
  try {
    return { pixels: await decode(repaired.bytes, 'error'), odd: [...repaired.odd, inWords(reason)] }
  } catch (error) {
    throw damage(uri, format, said(error), error)
  }
}

async function decode(bytes: Buffer, failOn: 'warning' | 'error'): Promise<Pixels> {
  // All measurements are the same for all eight orientations, so EXIF orientation is not applied here.
  return sharp(bytes, { ...READ, failOn })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
}

/** Outside of what catches a decoder's errors: a fault of the measurement is no damage to an image. */
function measure({ data, info }: Pixels): PixelFigures {
  try {
    return measurePixels(data, info.width, info.height)
  } finally {
    giveBack(data)
  }
}

/** What libjpeg says when pixels are missing or wrong (jerror.h). It passes over everything else without loss. */
const LOSSES = [/premature end/i, /bad huffman code/i, /instead of rst/i, /bad arithmetic|arithmetic-coded/i]

function isLoss(refused: unknown): boolean {
  return LOSSES.some((pattern) => pattern.test(String(refused)))
}

/** libvips lists what it tried; the last line says why it failed. */
function said(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.trimEnd().split('\n').at(-1) ?? message
}

/** Without the decoder's own name. */
function inWords(reason: string): string {
  if (/extraneous bytes/i.test(reason)) return 'stray bytes after its pixels or between its parts'
  return reason.replace(/^(VipsJpeg|vipspng|pngload_buffer|webp\w*): /, '')
}

function noteOf(odd: readonly string[]): string {
  return `all pixels were read; odd about the file: ${odd.join(', ')}`
}

function damage(uri: string, format: ImageFormat, reason: string, cause: unknown): UnreadableImage {
  const what = /premature end|libpng read error|unable to parse|truncated|not enough/i.test(reason)
    ? `is a damaged ${format} image: it is cut off, or part of it is corrupt`
    : `is a damaged ${format} image`
  return new UnreadableImage(uri, `${what} (${inWords(reason)}). Copy it again from where it came from`, { cause })
}

/** The standard build of sharp has no HEVC decoder (https://sharp.pixelplumbing.com/install#custom-libvips). */
function notDecoded(uri: string, format: ImageFormat): UnreadableImage {
  return new UnreadableImage(
    uri,
    `is a ${format} image, and imagery has no decoder for its pixels. Convert it to JPEG (heif-convert a.heic a.jpg); the profile resolution reads its size as it is`,
  )
}
