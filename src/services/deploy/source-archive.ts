import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

/** What an archive is made of: files, by their paths below a folder, in order. */
export interface SourceTree {
  folder: string
  files: readonly string[]
}

/**
 * What Cloud Build makes the image from: the Dockerfile and the bundled runtime, as they lie in an
 * installed imagery. Source maps stay at home.
 *
 * @param runtimeFolder the bundled runtime, `dist/runtime` of imagery's own folder
 */
export async function imageSource(runtimeFolder: string): Promise<SourceTree> {
  const folder = path.resolve(runtimeFolder, '..', '..')
  const { files } = await runtimeSource(runtimeFolder)
  const below = path.relative(folder, runtimeFolder)
  return { folder, files: ['Dockerfile', ...files.map((file) => path.join(below, file))] }
}

/** The bundled runtime alone. */
export async function runtimeSource(runtimeFolder: string): Promise<SourceTree> {
  const files = await filesBelow(runtimeFolder)
  return { folder: runtimeFolder, files: files.filter((file) => !file.endsWith('.map')) }
}

/** The regular files below a folder, in order. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted()
}

/** SHA-256 of the names and bytes that an archive of a tree holds, hex: known in a few milliseconds, without packing. */
export async function sourceHash({ folder, files }: SourceTree): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) {
    const bytes = await readFile(path.join(folder, file))
    hash.update(`${archivePath(file)}\n${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/**
 * A tree as a .tar.gz whose bytes depend on the names and bytes of its files alone: no times, no
 * owners, and only two kinds of permissions, whatever the umask of whoever installed imagery.
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
