import { UnreadableImage } from './model.ts'

/** Bytes of an image, with what Cloud Storage says about the whole object. */
export interface ImageRange {
  bytes: Buffer
  /** The size of the whole image. */
  size: number
  /** The checksums of the whole image, as Cloud Storage states them; undefined if it states none. */
  checksums: string | undefined
}

/** Reads `length` bytes from `first` on, or fewer at the image's end. An empty image has none. */
export type ReadRange = (uri: string, first: number, length: number, signal: AbortSignal) => Promise<ImageRange>

/** A header fits in the first block of most photos; EXIF thumbnails and color profiles can push its end further. */
export const BLOCK_BYTES = 64 * 1024

/** A header in more places is not worth reading: a hostile file could make it a million requests. */
const MAX_BLOCKS = 64

/** An image that is read in blocks, and only where it is asked for. */
export class ImageBytes {
  readonly uri: string
  readonly size: number
  /** Text that changes when the image changes. */
  readonly identity: string
  readonly #blocks: Map<number, Buffer>
  readonly #readBlock: (first: number) => Promise<Buffer>

  private constructor(uri: string, start: ImageRange, readBlock: (first: number) => Promise<Buffer>) {
    this.uri = uri
    this.size = start.size
    this.identity = start.checksums ?? `${start.size} ${start.bytes.toString('base64')}`
    this.#blocks = new Map([[0, start.bytes]])
    this.#readBlock = readBlock
  }

  /** Opens an image by its first block. */
  static async open(uri: string, readRange: ReadRange, signal: AbortSignal): Promise<ImageBytes> {
    const start = await readRange(uri, 0, BLOCK_BYTES, signal)
    return new ImageBytes(uri, start, async (first) => (await readRange(uri, first, BLOCK_BYTES, signal)).bytes)
  }

  /** Wraps an image that is in memory. */
  static of(uri: string, bytes: Buffer): ImageBytes {
    const block = (first: number): Buffer => bytes.subarray(first, first + BLOCK_BYTES)
    return new ImageBytes(uri, { bytes: block(0), size: bytes.length, checksums: '' }, async (first) => block(first))
  }

  /** The first block. */
  get head(): Buffer {
    return this.#blocks.get(0) ?? Buffer.alloc(0)
  }

  /** All bytes, if the first block has them. */
  get whole(): Buffer | undefined {
    return this.size <= this.head.length ? this.head : undefined
  }

  /**
   * Returns `length` bytes from `first` on.
   *
   * @throws UnreadableImage when the image ends before, or its header is in too many places
   */
  async read(first: number, length: number): Promise<Buffer> {
    if (first + length > this.size) throw new UnreadableImage(this.uri, 'is cut off: it ends inside its header')
    const parts: Buffer[] = []
    for (let at = first; at < first + length;) {
      const block = await this.#block(at - (at % BLOCK_BYTES))
      const part = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + first + length - at)
      if (part.length === 0) throw new UnreadableImage(this.uri, 'became shorter while it was read')
      parts.push(part)
      at += part.length
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  async #block(first: number): Promise<Buffer> {
    const known = this.#blocks.get(first)
    if (known) return known
    if (this.#blocks.size >= MAX_BLOCKS)
      throw new UnreadableImage(this.uri, `has a header in more than ${MAX_BLOCKS} places, which is not read`)
    const block = await this.#readBlock(first)
    this.#blocks.set(first, block)
    return block
  }
}
