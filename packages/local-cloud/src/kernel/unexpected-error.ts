import { diskProblem } from './disk-problem.ts'
import { GoogleError } from './errors.ts'

/** SQLite's result codes (https://www.sqlite.org/rescode.html); extended codes use the upper bytes too. */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * Converts an unexpected error to the response for the caller: either a bug, or a problem of the data
 * folder's disk, which a person can fix if the message names it.
 */
export function unexpectedError(error: unknown): GoogleError {
  const text = error instanceof Error ? error.message : String(error)
  const message = messageOf(error, text) ?? `unexpected error in the local cloud: ${String(error)}`
  return new GoogleError('INTERNAL', message, { cause: error })
}

/** Returns what is wrong with the data folder; undefined when no problem is known. */
function messageOf(error: unknown, text: string): string | undefined {
  const folder = "the local cloud's data folder"
  const problem = diskProblem(error)
  if (problem)
    return `${folder} cannot be used: ${problem.what}: ${text}. Nothing from this call was stored. ${problem.remedy}`
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  const sqlite = typeof errcode === 'number' ? errcode & 0xff : undefined
  if (sqlite !== SQLITE_CORRUPT && sqlite !== SQLITE_NOTADB) return undefined
  return `${folder} is damaged: ${text}. Nothing from this call was stored`
}
