import os from 'node:os'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { CloudError } from '../../google/transport/errors.ts'

/** System calls that do not concern files. Cloud errors cover failed connections. */
const NETWORK =
  /^(?:accept|bind|connect|getaddrinfo|getpeername|getsockname|kill|listen|query\w+|recv\w*|send\w*|shutdown|socket|spawn.*)$/

/** Calls that write, and errors that only those calls cause. */
const WRITING =
  /^(?:chmod|chown|copyfile|cp|f?datasync|fsync|ftruncate|f?utimes?|l?chown|link|mkdir|mkdtemp|rename|rm|rmdir|symlink|truncate|unlink|write)$/
const WRITE_ERRORS = new Set(['EDQUOT', 'EFBIG', 'ENOSPC', 'EROFS', 'ETXTBSY'])

/** The error of a system call on a file, a folder or this process's own streams. */
interface FileError extends Error {
  code: string
  syscall: string
  path?: string
  dest?: string
}

/**
 * Converts a failed system call on a file to an expected failure that names the file: a full disk, a deleted folder or a
 * missing permission is not a bug. Returns undefined for any other error. Code that knows more about the file throws its
 * own error first.
 */
export function fileFailure(error: unknown): ImageryError | undefined {
  const found = fileError(error)
  if (!found) return undefined
  const { code, syscall, path, dest } = found
  // The folder that this process was started in no longer has a path.
  const file = path ?? (syscall === 'uv_cwd' ? 'The folder that imagery was started in' : undefined)
  const isWrite = WRITING.test(syscall) || WRITE_ERRORS.has(code)
  const what = isWrite ? 'cannot be written' : 'cannot be read'
  const named = [file ?? 'A file', ...(dest === undefined ? [] : [`(as ${dest})`])].join(' ')
  return new ImageryError(isWrite ? 'FILE_NOT_WRITABLE' : 'FILE_NOT_FOUND', `${named} ${what}: ${errnoText(found)}`, {
    suggestions: [remedy(code, path)],
    cause: error,
  })
}

/** Errors that only connections have. Without a path they do not concern a file. */
const CONNECTION = /^E(?:ADDR|AFNO|CONN|DEST|HOST|ISCONN|MSGSIZE|NET|NOTCONN|NOTSOCK|PIPE|PROTO|TIMEDOUT)/

function fileError(error: unknown): FileError | undefined {
  if (!(error instanceof Error)) return undefined
  // The clients read the files that they upload. Errors from reading them do not come from a service.
  if (error instanceof CloudError) return error.status === 'UNKNOWN' ? fileError(error.cause) : undefined
  const { code, syscall, path } = error as Partial<FileError>
  if (typeof code !== 'string' || typeof syscall !== 'string' || NETWORK.test(syscall)) return undefined
  if (!(code in os.constants.errno) && !code.startsWith('ERR_FS_')) return undefined
  return path === undefined && CONNECTION.test(code) ? undefined : (error as FileError)
}

function remedy(code: string, path: string | undefined): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return path === undefined ? 'df -h   (the disk is full)' : `df -h ${shellWord(path)}   (the disk is full)`
    case 'EMFILE':
    case 'ENFILE':
      return 'ulimit -n 4096   (before the same command: too many files are open)'
    default:
      return path === undefined ? 'Run the same command in another folder' : `ls -ld ${shellWord(path)}`
  }
}
