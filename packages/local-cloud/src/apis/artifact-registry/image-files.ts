import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs'
import path from 'node:path'
import { createFolder } from '../../kernel/create-folder.ts'
import type { ImageConfig } from './resources.ts'

/**
 * The file systems of images, one folder per digest: `<directory>/<64 hex digits>`. Never changed
 * once complete, so that images with the same content share one.
 */
export class ImageFiles {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    createFolder(directory)
  }

  /** Makes the folder `root` the file system of an image. It is moved, unless there is an image with the same content. */
  add(root: string, config: ImageConfig): { digest: string; sizeBytes: number } {
    const { hash, sizeBytes } = contentHash(root, config)
    const directory = this.#path(hash)
    if (!existsSync(directory)) renameSync(root, directory)
    return { digest: `sha256:${hash}`, sizeBytes }
  }

  /** Copies an image's file system to a folder that a program can change. */
  copyTo(digest: string, target: string): void {
    mkdirSync(path.dirname(target), { recursive: true })
    // Links point to packages outside the image, and stay links.
    cpSync(this.#path(digest.slice('sha256:'.length)), target, { recursive: true, verbatimSymlinks: true })
  }

  /** Deletes files without an image. */
  sweep(digests: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#directory)) {
      if (!digests.has(`sha256:${name}`)) rmSync(path.join(this.#directory, name), { recursive: true, force: true })
    }
  }

  #path(hash: string): string {
    return path.join(this.#directory, hash)
  }
}

/** The same files and the same configuration have the same hash, independent of time and place. */
function contentHash(root: string, config: ImageConfig): { hash: string; sizeBytes: number } {
  const hash = createHash('sha256').update(JSON.stringify(config))
  let sizeBytes = 0
  for (const name of filesUnder(root, '')) {
    const file = path.join(root, name)
    const status = lstatSync(file)
    const content = status.isSymbolicLink() ? Buffer.from(readlinkSync(file)) : readFileSync(file)
    const kind = status.isSymbolicLink() ? 'link' : (status.mode & 0o111) === 0 ? 'file' : 'program'
    hash.update(`\n${kind} ${content.byteLength} ${name}\n`).update(content)
    sizeBytes += content.byteLength
  }
  return { hash: hash.digest('hex'), sizeBytes }
}

function filesUnder(root: string, folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true })
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name)
      return entry.isDirectory() ? filesUnder(root, name) : [name]
    })
}
