import { readdir } from 'node:fs/promises'
import path from 'node:path'

/**
 * The runtime's folder as a .tar.gz whose bytes depend on the files alone: names in order, no
 * times, no owners. Source maps stay at home.
 */
export async function sourceArchive(folder: string): Promise<Buffer> {
  const { create } = await import('tar')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted()
  const archive = create(
    { gzip: { level: 6 }, portable: true, mtime: new Date(0), cwd: folder, noDirRecurse: true },
    files,
  )
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}
