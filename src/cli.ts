import { execute } from '@oclif/core'

/** For what a command has left under way on purpose: nothing takes longer. */
const LINGER_MS = 3_000

/** Runs the command line of this process. `entry` is the URL of the file that was started. */
export async function main(entry: string): Promise<void> {
  outliveReaders()
  await execute({ dir: entry })
  // A call that was given up may go on asking in the background; its answer interests nobody any more.
  setTimeout(leave, LINGER_MS).unref()
}

/** What a stream says whose reader, or whose terminal, is gone. */
const READER_GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'ENOTCONN', 'ERR_STREAM_DESTROYED'])

/**
 * Nobody need read what a command prints (`imagery run 2>&1 | head -1`): its work goes on to its end, and
 * so does its exit code. A file on a full disk is another matter for stdout, where the result is.
 */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // oclif has a listener of its own, which throws all but EPIPE.
    stream.removeAllListeners('error')
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (stream === process.stdout && !READER_GONE.has(error.code)) throw error
    })
  }
}

/** Ends the process once all that it has printed is with its reader. */
function leave(): void {
  if (process.stdout.writableLength + process.stderr.writableLength > 0) setTimeout(leave, LINGER_MS).unref()
  else process.exit()
}
