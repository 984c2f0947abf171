import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

/** Files by which processes agree on who has a local cloud's data folder. They hold nothing else. */
export const LOCK_FILES = ['lock.sqlite', 'lock.sqlite-journal', 'lock.json'] as const

const LOCK_FILE = LOCK_FILES[0]
const OWNER_FILE = LOCK_FILES[2]

/** What the process that has the folder does with it. */
export const FOLDER_PHASES = ['starting', 'running', 'stopping', 'deleting'] as const

export type FolderPhase = (typeof FOLDER_PHASES)[number]

const ownerSchema = z.object({
  pid: z.int(),
  phase: z.enum(FOLDER_PHASES).default('running'),
  /** What a cloud that stops still waits for. */
  waitsFor: z.string().optional(),
})

/** The process that has a data folder, as it describes itself. Nothing but words: the lock alone decides. */
export interface FolderOwner {
  /** Undefined when it has only just taken the folder and has not said who it is. */
  pid?: number | undefined
  phase: FolderPhase
  waitsFor?: string | undefined
}

/** The folder belongs to a process that is alive. */
export class FolderLocked extends Error {
  override readonly name = 'FolderLocked'
  readonly owner: FolderOwner

  constructor(directory: string, owner: FolderOwner) {
    super(`${directory} is in use by ${owner.pid === undefined ? 'another process' : `process ${owner.pid}`}`)
    this.owner = owner
  }
}

/** A data folder that this process has to itself. */
export interface FolderLock {
  /** Tells other processes what this one does. Where that cannot be written, they learn less. */
  say(phase: FolderPhase, waitsFor?: string): void
  release(): void
}

/**
 * Two processes that begin at the same moment may both find the file busy. Each tries again for this
 * long, so that one of them gets it.
 */
const LOCK_PATIENCE_MS = 200

/**
 * Takes a folder for this process alone.
 *
 * SQLite's exclusive lock is one of the operating system: it ends with the process, however that
 * ends, so there is nothing stale to take over, and no process id to mistake for the id of another
 * program. The owner's file beside it is only shown. Throws FolderLocked.
 */
export function lockFolder(directory: string): FolderLock {
  const lockFile = path.join(directory, LOCK_FILE)
  for (let tries = 1; ; tries += 1) {
    const { inode, release } = lockFileOf(lockFile, directory)
    // A reset may have deleted the file after it was opened here: then the lock is on nothing.
    if (inode === inodeOf(lockFile) || tries === LOCK_TRIES) {
      const say = sayIn(path.join(directory, OWNER_FILE))
      say('starting')
      return { say, release }
    }
    release()
  }
}

/** More resets than these in a row are a file system without steady inode numbers. */
const LOCK_TRIES = 5

function lockFileOf(lockFile: string, directory: string): { inode: number | undefined; release(): void } {
  writeFileSync(lockFile, '', { mode: 0o600, flag: 'a' })
  const inode = inodeOf(lockFile)
  const database = new (sqlite().DatabaseSync)(lockFile, { timeout: LOCK_PATIENCE_MS })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new FolderLocked(directory, readOwner(directory))
    // It holds nothing, so there is nothing to lose with it.
    if (isNoDatabase(error)) {
      throw new Error(`${lockFile}: ${(error as Error).message}; it may be deleted`, { cause: error })
    }
    throw new Error(`${lockFile}: ${(error as Error).message}`, { cause: error })
  }
  return { inode, release: () => database.close() }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

/** The process that has a data folder; undefined when none has. */
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
    // Whatever else is wrong with the file, the start of a local cloud says it better.
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
      // On a full disk the cloud must still run and stop: the lock decides, these are words.
      removeQuietly(temporary)
    }
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch (error) {
    console.error(`${file} stays: ${String(error)}`)
  }
}

function readOwner(directory: string): FolderOwner {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(path.join(directory, OWNER_FILE), 'utf8')))
  } catch {
    // Only shown to people: a damaged or missing file tells nothing.
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

/** Extended codes have more in the upper bytes. */
function resultCode(error: unknown): number {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : 0
}

/** Node 22 says on stderr that SQLite is experimental when it is loaded: nothing that our user can act on. */
function sqlite() {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}
