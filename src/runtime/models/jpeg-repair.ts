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
  const scan = sequentialScan(bytes)
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

/** Finds the first scan: where its pixels begin, and, in a sequential file, where its three parameters are. */
function sequentialScan(bytes: Buffer): { start: number; parameters: number | undefined } | undefined {
  let isSequential = false
  for (let at = 2; at + 4 <= bytes.length;) {
    const marker = bytes[at + 1]!
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      at += 1
      continue
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2
      continue
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    if (SEQUENTIAL.has(marker)) isSequential = true
    if (marker === SOS)
      return end > bytes.length ? undefined : { start: end, parameters: isSequential ? end - 3 : undefined }
    at = end
  }
  return undefined
}
