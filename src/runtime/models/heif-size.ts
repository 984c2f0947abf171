import type { ImageBytes } from './image-bytes.ts'
import { UnreadableImage } from './model.ts'

/** A box of the ISO base media file format (ISO/IEC 14496-12, 4.2): its name, and its content. */
interface Box {
  name: string
  data: Buffer
}

/** The box with an image's properties has some kilobytes, even for a photo of many tiles. */
const MAX_META_BYTES = 1024 * 1024

/**
 * Reads the size of a HEIC or HEIF file's primary image as displayed: cropped and rotated as its properties say
 * (ISO/IEC 23008-12, 6.5). Needs no HEVC decoder.
 *
 * @throws UnreadableImage when the boxes are damaged
 */
export async function heifSize(image: ImageBytes): Promise<{ width: number; height: number }> {
  const meta = boxList(await metaBox(image), 4)
  const primary = primaryItem(dataOf(meta, 'pitm'))
  const parts = boxList(dataOf(meta, 'iprp') ?? Buffer.alloc(0), 0)
  const properties = boxList(dataOf(parts, 'ipco') ?? Buffer.alloc(0), 0)
  // One box for each kind of numbers (ISO/IEC 23008-12, 9.3.1).
  const associations = parts.filter(({ name }) => name === 'ipma')
  const wanted = primary === undefined ? [] : associations.flatMap(({ data }) => associated(data, primary))
  let size: { width: number; height: number } | undefined
  for (const { name, data } of wanted.flatMap((index) => properties[index - 1] ?? [])) {
    if (name === 'ispe' && data.length >= 12) size = { width: data.readUInt32BE(4), height: data.readUInt32BE(8) }
    else if (size && name === 'clap') size = cropped(data) ?? size
    else if (size && name === 'irot' && (data[0] ?? 0) % 2 === 1) size = { width: size.height, height: size.width }
  }
  if (!size) throw new UnreadableImage(image.uri, 'is damaged: its header does not say how large it is')
  return size
}

async function metaBox(image: ImageBytes): Promise<Buffer> {
  for (let at = 0; at + 8 <= image.size;) {
    const head = await image.read(at, 8)
    const short = head.readUInt32BE()
    const start = short === 1 ? 16 : 8
    const length =
      short === 1 ? Number((await image.read(at + 8, 8)).readBigUInt64BE()) : short === 0 ? image.size - at : short
    if (length < start) break
    if (head.toString('latin1', 4) === 'meta' && length <= MAX_META_BYTES) return image.read(at + start, length - start)
    at += length
  }
  throw new UnreadableImage(image.uri, 'is damaged: it has no box with its properties')
}

function boxList(bytes: Buffer, start: number): Box[] {
  const list: Box[] = []
  for (let at = start; at + 8 <= bytes.length;) {
    const short = bytes.readUInt32BE(at)
    const head = short === 1 ? 16 : 8
    if (at + head > bytes.length) break
    // As `metaBox`: 1 is a 64-bit length behind the name, 0 reaches to the end.
    const length = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short
    if (length < head) break
    list.push({ name: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + head, at + length) })
    at += length
  }
  return list
}

function dataOf(list: readonly Box[], name: string): Buffer | undefined {
  return list.find((box) => box.name === name)?.data
}

/** Item IDs have two bytes in version 0 of a box, four in later ones. */
function primaryItem(box: Buffer | undefined): number | undefined {
  if (!box) return undefined
  const isShort = box[0] === 0
  if (box.length < (isShort ? 6 : 8)) return undefined
  return isShort ? box.readUInt16BE(4) : box.readUInt32BE(4)
}

/** Returns the properties of an item as positions from 1, in their order. */
function associated(box: Buffer, item: number): number[] {
  if (box.length < 8) return []
  const idBytes = box[0] === 0 ? 2 : 4
  const indexBytes = (box[3]! & 1) === 1 ? 2 : 1
  let at = 8
  for (let entry = box.readUInt32BE(4); entry > 0 && at + idBytes + 1 <= box.length; entry -= 1) {
    const id = box.readUIntBE(at, idBytes)
    const count = box[at + idBytes]!
    at += idBytes + 1
    if (at + count * indexBytes > box.length) return []
    if (id === item) {
      // The highest bit says that a reader must understand the property.
      const isEssential = indexBytes === 2 ? 0x80_00 : 0x80
      return Array.from(
        { length: count },
        (_, index) => box.readUIntBE(at + index * indexBytes, indexBytes) % isEssential,
      )
    }
    at += count * indexBytes
  }
  return []
}

/** The size of a crop: two fractions (ISO/IEC 14496-12, 12.1.4). */
function cropped(box: Buffer): { width: number; height: number } | undefined {
  if (box.length < 16) return undefined
  const width = Math.round(box.readUInt32BE(0) / box.readUInt32BE(4))
  const height = Math.round(box.readUInt32BE(8) / box.readUInt32BE(12))
  return width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height) ? { width, height } : undefined
}
