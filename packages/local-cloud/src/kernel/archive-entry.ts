/** A source archive that cannot be used; the message says why. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

/** A file or a folder in an archive. */
export interface ArchiveEntry {
  kind: 'file' | 'directory'
  path: string
  executable: boolean
  content: Buffer
}
