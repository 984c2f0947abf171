import { once } from 'node:events'

/**
 * Prints pieces of text on stdout as fast as its reader takes them. A reader that has seen enough
 * (`imagery results --format csv | head`) ends it: that is no failure.
 */
export async function printPieces(pieces: AsyncIterable<string>): Promise<void> {
  const { stdout } = process
  let hasFailed = false
  // Whether the failure is one to report is for the stream's own listener to say.
  const onError = (): void => {
    hasFailed = true
  }
  stdout.on('error', onError)
  try {
    for await (const piece of pieces) {
      if (hasFailed) break
      if (!stdout.write(piece)) await once(stdout, 'drain').catch(() => undefined)
    }
  } finally {
    stdout.off('error', onError)
  }
}
