import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { writeFileAtomically } from './atomic-file.ts'

/** The folder belongs to a process that is alive. */
export class FolderLocked extends Error {
  override readonly name = 'FolderLocked'
  /** undefined when the owner has only just taken it and not yet said who it is. */
  readonly pid: number | undefined

  constructor(directory: string, pid: number | undefined) {
    super(`${directory} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}`)
    this.pid = pid
  }
}

/**
 * Takes a folder for this process alone, and returns how to give it back.
 *
 * SQLite's exclusive lock is one of the operating system: it ends with the process, however that
 * ends, so there is nothing stale to take over and no pid to mistake for another's. The pid is
 * written beside it only to be shown. Throws FolderLocked.
 */
export function lockFolder(directory: string): () => void {
  const ownerFile = path.join(directory, 'lock.json')
  const lockFile = path.join(directory, 'lock.sqlite')
  const database = new DatabaseSync(lockFile, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) throw new FolderLocked(directory, readOwner(ownerFile))
    // It holds nothing, so there is nothing to lose with it.
    throw new Error(`${lockFile}: ${(error as Error).message}; it may be deleted`, { cause: error })
  }
  writeFileAtomically(ownerFile, JSON.stringify({ pid: process.pid }))
  return () => database.close()
}

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

function readOwner(file: string): number | undefined {
  if (!existsSync(file)) return undefined
  try {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown }
    return typeof pid === 'number' ? pid : undefined
  } catch {
    // Only shown to people: a damaged file tells as little as none.
    return undefined
  }
}
