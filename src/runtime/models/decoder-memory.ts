import type { ImageFormat } from '../../contracts/image-format.ts'
import type { ImageBytes } from './image-bytes.ts'
import { jpegSegments } from './jpeg-segments.ts'

/** Bytes per pixel of what a decoder returns: 8-bit RGB. */
const OUTPUT = 3

/** Bytes per pixel of a coefficient that a JPEG decoder keeps until the last scan, for each color. */
const COEFFICIENT = 2

/** Bytes per pixel of RGBA. */
const RGBA = 4

/**
 * Returns the bytes of memory that decoding an image takes per pixel: its output, and what its decoder must hold whole. A
 * decoder that works row by row holds next to nothing more, even of 16-bit, CMYK or transparent pixels.
 */
export async function decoderBytesPerPixel(image: ImageBytes, format: ImageFormat): Promise<number> {
  switch (format) {
    case 'jpeg':
      return OUTPUT + (await jpegCoefficients(image)) * COEFFICIENT
    case 'png':
      return OUTPUT + (await interlacedPngBytes(image))
    case 'webp':
      return OUTPUT + (await webpBytes(image))
    case 'heic':
    case 'heif':
      return OUTPUT + RGBA
  }
}

/** The colors of a file with several scans, whose coefficients are kept: progressive, or one color after the other. */
async function jpegCoefficients(image: ImageBytes): Promise<number> {
  let colors = 0
  let isProgressive = false
  for await (const { marker, isFrame, isScan, read } of jpegSegments(image)) {
    if (isFrame) {
      colors = (await read(5, 1))[0]!
      // SOF2, 6, 10 and 14 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1).
      isProgressive = marker % 4 === 2
    } else if (isScan) return isProgressive || (await read(0, 1))[0]! < colors ? colors : 0
  }
  return 0
}

/** The samples per pixel by PNG's color type: gray, RGB, palette, gray with alpha, RGBA (https://www.w3.org/TR/png-3/#11IHDR). */
const PNG_SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** An interlaced image is complete only with its last pass. */
async function interlacedPngBytes(image: ImageBytes): Promise<number> {
  const start = await image.read(0, Math.min(image.size, 64))
  const at = start.indexOf('IHDR', 0, 'latin1') + 4
  if (at < 4 || at + 13 > start.length || start[at + 12] === 0) return 0
  // A palette and transparency can turn any of them into RGBA.
  return Math.max(RGBA, ((PNG_SAMPLES[start[at + 9]!] ?? 4) * start[at + 8]!) / 8)
}

/** The flag of a VP8X chunk for an animation (https://developers.google.com/speed/webp/docs/riff_container#extended_file_format). */
const WEBP_ANIMATION = 0x02

/** A frame is decoded whole; one of an animation is then drawn on a canvas. */
async function webpBytes(image: ImageBytes): Promise<number> {
  const head = await image.read(12, Math.min(9, image.size - 12))
  const isAnimation = head.toString('latin1', 0, 4) === 'VP8X' && (head[8]! & WEBP_ANIMATION) !== 0
  return isAnimation ? 3 * RGBA : 2 * RGBA
}
