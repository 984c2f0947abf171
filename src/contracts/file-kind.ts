import type { Stats } from 'node:fs'

/** Returns the kind of a file with its article; undefined for a regular file. */
export function otherKind(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket'>): string | undefined {
  if (stats.isFile()) return undefined
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

/** Describes a failed file call in plain words, without the path: `permission denied (EACCES)`. */
export function errnoText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  // Node writes `EACCES: permission denied, open '/path'`.
  const [, words] = /^E[A-Z0-9]+: (.+?)(?:, \w+(?: '.*)?)?$/s.exec(message) ?? []
  return words === undefined || code === undefined ? message : `${words} (${code})`
}
