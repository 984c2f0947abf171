import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'

/**
 * Provides a new temporary folder, and deletes it when the work is done.
 *
 * @throws ImageryError FILE_NOT_WRITABLE if it cannot be created
 */
export async function withScratchFolder<Result>(
  prefix: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const place = os.tmpdir()
  const folder = await mkdtemp(path.join(place, prefix)).catch((error: unknown) => {
    throw notWritable(place, error)
  })
  try {
    return await work(folder)
  } finally {
    // A writer that was interrupted may still add a file.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Returns the error for a temporary folder that cannot be written, or is full. */
export function notWritable(folder: string, error: unknown): ImageryError {
  return new ImageryError(
    'FILE_NOT_WRITABLE',
    `The temporary folder ${folder} cannot be written: ${errnoText(error)}`,
    {
      suggestions: ['TMPDIR=FOLDER   (before the same command; a writable folder with free space)'],
      cause: error,
    },
  )
}
