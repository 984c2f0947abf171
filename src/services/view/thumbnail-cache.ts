import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeFolder } from '../local/make-folder.ts'

/** A thumbnail has about 15 KB, so this is room for some 35,000. */
const MOST_BYTES = 512 * 1024 ** 2

/** Thumbnails written between two looks at the folder's size. */
const TIDY_EVERY = 2_000

/** Thumbnails on the disk, which only the user may read. Those that were used longest ago make room for new ones. */
export class ThumbnailCache {
  readonly #folder: string
  readonly #runId: string
  readonly #mostBytes: number
  #written = 0

  constructor(folder: string, runId: string, mostBytes = MOST_BYTES) {
    this.#folder = folder
    this.#runId = runId
    this.#mostBytes = mostBytes
  }

  /** Returns the thumbnail of an object, or undefined. */
  async find(uri: string): Promise<Buffer | undefined> {
    const file = this.#file(uri)
    const bytes = await readFile(file).catch(() => undefined)
    // An unfinished file has no name, so that one with a name is whole.
    if (bytes) await utimes(file, new Date(), new Date()).catch(() => undefined)
    return bytes
  }

  /** Keeps a thumbnail. A full disk only means that it is made again. */
  async store(uri: string, bytes: Buffer): Promise<void> {
    const file = this.#file(uri)
    const part = `${file}.${randomUUID()}.part`
    try {
      makeFolder(this.#folder)
      await writeFile(part, bytes, { mode: 0o600 })
      await rename(part, file)
    } catch {
      await rm(part, { force: true }).catch(() => undefined)
      return
    }
    this.#written += 1
    if (this.#written % TIDY_EVERY === 0) await this.tidy()
  }

  /** Removes thumbnails until the folder is small enough. */
  async tidy(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => [])
    const files: { file: string; bytes: number; usedMs: number }[] = []
    for (const name of names) {
      const file = path.join(this.#folder, name)
      const status = await stat(file).catch(() => undefined)
      if (status) files.push({ file, bytes: status.size, usedMs: status.mtimeMs })
    }
    let bytes = 0
    for (const file of files.toSorted((a, b) => b.usedMs - a.usedMs)) {
      bytes += file.bytes
      if (bytes > this.#mostBytes) await rm(file.file, { force: true }).catch(() => undefined)
    }
  }

  /** The object of another run can have the same name and another content. */
  #file(uri: string): string {
    const name = createHash('sha256').update(uri).digest('hex')
    return path.join(this.#folder, `${this.#runId}-${name}.jpg`)
  }
}
