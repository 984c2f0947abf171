import type { ImageBytes } from './image-bytes.ts'
import { UnreadableImage } from './model.ts'

/** Markers of a JPEG file (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1). */
const FILL = 0xff
const TEM = 0x01
const SOS = 0xda
const EOI = 0xd9

export interface JpegSegment {
  marker: number
  /** Whether it begins a frame, and so has the size and the number of colors. */
  isFrame: boolean
  /** Whether it begins a scan: pixels follow. */
  isScan: boolean
  /** The bytes of its data. */
  length: number
  /** Reads a part of its data. */
  read(first: number, length: number): Promise<Buffer>
}

/** SOF0 to SOF15 without DHT, JPG and DAC. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Markers with no segment behind them: TEM, and RST0 to EOI's neighbor SOI. */
function isAlone(marker: number): boolean {
  return marker === TEM || (marker >= 0xd0 && marker <= 0xd8)
}

/**
 * Walks through a JPEG file's header: every segment up to the first scan, or to an end marker.
 *
 * @throws UnreadableImage when a segment is damaged, or the file ends before both
 */
export async function* jpegSegments(image: ImageBytes): AsyncGenerator<JpegSegment, undefined> {
  for (let at = 2; ;) {
    // Bytes between two segments that are no marker are odd, but every decoder passes over them.
    const byte = (await image.read(at, 1))[0]!
    const marker = byte === FILL ? (await image.read(at + 1, 1))[0]! : 0
    if (marker === 0 || marker === FILL) {
      at += 1
      continue
    }
    if (isAlone(marker)) {
      at += 2
      continue
    }
    if (marker === EOI) return
    const length = (await image.read(at + 2, 2)).readUInt16BE()
    if (length < 2) throw new UnreadableImage(image.uri, 'is damaged: a segment of its header has no length')
    const start = at + 4
    yield {
      marker,
      isFrame: isFrame(marker),
      isScan: marker === SOS,
      length: length - 2,
      read: (first, bytes) => image.read(start + first, bytes),
    }
    if (marker === SOS) return
    at += 2 + length
  }
}
