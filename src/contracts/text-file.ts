import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { errnoText, otherKind } from './file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { decodeText, EncodingError } from './text-encoding.ts'

/** The default size limit for text files that users name. A profile of this size fills thousands of pages. */
export const MAX_TEXT_BYTES = 1024 * 1024

/** How long to wait for the program that writes into a pipe, and then for its next bytes. */
const WRITER_TIMEOUT_MS = 2_000
const SILENCE_TIMEOUT_MS = 60_000

const POLL_MS = 10
const CHUNK_BYTES = 64 * 1024

/** Why a file was not read. The message is a clause about the file: `it is a folder`. */
export class TextFileError extends Error {
  override readonly name = 'TextFileError'
  /** Node's code where a file call failed, such as ENOENT. */
  readonly code: string | undefined

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = (options.cause as NodeJS.ErrnoException | undefined)?.code
  }
}

/** Converts the lines that are not UTF-8. */
const EACH_LINE = `eval { decode("UTF-8", my $line = $_, 1) } // ($_ = encode("UTF-8", decode("cp1252", $_)))`

/** Returns the command that converts a file to UTF-8. The user may have to replace the encoding. */
export function utf8Command(file: string, { likely, isMixed }: Pick<EncodingError, 'likely' | 'isMixed'>): string {
  const dot = file.lastIndexOf('.')
  const hasEnding = dot > file.lastIndexOf('/') + 1
  const output = hasEnding ? `${file.slice(0, dot)}-utf8${file.slice(dot)}` : `${file}-utf8`
  const convert = isMixed ? `perl -MEncode -pe '${EACH_LINE}'` : `iconv -f ${likely} -t UTF-8`
  return `${convert} ${shellWord(file)} > ${shellWord(output)}`
}

/**
 * Reads a text file that a user names, in UTF-8 or in UTF-16 with a byte order mark. It never waits forever and never reads more than the limit, because a pipe
 * without a writer, a device or a growing file would hang the process or fill its memory.
 *
 * @param options.pipes whether the file can be a pipe, such as `<(command)` or `/dev/stdin`, which can be read only
 * once
 * @throws TextFileError
 */
export function readTextFile(file: string, options: { maxBytes?: number; pipes?: boolean } = {}): string {
  const { maxBytes = MAX_TEXT_BYTES, pipes = false } = options
  let handle: number | undefined
  try {
    // Opening a device can have side effects, so the kind is checked before opening and again after.
    checkKind(statSync(file), pipes)
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stats = fstatSync(handle)
    checkKind(stats, pipes)
    if (stats.size > maxBytes) throw tooLarge(maxBytes)
    return decodeText(readBounded(handle, { maxBytes, isPipe: stats.isFIFO() })).text
  } catch (error) {
    if (error instanceof EncodingError)
      throw new TextFileError(`${error.message}; convert it with ${utf8Command(file, error)}`, { cause: error })
    throw error instanceof TextFileError ? error : new TextFileError(errnoText(error), { cause: error })
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function checkKind(stats: ReturnType<typeof fstatSync>, pipes: boolean): void {
  const kind = otherKind(stats)
  if (kind !== undefined && !(pipes && stats.isFIFO())) throw new TextFileError(`it is ${kind}, not a file`)
}

function tooLarge(maxBytes: number): TextFileError {
  return new TextFileError(`it is larger than ${maxBytes / 1024 ** 2} MiB`)
}

function readBounded(handle: number, { maxBytes, isPipe }: { maxBytes: number; isPipe: boolean }): Buffer {
  const chunks: Buffer[] = []
  let length = 0
  let waitedMs = 0
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    const bytes = readSome(handle, chunk)
    // A pipe that no program has opened for writing yet looks like one that ended.
    if (bytes === 0 && !(isPipe && length === 0 && waitedMs < WRITER_TIMEOUT_MS)) break
    if (bytes === 0 || bytes === undefined) {
      if (waitedMs >= SILENCE_TIMEOUT_MS)
        throw new TextFileError(`it is a pipe that sent nothing for ${waitedMs / 1_000} s`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
      waitedMs += POLL_MS
      continue
    }
    waitedMs = 0
    length += bytes
    if (length > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk.subarray(0, bytes))
  }
  if (isPipe && length === 0) throw new TextFileError('it is a pipe that ended without any data')
  return Buffer.concat(chunks)
}

/** Returns undefined when there is no data yet. */
function readSome(handle: number, chunk: Buffer): number | undefined {
  try {
    return readSync(handle, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
