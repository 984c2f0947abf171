import { closeSync, openSync, statfsSync } from 'node:fs'
import path from 'node:path'

/**
 * An operating system error that damages no stored data: a person can fix it, and everything works
 * again.
 */
export interface DiskProblem {
  /** What is wrong, to follow `the data folder cannot be used: `. */
  what: string
  /** How to fix it. */
  remedy: string
}

const FULL: DiskProblem = {
  what: 'it is on a full disk',
  remedy: 'Free some space and try again; no stored data is lost',
}
const QUOTA: DiskProblem = {
  what: 'the disk quota of its user is exceeded',
  remedy: 'Free some space and try again; no stored data is lost',
}
const HANDLES: DiskProblem = {
  what: 'too many files are open',
  remedy: 'Allow more open files and try again: ulimit -n 4096',
}
const PROCESSES: DiskProblem = {
  what: 'this user cannot start more processes, or is out of memory',
  remedy: 'End other programs and try again; no stored data is lost',
}
const READ_ONLY: DiskProblem = {
  what: 'its disk is read-only',
  remedy: 'Make the disk writable and try again, or choose another folder with --data-dir',
}
const FORBIDDEN: DiskProblem = {
  what: 'this user may not read or write all its files',
  remedy: 'Give this user access to its files and try again, or choose another folder with --data-dir',
}
const TOO_LARGE: DiskProblem = {
  what: 'this user may not write files of this size',
  remedy: 'Allow larger files and try again: ulimit -f unlimited',
}
const DEVICE: DiskProblem = {
  what: 'its disk has errors or is full',
  remedy: 'Free some space or check the disk, and try again',
}

const UNOPENED: DiskProblem = {
  what: 'a file in it cannot be opened',
  remedy:
    'Check that this user has access to its files, that its disk has space, and that the limit on open files is high enough (ulimit -n)',
}

/** https://man7.org/linux/man-pages/man3/errno.3.html */
const BY_ERRNO: Record<string, DiskProblem> = {
  ENOSPC: FULL,
  EDQUOT: QUOTA,
  EMFILE: HANDLES,
  ENFILE: HANDLES,
  EAGAIN: PROCESSES,
  ENOMEM: PROCESSES,
  EROFS: READ_ONLY,
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EFBIG: TOO_LARGE,
  EIO: DEVICE,
  ENXIO: DEVICE,
  ENODEV: DEVICE,
  ESTALE: DEVICE,
}

/** https://www.sqlite.org/rescode.html, without the upper bytes of extended codes. */
const BY_SQLITE_CODE: Record<number, DiskProblem> = {
  3: FORBIDDEN,
  7: PROCESSES,
  8: READ_ONLY,
  10: DEVICE,
  13: FULL,
  14: UNOPENED,
}

/** "Disk I/O error" and "unable to open": SQLite does not say which of the above. */
const SQLITE_IOERR = 10
const SQLITE_CANTOPEN = 14

/** Errors that DuckDB and others report only as text, in the words of strerror(3). */
const BY_WORDS: readonly [words: RegExp, problem: DiskProblem][] = [
  [/no space left on device|database or disk is full/i, FULL],
  [/disk quota exceeded/i, QUOTA],
  [/too many open files/i, HANDLES],
  [/resource temporarily unavailable|cannot allocate memory/i, PROCESSES],
  [/read-only file system/i, READ_ONLY],
  [/permission denied|operation not permitted/i, FORBIDDEN],
  [/file too large/i, TOO_LARGE],
  [/input\/output error/i, DEVICE],
]

/**
 * Returns the problem in an error or one of its causes; undefined for other errors. If SQLite does not
 * say why it could not open a file, this function opens the file to find out.
 */
export function diskProblem(error: unknown): DiskProblem | undefined {
  const causes = causesOf(error)
  const file = causes.find(
    (cause): cause is Error & { file: string } => 'file' in cause && typeof cause.file === 'string',
  )?.file
  for (const cause of causes) {
    const { code, errcode } = cause as { code?: unknown; errcode?: unknown }
    const sqlite = typeof errcode === 'number' ? errcode & 0xff : undefined
    if (file !== undefined && (sqlite === SQLITE_IOERR || sqlite === SQLITE_CANTOPEN)) {
      const found = whatHinders(file)
      if (found) return found
    }
    const known =
      (typeof code === 'string' ? BY_ERRNO[code] : undefined) ??
      (sqlite === undefined ? undefined : BY_SQLITE_CODE[sqlite]) ??
      BY_WORDS.find(([words]) => words.test(cause.message))?.[1]
    if (known) return known
  }
  return undefined
}

function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let at = error; at instanceof Error && !causes.includes(at); at = at.cause) causes.push(at)
  return causes
}

/** Number of files that SQLite opens for one store: the file, its log, the log's index, a journal. */
const HANDLES_OF_A_STORE = 4

/** Opens the file like the store would, to get the missing reason. */
function whatHinders(file: string): DiskProblem | undefined {
  const handles: number[] = []
  try {
    for (let handle = 0; handle < HANDLES_OF_A_STORE; handle += 1) handles.push(openSync(file, 'r+'))
    return statfsSync(path.dirname(file)).bavail === 0 ? FULL : undefined
  } catch (error) {
    return diskProblem(error)
  } finally {
    for (const handle of handles) closeSync(handle)
  }
}
