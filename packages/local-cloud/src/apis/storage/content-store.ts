import { randomUUID } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { copyFile, link, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from '../../kernel/atomic-file.ts'
import { checksumBuilder, crc32cBuilder, type Checksums } from './checksums.ts'
import { blocksOf, copyOpenFile } from './local-files.ts'

/** Bytes of a request body: as they arrive, or, for a small body, all in one array. */
export type Chunks = AsyncIterable<Uint8Array> | readonly Uint8Array[]

/** Completely stored bytes, under an ID that nothing refers to yet. */
export interface StoredContent extends Checksums {
  contentId: string
  /** The file of this machine that it is a copy of (`sourceOf`). */
  source?: string | undefined
}

/**
 * The bytes of objects, one file each, never changed once complete. A file is written under
 * `incoming/` and renamed into `content/`; only then does the metadata refer to it, so that
 * metadata never names missing bytes. The start deletes the leftovers of a killed process.
 */
export class ContentStore {
  readonly #incoming: string
  readonly #content: string
  /** Folders of content that exist. They are made when needed: to make and delete all 256 takes 0.1 s of processor time. */
  readonly #shards: Set<string>

  /** Creates missing folders. */
  constructor(directory: string) {
    this.#incoming = path.join(directory, 'incoming')
    this.#content = path.join(directory, 'content')
    mkdirSync(this.#incoming, { recursive: true, mode: PRIVATE_FOLDER_MODE })
    mkdirSync(this.#content, { recursive: true, mode: PRIVATE_FOLDER_MODE })
    this.#shards = new Set(readdirSync(this.#content))
  }

  #contentFile(contentId: string): string {
    return path.join(this.#content, shardOf(contentId), contentId)
  }

  /** The file of new content, in a folder that exists. */
  #newContentFile(contentId: string): string {
    const shard = shardOf(contentId)
    if (!this.#shards.has(shard)) {
      mkdirSync(path.join(this.#content, shard), { recursive: true, mode: PRIVATE_FOLDER_MODE })
      this.#shards.add(shard)
    }
    return this.#contentFile(contentId)
  }

  #incomingFile(uploadId: string): string {
    return path.join(this.#incoming, uploadId)
  }

  /** Stores a whole body. Leaves nothing behind when the source fails. */
  async store(chunks: Chunks): Promise<StoredContent> {
    const contentId = randomUUID()
    const temporary = this.#incomingFile(contentId)
    const checksums = checksumBuilder()
    try {
      const file = await open(temporary, 'wx', PRIVATE_FILE_MODE)
      try {
        for await (const chunk of chunks) {
          checksums.add(chunk)
          await writeAll(file, chunk)
        }
      } finally {
        await file.close()
      }
      await rename(temporary, this.#newContentFile(contentId))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    return { contentId, ...checksums.finish() }
  }

  /** Stores a copy of an open file, without an MD5. The CRC32C is that of the copy. */
  async storeFile(descriptor: number): Promise<StoredContent> {
    const contentId = randomUUID()
    const temporary = this.#incomingFile(contentId)
    const checksums = crc32cBuilder()
    try {
      await copyOpenFile(descriptor, temporary)
      const copy = await open(temporary, 'r')
      try {
        for await (const block of blocksOf(copy.fd)) checksums.add(block)
      } finally {
        await copy.close()
      }
      await rename(temporary, this.#newContentFile(contentId))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    return { contentId, ...checksums.finish() }
  }

  /** Gives content a second ID without a copy, as it never changes; undefined if it is gone, or the disk cannot do this. */
  share(contentId: string): string | undefined {
    const sharedId = randomUUID()
    try {
      linkSync(this.#contentFile(contentId), this.#newContentFile(sharedId))
      return sharedId
    } catch {
      return undefined
    }
  }

  async copy(contentId: string): Promise<string> {
    const copyId = randomUUID()
    await copyFile(this.#contentFile(contentId), this.#incomingFile(copyId))
    await rename(this.#incomingFile(copyId), this.#newContentFile(copyId))
    return copyId
  }

  /** Bytes `first` to `last`, both included. Synchronous, so that no overwrite can happen in between: for small ranges. */
  readNow(contentId: string, first: number, last: number): Buffer {
    const bytes = Buffer.allocUnsafe(last - first + 1)
    const descriptor = openSync(this.#contentFile(contentId), 'r')
    try {
      let filled = 0
      while (filled < bytes.length) {
        const read = readSync(descriptor, bytes, filled, bytes.length - filled, first + filled)
        if (read === 0) throw new Error(`${this.#contentFile(contentId)} is shorter than the size in its metadata`)
        filled += read
      }
    } finally {
      closeSync(descriptor)
    }
    return bytes
  }

  /** The full path of content. Throws if its file is not there. */
  existingFile(contentId: string): string {
    const file = path.resolve(this.#contentFile(contentId))
    statSync(file)
    return file
  }

  /** Opens content immediately, so that it stays readable if it is deleted meanwhile. The caller closes it. */
  open(contentId: string): number {
    return openSync(this.#contentFile(contentId), 'r')
  }

  /** Bytes `first` to `last`, both included, as a stream, of content that is opened as by `open`. */
  readStream(contentId: string, first: number, last: number): Readable {
    return createReadStream(this.#contentFile(contentId), {
      fd: this.open(contentId),
      start: first,
      end: last,
      highWaterMark: 256 * 1024,
    })
  }

  delete(contentIds: readonly string[]): void {
    for (const contentId of contentIds) rmSync(this.#contentFile(contentId), { force: true })
  }

  /** Appends to a resumable upload until the source ends or fails; the bytes that arrived are kept. */
  async append(uploadId: string, position: number, chunks: Chunks): Promise<void> {
    const file = await open(this.#incomingFile(uploadId), position === 0 ? 'w' : 'r+', PRIVATE_FILE_MODE)
    try {
      await file.truncate(position)
      let at = position
      for await (const chunk of chunks) {
        await writeAll(file, chunk, at)
        at += chunk.byteLength
      }
    } finally {
      await file.close()
    }
  }

  receivedBytes(uploadId: string): number {
    return statSync(this.#incomingFile(uploadId), { throwIfNoEntry: false })?.size ?? 0
  }

  /** Stores the bytes of a resumable upload as content; call `abandon` when the metadata refers to it. */
  async finish(uploadId: string): Promise<StoredContent> {
    const checksums = checksumBuilder()
    const file = this.#incomingFile(uploadId)
    for await (const chunk of createReadStream(file, {
      highWaterMark: 256 * 1024,
    }) as AsyncIterable<Buffer>) {
      checksums.add(chunk)
    }
    const contentId = randomUUID()
    // A second name for the same bytes: if the process dies before the metadata refers to the new
    // name, the upload still has its own. `abandon` removes that one afterwards.
    await link(file, this.#newContentFile(contentId))
    return { contentId, ...checksums.finish() }
  }

  abandon(uploadId: string): void {
    rmSync(this.#incomingFile(uploadId), { force: true })
  }

  /** Deletes every other file. */
  sweep(contentIds: ReadonlySet<string>, uploadIds: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#incoming)) {
      if (!uploadIds.has(name)) rmSync(path.join(this.#incoming, name))
    }
    for (const shard of readdirSync(this.#content)) {
      for (const name of readdirSync(path.join(this.#content, shard))) {
        if (!contentIds.has(name)) rmSync(path.join(this.#content, shard, name))
      }
    }
  }
}

function shardOf(contentId: string): string {
  return contentId.slice(0, 2)
}

async function writeAll(
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  let written = 0
  while (written < bytes.byteLength) {
    const at = position === null ? null : position + written
    written += (await file.write(bytes, written, bytes.byteLength - written, at)).bytesWritten
  }
}
