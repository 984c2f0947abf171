import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ImageryError } from '../contracts/errors.ts'

/**
 * Writes text piece by piece to a file, whole or not at all: it gets its name when the last piece
 * is written. A device or a pipe is written to as it is.
 *
 * @throws ImageryError FILE_NOT_WRITABLE naming the file; what `pieces` throws stays as it is
 */
export async function writeWholeFile(file: string, pieces: AsyncIterable<string>): Promise<void> {
  const existing = await stat(file).catch(() => undefined)
  if (existing?.isDirectory()) throw new ImageryError('FILE_NOT_WRITABLE', `${file} is a folder; name a file in it`)
  const isPlain = existing === undefined || existing.isFile()
  const part = isPlain ? `${file}.part` : file
  try {
    // Open before the first row is asked for: an opening still under way would make the file after its removal.
    const stream = createWriteStream(part)
    await once(stream, 'open')
    await pipeline(pieces, stream)
    if (isPlain) await rename(part, file)
  } catch (error) {
    // There may be nothing to remove, nor a folder that it could be in: what went wrong first is what counts.
    if (isPlain) await rm(part, { force: true }).catch(() => undefined)
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined || !code?.startsWith('E')) throw error
    throw new ImageryError('FILE_NOT_WRITABLE', `${file} cannot be written: ${message}`, { cause: error })
  }
}
