import { diskTrouble } from './disk-trouble.ts'
import { GoogleError } from './errors.ts'

/** SQLite's result codes (https://www.sqlite.org/rescode.html); extended codes have more in the upper bytes. */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * An error that no API has foreseen, as its caller is told: a fault of ours, or of the disk below
 * the data folder, which a person can mend once it is named.
 */
export function unexpectedError(error: unknown): GoogleError {
  const text = error instanceof Error ? error.message : String(error)
  const message = messageOf(error, text) ?? `the local cloud failed: ${String(error)}`
  return new GoogleError('INTERNAL', message, { cause: error })
}

/** What is wrong with the data folder; undefined when nothing is known to be. */
function messageOf(error: unknown, text: string): string | undefined {
  const folder = "the local cloud's data folder"
  const trouble = diskTrouble(error)
  if (trouble)
    return `${folder} cannot be used: ${trouble.what}: ${text}. Nothing of this call was kept. ${trouble.remedy}`
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  const sqlite = typeof errcode === 'number' ? errcode & 0xff : undefined
  if (sqlite !== SQLITE_CORRUPT && sqlite !== SQLITE_NOTADB) return undefined
  return `${folder} is damaged: ${text}. Nothing of this call was kept`
}
