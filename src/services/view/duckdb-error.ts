import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'

/**
 * Returns an error of DuckDB as one about the disk, if it is one. Any other error stays as it is.
 *
 * @param folder the only one that DuckDB reads and writes
 * @param kept a folder on the same disk that is still there when the user reads the error
 */
export function duckDbError(error: unknown, { folder, kept }: { folder: string; kept: string }): unknown {
  const { message } = error as Error
  if (!ON_DISK.test(message)) return error
  return new ImageryError('FILE_NOT_WRITABLE', `${folder} cannot be written: ${message.split('\n', 1)[0]}`, {
    suggestions: [`df -h ${shellWord(kept)}   (shows whether the disk is full)`],
    cause: error,
  })
}

/**
 * A full disk also ends a transaction: "TransactionContext Error: Failed to commit: Could not write file …". Before memory is
 * written to it, DuckDB looks how much is free: "Out of Memory Error: failed to offload data block of size …".
 */
const ON_DISK =
  /^(?:IO Error: |Out of Memory Error: failed to offload |\w+ Error: .*\b(?:Could not (?:read|sync|truncate|write)|No space left on device)\b)/s
