import { once } from 'node:events'
import { constants, createWriteStream } from 'node:fs'
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { ImageryError } from '../../contracts/errors.ts'

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
    const probe = existing?.isFIFO() ? await waitForReader(file) : undefined
    const stream = createWriteStream(part)
    try {
      await once(stream, 'open')
    } finally {
      await probe?.close()
    }
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

/** How long a pipe may wait for the program that reads from it. */
const READER_TIMEOUT_MS = 2_000

const POLL_MS = 50

/**
 * Opening a pipe would wait for ever where no program is there to read from it. Answers a handle of the pipe: without one, its
 * reader would see the end before the beginning.
 */
async function waitForReader(file: string): Promise<FileHandle> {
  for (const deadline = performance.now() + READER_TIMEOUT_MS; ; await pause(POLL_MS)) {
    try {
      return await open(file, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
      if (performance.now() > deadline)
        throw new ImageryError('FILE_NOT_WRITABLE', `${file} is a pipe that no program reads from`, { cause: error })
    }
  }
}
