import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { errnoText, otherKind } from './file-kind.ts'

/** The longest text file that a user may name, unless its reader says otherwise: a profile of this size fills thousands of pages. */
export const MAX_TEXT_BYTES = 1024 * 1024

/** How long a pipe may wait for the program that writes into it, and then for its next bytes. */
const WRITER_TIMEOUT_MS = 2_000
const SILENCE_TIMEOUT_MS = 60_000

const POLL_MS = 10
const CHUNK_BYTES = 64 * 1024

/** Why a file was not read. The message continues a sentence about the file: `it is a folder`. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  /** Node's code where a file call failed, such as ENOENT. */
  readonly code: string | undefined

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = (options.cause as NodeJS.ErrnoException | undefined)?.code
  }
}

/**
 * Reads a text file that a user names. It never waits for ever and never reads more than the limit:
 * a pipe without a writer, a device or a file that grows would hang or fill the process.
 *
 * @param options.pipes whether the file may be a pipe, as `<(command)` and `/dev/stdin` are: it can be read only once
 * @throws FileRefused
 */
export function readTextFile(file: string, options: { maxBytes?: number; pipes?: boolean } = {}): string {
  const { maxBytes = MAX_TEXT_BYTES, pipes = false } = options
  let handle: number | undefined
  try {
    // Opening a device may already do something, so it is looked at first, and once more when it is open.
    checkKind(statSync(file), pipes)
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = fstatSync(handle)
    checkKind(stats, pipes)
    if (stats.size > maxBytes) throw tooLarge(maxBytes)
    return readBounded(handle, { maxBytes, isPipe: stats.isFIFO() })
  } catch (error) {
    throw error instanceof FileRefused ? error : new FileRefused(errnoText(error), { cause: error })
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function checkKind(stats: ReturnType<typeof fstatSync>, pipes: boolean): void {
  const kind = otherKind(stats)
  if (kind !== undefined && !(pipes && stats.isFIFO())) throw new FileRefused(`it is ${kind}, not a file`)
}

function tooLarge(maxBytes: number): FileRefused {
  return new FileRefused(`it is larger than ${maxBytes / 1024 ** 2} MiB`)
}

function readBounded(handle: number, { maxBytes, isPipe }: { maxBytes: number; isPipe: boolean }): string {
  const chunks: Buffer[] = []
  let length = 0
  let waitedMs = 0
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    const bytes = readSome(handle, chunk)
    // A pipe that no program has opened for writing yet looks as if it had ended.
    if (bytes === 0 && !(isPipe && length === 0 && waitedMs < WRITER_TIMEOUT_MS)) break
    if (bytes === 0 || bytes === undefined) {
      if (waitedMs >= SILENCE_TIMEOUT_MS)
        throw new FileRefused(`it is a pipe that was silent for ${waitedMs / 1_000} s`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
      waitedMs += POLL_MS
      continue
    }
    waitedMs = 0
    length += bytes
    if (length > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk.subarray(0, bytes))
  }
  if (isPipe && length === 0) throw new FileRefused('it is a pipe, and nothing came out of it')
  return Buffer.concat(chunks).toString('utf8')
}

/** Answers undefined where there is nothing yet. */
function readSome(handle: number, chunk: Buffer): number | undefined {
  try {
    return readSync(handle, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
