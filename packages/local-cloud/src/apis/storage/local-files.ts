import {
  closeSync,
  constants,
  fstatSync,
  open as openDescriptor,
  read as readDescriptor,
  type BigIntStats,
} from 'node:fs'
import { chmod, copyFile, open as openFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { identityOf, type LocalFile } from '../../contract/local-file.ts'
import { PRIVATE_FILE_MODE } from '../../kernel/atomic-file.ts'
import { GoogleError } from '../../kernel/errors.ts'

/**
 * What the kernel knows of an open file takes it a few microseconds, and a way through a thread of Node.js a tenth of a millisecond,
 * so only to open and to read are asynchronous.
 */
const open = promisify(openDescriptor)
const read = promisify(readDescriptor)

/** Does not follow a link that has just replaced the file, and does not wait for a pipe. Windows has neither flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const BLOCK_BYTES = 1024 * 1024

/**
 * Runs `use` on the file that the caller has checked.
 *
 * @throws GoogleError FAILED_PRECONDITION when the path leads to another file, or the file has changed since the check or
 * changes meanwhile; what `use` returned is then dropped with `undo`
 */
export async function withLocalFile<Result>(
  { path, file }: Pick<LocalFile, 'path' | 'file'>,
  use: (descriptor: number, stats: BigIntStats) => Promise<Result>,
  undo: (result: Result) => void,
): Promise<Result> {
  const descriptor = await open(path, OPEN_FLAGS).catch((error: unknown) => {
    throw new GoogleError('FAILED_PRECONDITION', `${path} cannot be opened: ${String(error)}`, { cause: error })
  })
  try {
    const isSame = (stats: BigIntStats): boolean => {
      const identity = identityOf(stats)
      return (
        stats.isFile() && Object.entries(file).every(([key, value]) => identity[key as keyof typeof file] === value)
      )
    }
    const changed = (): GoogleError =>
      new GoogleError('FAILED_PRECONDITION', `${path} is not the file that was checked, or it has changed since`)
    const stats = fstatSync(descriptor, { bigint: true })
    if (!isSame(stats)) throw changed()
    const result = await use(descriptor, stats)
    if (isSame(fstatSync(descriptor, { bigint: true }))) return result
    undo(result)
    throw changed()
  } finally {
    closeSync(descriptor)
  }
}

/** Disks round times, to two seconds at most: an edit so soon after another one can leave the times of a file as they are. */
const RECENT_MS = 3_000

/**
 * A text that is equal only for the same content of the same file. Unlike the time of an edit, the time of the last change
 * cannot be set back (https://man7.org/linux/man-pages/man7/inode.7.html). Undefined for a file that has just changed.
 */
export function sourceOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats, nowMs: number): string | undefined {
  const isRecent = BigInt(Math.floor(nowMs) - RECENT_MS) * 1_000_000n < ctimeNs
  return isRecent ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/**
 * Copies an open file. Where the disk can, the copy shares the file's blocks until one of the two changes; elsewhere
 * Linux copies without a way through this process (https://man7.org/linux/man-pages/man2/copy_file_range.2.html). A hard
 * link would cost less still, but an edit of the file would then change an object.
 */
export async function copyOpenFile(descriptor: number, target: string): Promise<void> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants
  if (process.platform === 'linux') {
    try {
      // The open file itself, whatever its path leads to by now (https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html).
      await copyFile(`/proc/self/fd/${descriptor}`, target, COPYFILE_EXCL | COPYFILE_FICLONE)
      return await chmod(target, PRIVATE_FILE_MODE)
    } catch (error) {
      // Some containers have no /proc.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  const copy = await openFile(target, 'wx', PRIVATE_FILE_MODE)
  try {
    for await (const block of blocksOf(descriptor)) await copy.writeFile(block)
  } finally {
    await copy.close()
  }
}

/** The bytes of an open file. Each block is valid until the next one. */
export async function* blocksOf(descriptor: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let at = 0; ;) {
    const { bytesRead } = await read(descriptor, buffer, 0, BLOCK_BYTES, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}
