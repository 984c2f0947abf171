/** The tag of the orientation, and its type SHORT (CIPA DC-008, 4.6.2 and 4.6.5). */
const ORIENTATION = 0x0112
const SHORT = 3

/** Bytes of an entry of a TIFF directory. */
const ENTRY_BYTES = 12

/**
 * Returns whether EXIF data says that an image is displayed rotated by 90 degrees, so that its width and height
 * change places. Data that is cut off or damaged says nothing.
 *
 * @param exif TIFF data, with or without the six bytes `Exif\0\0` before it
 */
export function isTurned(exif: Buffer): boolean {
  const tiff = exif.toString('latin1', 0, 4) === 'Exif' ? exif.subarray(6) : exif
  const order = tiff.toString('latin1', 0, 4)
  if (order !== 'II*\0' && order !== 'MM\0*') return false
  const isLittle = order.startsWith('I')
  const short = (at: number): number => {
    if (at + 2 > tiff.length) return 0
    return isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at)
  }
  if (tiff.length < 8) return false
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  for (let entry = 0; entry < short(directory); entry += 1) {
    const at = directory + 2 + entry * ENTRY_BYTES
    if (at + ENTRY_BYTES > tiff.length) return false
    if (short(at) === ORIENTATION && short(at + 2) === SHORT) return short(at + 8) >= 5 && short(at + 8) <= 8
  }
  return false
}
