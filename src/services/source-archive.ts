import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * The runtime's folder as a .tar.gz whose bytes depend on the files alone: names in order, no
 * times, no owners. Source maps stay at home.
 */
export async function sourceArchive(folder: string): Promise<Buffer> {
  const { create } = await import('tar')
  const archive = create(
    { gzip: { level: 6 }, portable: true, mtime: new Date(0), cwd: folder, noDirRecurse: true },
    await archivedFiles(folder),
  )
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

/** SHA-256 of the names and bytes that the archive holds, hex: known in a few milliseconds, without packing. */
export async function runtimeHash(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of await archivedFiles(folder)) {
    const bytes = await readFile(path.join(folder, file))
    hash.update(`${file}\n${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

async function archivedFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted()
}
