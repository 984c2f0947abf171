import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  statSync,
  type Stats,
} from 'node:fs'
import path from 'node:path'
import { LOCK_FILES } from './folder-lock.ts'
import { LOCATOR_FILE } from './locator.ts'
import { shellWord } from './shell-word.ts'

/** What lies in every data folder of a local cloud: nothing else is ever deleted recursively, or closed to others. */
const MARKS = ['identity', 'local-cloud.log', 'ports.json', LOCATOR_FILE, LOCK_FILES[0]]

/** The bits of a mode that let other users in. */
const OTHERS = 0o077

/** A folder that must not hold a local cloud's data, or whose locator must not be believed. */
export class DataFolderRefused extends Error {
  override readonly name = 'DataFolderRefused'
  readonly suggestions: readonly string[]

  constructor(message: string, suggestions: readonly string[]) {
    super(message)
    this.suggestions = [...suggestions, 'choose another folder with --data-dir']
  }
}

/** Whether a folder with these entries is a local cloud's. */
export function isDataFolder(entries: readonly string[]): boolean {
  return MARKS.some((mark) => entries.includes(mark))
}

/**
 * Checks that a data folder, and a file in it, belong to this user: what another user has put there would lead this
 * user's tables to that user's program. What is not there passes, and on Windows everything does: it has no such ids.
 *
 * @throws DataFolderRefused
 */
export function checkDataFolderOwner(directory: string, file: string): void {
  const own = process.getuid?.()
  if (own === undefined) return
  const quietly = { throwIfNoEntry: false } as const
  const status = statSync(directory, quietly)
  if (!status) return
  checkOwner(directory, status, own)
  for (const entry of [directory, path.join(directory, file)]) {
    const found = lstatSync(entry, quietly)
    if (found && !isTrusted(found, own)) throw foreignEntry(entry, found.uid, directory)
  }
}

/**
 * Closes a folder that is there to all other users, with what a former local cloud has left in it, however open it was
 * made. On Windows it stays as it is: what lies in the user's profile has its access list.
 *
 * @throws DataFolderRefused when the folder or something in it is another user's, when it holds other things than a
 * local cloud's and is open, or when its disk keeps no permissions
 */
export function closeDataFolder(directory: string): void {
  const own = process.getuid?.()
  if (own === undefined) return
  const link = lstatSync(directory)
  if (!isTrusted(link, own)) checkOwner(directory, link, own)
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const status = fstatSync(descriptor)
    checkOwner(directory, status, own)
    if (isOpen(status)) {
      const entries = readdirSync(directory)
      if (entries.length > 0 && !isDataFolder(entries)) throw unrelated(directory)
      fchmodSync(descriptor, 0o700)
      if (isOpen(fstatSync(descriptor))) throw keepsNoPermissions(directory)
    }
  } finally {
    closeSync(descriptor)
  }
  // From here on no other user can put anything in.
  for (const name of readdirSync(directory)) closeEntry(path.join(directory, name), { directory, own, isFirst: true })
}

/** What lies in a folder that is closed already cannot be reached: only the first of them are looked into all the same. */
function closeEntry(entry: string, context: { directory: string; own: number; isFirst: boolean }): void {
  const status = lstatSync(entry, { throwIfNoEntry: false })
  if (!status) return
  if (!isTrusted(status, context.own)) throw foreignEntry(entry, status.uid, context.directory)
  // A link has no mode of its own: those of images lead to installed packages. Root's own is not ours to change.
  if (status.isSymbolicLink() || status.uid !== context.own) return
  if (isOpen(status)) closeMode(entry, status)
  if (!status.isDirectory() || !(context.isFirst || isOpen(status))) return
  for (const name of readdirSync(entry)) closeEntry(path.join(entry, name), { ...context, isFirst: false })
}

function closeMode(entry: string, status: Stats): void {
  try {
    chmodSync(entry, status.mode & 0o700)
  } catch (error) {
    // A local cloud that runs on the folder makes and removes files all the time.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function isOpen({ mode }: Stats): boolean {
  return (mode & OTHERS) !== 0
}

/** Root could change whatever is this user's anyway. */
function isTrusted({ uid }: Stats, own: number): boolean {
  return uid === own || uid === 0
}

function checkOwner(directory: string, { uid }: Stats, own: number): void {
  if (uid === own) return
  throw new DataFolderRefused(`The data folder ${directory} belongs to another user (${uid}, and you are ${own})`, [])
}

function foreignEntry(entry: string, uid: number, directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The data folder ${directory} holds something of another user (${uid}): ${entry}. Its keys and programs cannot be trusted`,
    [],
  )
}

function unrelated(directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The folder ${directory} holds other files, and other users of this machine can look into it: it is not made a data folder`,
    [`chmod 700 ${shellWord(directory)}   (if no other user needs those files)`],
  )
}

function keepsNoPermissions(directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The disk of ${directory} keeps no permissions: other users of this machine could read the local cloud's data`,
    [],
  )
}
