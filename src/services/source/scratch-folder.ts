import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'

/**
 * Works with a folder of its own among the temporary files, which goes when the work is done.
 *
 * @throws ImageryError FILE_NOT_WRITABLE when there can be none
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
    await rm(folder, { recursive: true, force: true })
  }
}

/** The folder of temporary files takes no file, or no more of them. */
export function notWritable(folder: string, error: unknown): ImageryError {
  return new ImageryError(
    'FILE_NOT_WRITABLE',
    `The folder for temporary files ${folder} cannot be written: ${errnoText(error)}`,
    {
      suggestions: ['TMPDIR=FOLDER   (before the same command: a folder with room that you may write to)'],
      cause: error,
    },
  )
}
