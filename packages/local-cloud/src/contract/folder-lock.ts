import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as z from 'zod'

/** Files that processes use to lock a local cloud's data folder. They contain nothing else. */
export const LOCK_FILES = ['lock.sqlite', 'lock.sqlite-journal', 'lock.json'] as const

const LOCK_FILE = LOCK_FILES[0]
const OWNER_FILE = LOCK_FILES[2]

/** What the folder's owner does with it. */
export const FOLDER_PHASES = ['starting', 'running', 'stopping', 'deleting'] as const

export type FolderPhase = (typeof FOLDER_PHASES)[number]

const ownerSchema = z.object({
  pid: z.int(),
  phase: z.enum(FOLDER_PHASES).default('running'),
  /** What a stopping cloud still waits for. */
  waitsFor: z.string().optional(),
})

/** The process that owns a data folder, as it describes itself. For display only: the lock alone decides. */
export interface FolderOwner {
  /** Undefined when it has just locked the folder and not written its ID yet. */
  pid?: number | undefined
  phase: FolderPhase
  waitsFor?: string | undefined
}

/** The folder belongs to a running process. */
export class FolderLocked extends Error {
  override readonly name = 'FolderLocked'
  readonly owner: FolderOwner

  constructor(directory: string, owner: FolderOwner) {
    super(`${directory} is in use by ${owner.pid === undefined ? 'another process' : `process ${owner.pid}`}`)
    this.owner = owner
  }
}

/** A data folder that this process has locked. */
export interface FolderLock {
  /** Publishes this process's state to other processes. If the write fails, they see less. */
  say(phase: FolderPhase, waitsFor?: string): void
  release(): void
}

/**
 * Two processes that start at the same moment can both find the file busy. Each retries for this long,
 * so that one of them gets it.
 */
const LOCK_PATIENCE_MS = 200

/**
 * Locks a folder for this process.
 *
 * SQLite's exclusive lock is an operating system lock. It ends with the process, however that ends, so
 * there is no stale lock and no process ID that could belong to another program. The owner file is for
 * display only. Throws FolderLocked.
 */
export function lockFolder(directory: string): FolderLock {
  const lockFile = path.join(directory, LOCK_FILE)
  for (let tries = 1; ; tries += 1) {
    const { inode, release } = lockFileOf(lockFile, directory)
    // A reset can have deleted the file after it was opened here; the lock then has no effect.
    if (inode === inodeOf(lockFile) || tries === LOCK_TRIES) {
      const say = sayIn(path.join(directory, OWNER_FILE))
      say('starting')
      return { say, release }
    }
    release()
  }
}

/** After more than this many resets in a row, the file system has no stable inode numbers. */
const LOCK_TRIES = 5

function lockFileOf(lockFile: string, directory: string): { inode: number | undefined; release(): void } {
  createFile(lockFile)
  const inode = inodeOf(lockFile)
  const database = new (sqlite().DatabaseSync)(lockFile, { timeout: LOCK_PATIENCE_MS })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new FolderLocked(directory, readOwner(directory))
    // The file is empty, so nothing can be lost.
    if (isNoDatabase(error)) {
      throw new Error(`${lockFile}: ${(error as Error).message}; you can delete it`, { cause: error })
    }
    throw new Error(`${lockFile}: ${(error as Error).message}`, { cause: error })
  }
  return { inode, release: () => database.close() }
}

function createFile(file: string): void {
  try {
    writeFileSync(file, '', { mode: 0o600, flag: 'a' })
  } catch (error) {
    // Node.js names the file in the error of an open, but not in the error of a close.
    const message = (error as Error).message
    throw message.includes(file) ? error : new Error(`${file}: ${message}`, { cause: error })
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

/** Returns the process that owns a data folder; undefined when there is none. */
export function folderOwner(directory: string): FolderOwner | undefined {
  const lockFile = path.join(directory, LOCK_FILE)
  if (!existsSync(lockFile)) return undefined
  let isHeld = false
  try {
    const database = new (sqlite().DatabaseSync)(lockFile, { readOnly: true, timeout: 0 })
    try {
      database.prepare('SELECT COUNT(*) FROM sqlite_schema').get()
    } finally {
      database.close()
    }
  } catch (error) {
    // For any other problem with the file, the start of a local cloud gives a better message.
    isHeld = isBusy(error)
  }
  return isHeld ? readOwner(directory) : undefined
}

function sayIn(ownerFile: string): FolderLock['say'] {
  return (phase, waitsFor) => {
    const owner = { pid: process.pid, phase, ...(waitsFor === undefined ? {} : { waitsFor }) }
    const temporary = `${ownerFile}.${randomUUID()}.tmp`
    try {
      writeFileSync(temporary, JSON.stringify(owner), { mode: 0o600, flag: 'wx' })
      renameSync(temporary, ownerFile)
    } catch {
      // The cloud must run and stop on a full disk too: the lock decides, this file is for display.
      removeQuietly(temporary)
    }
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch (error) {
    console.error(`could not delete ${file}: ${String(error)}`)
  }
}

function readOwner(directory: string): FolderOwner {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(path.join(directory, OWNER_FILE), 'utf8')))
  } catch {
    // For display only: ignores a damaged or missing file.
    return { phase: 'starting' }
  }
}

/** https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}

function isNoDatabase(error: unknown): boolean {
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(resultCode(error))
}

/** Extended codes use the upper bytes too. */
function resultCode(error: unknown): number {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : 0
}

/** Node 22 warns on stderr that SQLite is experimental when it loads it. The user cannot act on that. */
function sqlite() {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}
