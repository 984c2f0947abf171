import { once } from 'node:events'
import { constants, createWriteStream } from 'node:fs'
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { ImageryError } from '../../contracts/errors.ts'

/**
 * Writes pieces of content to a file, completely or not at all: the file gets its name after the last
 * piece. Writes directly to a device or a pipe.
 *
 * @throws ImageryError FILE_NOT_WRITABLE that names the file; errors of `pieces` unchanged; the
 * signal's reason when it ends the writing
 */
export async function writeWholeFile(
  file: string,
  pieces: AsyncIterable<string | Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const existing = await stat(file).catch(() => undefined)
  if (existing?.isDirectory()) throw new ImageryError('FILE_NOT_WRITABLE', `${file} is a folder; name a file in it`)
  const isPlain = existing === undefined || existing.isFile()
  const part = isPlain ? `${file}.part` : file
  try {
    // Wait for the open before the first row, because an open in progress could create the file after its removal.
    const probe = existing?.isFIFO() ? await waitForReader(file) : undefined
    const stream = createWriteStream(part)
    try {
      await once(stream, 'open')
    } finally {
      await probe?.close()
    }
    await pipeline(pieces, stream, signal ? { signal } : {})
    if (isPlain) await rename(part, file)
  } catch (error) {
    // The file or its folder may not exist. Only the first error matters.
    if (isPlain) await rm(part, { force: true }).catch(() => undefined)
    signal?.throwIfAborted()
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined || !code?.startsWith('E')) throw error
    throw new ImageryError('FILE_NOT_WRITABLE', `${file} cannot be written: ${message}`, { cause: error })
  }
}

/** How long to wait for the program that reads from a pipe. */
const READER_TIMEOUT_MS = 2_000

const POLL_MS = 50

/**
 * Waits until a program reads from a pipe, because opening a pipe without a reader would wait forever. Returns a handle of the
 * pipe, which keeps the reader from seeing its end before the first write.
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
