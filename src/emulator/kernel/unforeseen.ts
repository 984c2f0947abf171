import { GoogleError } from './errors.ts'

/** SQLite's result codes (https://www.sqlite.org/rescode.html); extended codes have more in the upper bytes. */
const SQLITE_FULL = 13
const SQLITE_READONLY = 8
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * An error that no API has foreseen, as its caller is told: a fault of ours, or of the disk below
 * the data folder, which a person can mend once it is named.
 */
export function unforeseen(error: unknown): GoogleError {
  const text = error instanceof Error ? error.message : String(error)
  const trouble = diskTrouble(error, text)
  const message =
    trouble === undefined
      ? `the local cloud failed: ${String(error)}`
      : `the local cloud's data folder ${trouble}: ${text}. Nothing of this call was kept`
  return new GoogleError('INTERNAL', message, { cause: error })
}

/** What is wrong with the disk; undefined when nothing is known to be. */
function diskTrouble(error: unknown, text: string): string | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown }
  const sqlite = typeof errcode === 'number' ? errcode & 0xff : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT' || sqlite === SQLITE_FULL || /no space left on device/i.test(text)) {
    return 'is on a full disk; free some space and try again'
  }
  if (code === 'EFBIG') return 'may not hold files of this size'
  if (code === 'EROFS' || sqlite === SQLITE_READONLY || /read-only file system/i.test(text)) return 'cannot be written'
  if (sqlite === SQLITE_CORRUPT || sqlite === SQLITE_NOTADB) return 'is damaged'
  return undefined
}
