/** Something about a file that decoders pass over without loss, in words for its row. */
export type Oddity = string

export interface RepairedJpeg {
  bytes: Buffer
  /** What was repaired; empty if there was nothing to repair. */
  odd: Oddity[]
}

const SOS = 0xda
const END = Buffer.from([0xff, 0xd9])

/** The frames that decode in one pass: baseline and extended sequential, Huffman coded. */
const SEQUENTIAL = new Set([0xc0, 0xc1])

/**
 * Repairs what cameras, phones and crawlers often get wrong in a JPEG file without any loss of pixels: a missing end
 * marker, and a scan header with other values than the only valid ones. A file whose pixels are cut off or damaged stays
 * so, which a strict decoder then reports.
 */
export function repairJpeg(bytes: Buffer): RepairedJpeg {
  const strays = strayBytes(bytes)
  if (strays.length > 0) {
    // A strict decoder stops at the first oddity, so the pixels are only checked without them.
    const { bytes: rest, odd } = repairJpeg(without(bytes, strays))
    return { bytes: rest, odd: ['stray bytes between its parts', ...odd] }
  }
  const scan = firstScan(bytes)
  if (scan === undefined) return { bytes, odd: [] }
  const odd: Oddity[] = []
  // In coded pixels, 0xff is followed by 0x00 or a restart marker, so this can only be the end.
  const hasEnd = bytes.includes(END, scan.start)
  let repaired = bytes
  if (!hasEnd) {
    odd.push('no end marker')
    repaired = Buffer.concat([bytes, END])
  }
  if (scan.parameters !== undefined) {
    // Ss, Se, Ah and Al of a sequential scan are 0, 63, 0 and 0 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.3).
    const valid = Buffer.from([0, 63, 0])
    if (!bytes.subarray(scan.parameters, scan.parameters + 3).equals(valid)) {
      odd.push('odd scan header')
      if (repaired === bytes) repaired = Buffer.from(bytes)
      valid.copy(repaired, scan.parameters)
    }
  }
  return { bytes: repaired, odd }
}

/** A piece of the part before the first scan's pixels: a segment, or one byte that belongs to none. */
interface Piece {
  at: number
  end: number
  /** Undefined for a stray byte. */
  marker: number | undefined
}

function* piecesBeforePixels(bytes: Buffer): Generator<Piece> {
  for (let at = 2; at + 4 <= bytes.length;) {
    const marker = bytes[at + 1]!
    const isMarker = bytes[at] === 0xff && marker !== 0xff && marker !== 0
    const isBare = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)
    const end = isMarker ? at + 2 + (isBare ? 0 : bytes.readUInt16BE(at + 2)) : at + 1
    // Any number of 0xff may stand before a marker (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1.2).
    if (isMarker || bytes[at] !== 0xff || marker === 0) yield { at, end, marker: isMarker ? marker : undefined }
    if (isMarker && marker === SOS) return
    at = end
  }
}

/** Finds the first scan: where its pixels begin, and, in a sequential file, where its three parameters are. */
function firstScan(bytes: Buffer): { start: number; parameters: number | undefined } | undefined {
  let isSequential = false
  for (const { end, marker } of piecesBeforePixels(bytes)) {
    if (marker !== undefined && SEQUENTIAL.has(marker)) isSequential = true
    if (marker === SOS)
      return end > bytes.length ? undefined : { start: end, parameters: isSequential ? end - 3 : undefined }
  }
  return undefined
}

/** Finds the bytes between segments that belong to none. Without pixels there are none: the file is something else. */
function strayBytes(bytes: Buffer): Piece[] {
  const strays: Piece[] = []
  for (const piece of piecesBeforePixels(bytes)) {
    if (piece.marker === SOS) return strays
    if (piece.marker === undefined) strays.push(piece)
  }
  return []
}

function without(bytes: Buffer, strays: readonly Piece[]): Buffer {
  const kept: Buffer[] = []
  let from = 0
  for (const { at, end } of strays) {
    kept.push(bytes.subarray(from, at))
    from = end
  }
  return Buffer.concat([...kept, bytes.subarray(from)])
}
