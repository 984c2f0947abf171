import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** The files of an archive: sorted paths below a folder. */
export interface SourceTree {
  folder: string
  files: readonly string[]
}

/**
 * Returns the files that Cloud Build builds the image from: the Dockerfile and the bundled runtime of
 * an installed imagery, without source maps.
 *
 * @param runtimeFolder the bundled runtime, `dist/runtime` of imagery's own folder
 */
export async function imageSource(runtimeFolder: string): Promise<SourceTree> {
  const folder = path.resolve(runtimeFolder, '..', '..')
  const { files } = await runtimeSource(runtimeFolder)
  const below = path.relative(folder, runtimeFolder)
  return { folder, files: ['Dockerfile', ...files.map((file) => path.join(below, file))] }
}

/** Returns the files of the bundled runtime. */
export async function runtimeSource(runtimeFolder: string): Promise<SourceTree> {
  const files = await filesBelow(runtimeFolder)
  return { folder: runtimeFolder, files: files.filter((file) => !file.endsWith('.map')) }
}

/** Returns the regular files below a folder, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted()
}

/** Returns the SHA-256, in hex, of the names and bytes in an archive of a tree, in a few milliseconds and without packing it. */
export async function sourceHash({ folder, files }: SourceTree): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) {
    const bytes = await readFile(path.join(folder, file))
    hash.update(`${archivePath(file)}\n${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/**
 * Packs a tree as a .tar.gz whose bytes depend only on the names and bytes of its files: no times, no
 * owners, and only two kinds of permissions, regardless of the umask during installation.
 */
export async function packedSource({ folder, files }: SourceTree): Promise<Buffer> {
  const { create } = await import('tar')
  const archive = create(
    {
      gzip: { level: 6 },
      portable: true,
      mtime: new Date(0),
      cwd: folder,
      noDirRecurse: true,
      filter(_, entry) {
        if ('mode' in entry) entry.mode = (entry.mode & ~0o777) | (entry.mode & 0o100 ? 0o755 : 0o644)
        return true
      },
    },
    [...files],
  )
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

function archivePath(file: string): string {
  return file.replaceAll(path.sep, '/')
}

export async function isFolder(candidate: string): Promise<boolean> {
  return stat(candidate).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
