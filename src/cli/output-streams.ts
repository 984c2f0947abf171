import { readlinkSync } from 'node:fs'
import { EXIT_CODES } from '../contracts/errors.ts'

/** Errors of a stream whose reader or terminal has closed. */
const READER_GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ENOTCONN', 'ERR_STREAM_DESTROYED'])

/**
 * Keeps a command running after its readers close (`imagery run 2>&1 | head -1`), with the same exit
 * code. If a result cannot be written for another reason (a full disk), the command exits with 1.
 */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // oclif's own listener throws every error except EPIPE.
    stream.removeAllListeners('error')
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (stream === process.stdout && !READER_GONE.has(error.code)) endWithout(error)
    })
  }
}

function endWithout(error: NodeJS.ErrnoException): never {
  const [, reason] = /^E\w+: (.+), \w+$/.exec(error.message) ?? []
  const words = reason === undefined ? error.message : `${reason} (${error.code})`
  process.stderr.write(`Error The output${outputName()} cannot be written: ${words} [FILE_NOT_WRITABLE]\n`)
  process.exit(EXIT_CODES.failed)
}

/** Returns the output's path with a leading space, on systems that provide it. */
function outputName(): string {
  try {
    return ` ${readlinkSync('/proc/self/fd/1')}`
  } catch {
    return ''
  }
}
