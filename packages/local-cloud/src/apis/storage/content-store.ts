import { randomUUID } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs'
import { copyFile, link, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from '../../kernel/atomic-file.ts'
import { checksumBuilder, type Checksums } from './checksums.ts'

/** Bytes of a request body: as they arrive, or all of them in an array when they are few. */
export type Chunks = AsyncIterable<Uint8Array> | readonly Uint8Array[]

/** Bytes that were stored whole, under an id that nothing refers to yet. */
export interface StoredContent extends Checksums {
  contentId: string
}

/**
 * The bytes of objects, one file each, never changed once complete. A file is written under
 * `incoming/` and renamed into `content/`; only then does the metadata refer to it, so that
 * metadata never names bytes that are not there. What a killed process left is swept at the start.
 */
export interface ContentStore {
  /** Stores a whole body. Leaves nothing behind when the source fails. */
  store(chunks: Chunks): Promise<StoredContent>
  copy(contentId: string): Promise<string>
  /** Bytes `first` to `last`, both included. Synchronous, so that an overwrite cannot come in between: for small ranges. */
  readNow(contentId: string, first: number, last: number): Buffer
  /** The same as a stream; the file is opened at once and stays readable when it is deleted meanwhile. */
  readStream(contentId: string, first: number, last: number): Readable
  delete(contentIds: readonly string[]): void
  /** Appends to a resumable upload until the source ends or fails; what arrived is kept. */
  append(uploadId: string, position: number, chunks: Chunks): Promise<void>
  receivedBytes(uploadId: string): number
  /** Stores what a resumable upload received as content; `abandon` it once the metadata refers to that. */
  finish(uploadId: string): Promise<StoredContent>
  abandon(uploadId: string): void
  /** Deletes every file that is not among these. */
  sweep(contentIds: ReadonlySet<string>, uploadIds: ReadonlySet<string>): void
}

export function openContentStore(directory: string): ContentStore {
  const incoming = path.join(directory, 'incoming')
  const content = path.join(directory, 'content')
  mkdirSync(incoming, { recursive: true, mode: PRIVATE_FOLDER_MODE })
  for (let shard = 0; shard < 256; shard++) {
    const name = shard.toString(16).padStart(2, '0')
    mkdirSync(path.join(content, name), { recursive: true, mode: PRIVATE_FOLDER_MODE })
  }
  const contentFile = (contentId: string): string => path.join(content, contentId.slice(0, 2), contentId)
  const incomingFile = (uploadId: string): string => path.join(incoming, uploadId)

  return {
    async store(chunks) {
      const contentId = randomUUID()
      const temporary = incomingFile(contentId)
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
        await rename(temporary, contentFile(contentId))
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      return { contentId, ...checksums.finish() }
    },
    async copy(contentId) {
      const copyId = randomUUID()
      await copyFile(contentFile(contentId), incomingFile(copyId))
      await rename(incomingFile(copyId), contentFile(copyId))
      return copyId
    },
    readNow(contentId, first, last) {
      const bytes = Buffer.allocUnsafe(last - first + 1)
      const descriptor = openSync(contentFile(contentId), 'r')
      try {
        let filled = 0
        while (filled < bytes.length) {
          const read = readSync(descriptor, bytes, filled, bytes.length - filled, first + filled)
          if (read === 0) throw new Error(`${contentFile(contentId)} is shorter than its metadata says`)
          filled += read
        }
      } finally {
        closeSync(descriptor)
      }
      return bytes
    },
    readStream(contentId, first, last) {
      const file = contentFile(contentId)
      return createReadStream(file, {
        fd: openSync(file, 'r'),
        start: first,
        end: last,
        highWaterMark: 256 * 1024,
      })
    },
    delete(contentIds) {
      for (const contentId of contentIds) rmSync(contentFile(contentId), { force: true })
    },
    async append(uploadId, position, chunks) {
      const file = await open(incomingFile(uploadId), position === 0 ? 'w' : 'r+', PRIVATE_FILE_MODE)
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
    },
    receivedBytes: (uploadId) => statSync(incomingFile(uploadId), { throwIfNoEntry: false })?.size ?? 0,
    async finish(uploadId) {
      const checksums = checksumBuilder()
      const file = incomingFile(uploadId)
      for await (const chunk of createReadStream(file, {
        highWaterMark: 256 * 1024,
      }) as AsyncIterable<Buffer>) {
        checksums.add(chunk)
      }
      const contentId = randomUUID()
      // A second name for the same bytes: should the process die before the metadata refers to
      // the new one, the upload still has its own. `abandon` takes that away afterwards.
      await link(file, contentFile(contentId))
      return { contentId, ...checksums.finish() }
    },
    abandon: (uploadId) => rmSync(incomingFile(uploadId), { force: true }),
    sweep(contentIds, uploadIds) {
      for (const name of readdirSync(incoming)) if (!uploadIds.has(name)) rmSync(path.join(incoming, name))
      for (const shard of readdirSync(content)) {
        for (const name of readdirSync(path.join(content, shard))) {
          if (!contentIds.has(name)) rmSync(path.join(content, shard, name))
        }
      }
    },
  }
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
