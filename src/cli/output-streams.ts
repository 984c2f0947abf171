import { readlinkSync } from 'node:fs'
import { EXIT_CODES } from '../contracts/errors.ts'

/** Errors of a stream whose reader or terminal is gone. */
const READER_GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ENOTCONN', 'ERR_STREAM_DESTROYED'])

/**
 * Lets a command outlive its readers (`imagery run 2>&1 | head -1`): its work goes on to its end, with the same
 * exit code. A result that cannot be written for another reason (a full disk) ends the command with exit code 1.
 */
export function guardOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // oclif has a listener of its own, which throws everything but EPIPE.
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

/** Where the output goes, with a space before, where the system tells. */
function outputName(): string {
  try {
    return ` ${readlinkSync('/proc/self/fd/1')}`
  } catch {
    return ''
  }
}
