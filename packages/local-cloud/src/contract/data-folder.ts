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

/** The entries of every local cloud data folder. Nothing else is ever deleted recursively or closed to other users. */
const MARKS = ['identity', 'local-cloud.log', 'ports.json', LOCATOR_FILE, LOCK_FILES[0]]

/** The mode bits that give other users access. */
const OTHERS = 0o077

/** A folder that must not hold a local cloud's data, or whose locator must not be trusted. */
export class DataFolderRefused extends Error {
  override readonly name = 'DataFolderRefused'
  readonly suggestions: readonly string[]

  constructor(message: string, suggestions: readonly string[]) {
    super(message)
    this.suggestions = [...suggestions, 'choose another folder with --data-dir']
  }
}

/** Whether a folder with these entries is a local cloud's data folder. */
export function isDataFolder(entries: readonly string[]): boolean {
  return MARKS.some((mark) => entries.includes(mark))
}

/**
 * Checks that a data folder, and a file in it, belong to this user: another user's files would send this user's
 * tables to that user's program. Missing files pass. On Windows everything passes, because it has no such IDs.
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
 * Closes an existing folder, and what an earlier local cloud left in it, to all other users. On Windows it stays
 * unchanged: files in the user's profile have its access list.
 *
 * @throws DataFolderRefused when the folder or something in it belongs to another user, when it is open and holds
 * other files, or when its disk does not support permissions
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
  // From here on, no other user can add files.
  for (const name of readdirSync(directory)) closeEntry(path.join(directory, name), { directory, own, isFirst: true })
}

/** Files in a closed folder are not reachable, so only its first entries are checked. */
function closeEntry(entry: string, context: { directory: string; own: number; isFirst: boolean }): void {
  const status = lstatSync(entry, { throwIfNoEntry: false })
  if (!status) return
  if (!isTrusted(status, context.own)) throw foreignEntry(entry, status.uid, context.directory)
  // A link has no mode of its own: links in images point to installed packages. Files of root are not ours to
  // change.
  if (status.isSymbolicLink() || status.uid !== context.own) return
  if (isOpen(status)) closeMode(entry, status)
  if (!status.isDirectory() || !(context.isFirst || isOpen(status))) return
  for (const name of readdirSync(entry)) closeEntry(path.join(entry, name), { ...context, isFirst: false })
}

function closeMode(entry: string, status: Stats): void {
  try {
    chmodSync(entry, status.mode & 0o700)
  } catch (error) {
    // A running local cloud creates and deletes files in the folder all the time.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function isOpen({ mode }: Stats): boolean {
  return (mode & OTHERS) !== 0
}

/** Root can change this user's files anyway. */
function isTrusted({ uid }: Stats, own: number): boolean {
  return uid === own || uid === 0
}

function checkOwner(directory: string, { uid }: Stats, own: number): void {
  if (uid === own) return
  throw new DataFolderRefused(`The data folder ${directory} belongs to another user (${uid}, and you are ${own})`, [])
}

function foreignEntry(entry: string, uid: number, directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The data folder ${directory} contains a file of another user (${uid}): ${entry}. Its keys and programs cannot be trusted`,
    [],
  )
}

function unrelated(directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The folder ${directory} contains other files and is open to other users of this machine, so it cannot become a data folder`,
    [`chmod 700 ${shellWord(directory)}   (if no other user needs those files)`],
  )
}

function keepsNoPermissions(directory: string): DataFolderRefused {
  return new DataFolderRefused(
    `The disk of ${directory} does not support permissions: other users of this machine could read the local cloud's data`,
    [],
  )
}
