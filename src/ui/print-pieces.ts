import { once } from 'node:events'

/**
 * Prints pieces of output on stdout as fast as its reader accepts them. Stops without a failure when
 * the reader closes (`imagery results --format csv | head`).
 */
export async function printPieces(pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
  const { stdout } = process
  let hasFailed = false
  // The stream's own listener decides whether to report the failure.
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
