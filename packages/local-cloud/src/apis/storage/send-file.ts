import { close, read } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'

const readInto = promisify(read)

const BLOCK_BYTES = 512 * 1024

/** Blocks that no response uses. A new one for each would start the garbage collector every few photos. */
const freeBlocks: Buffer[] = []

/** The memory that is kept between responses: 8 MB. */
const MOST_FREE_BLOCKS = 16

export interface OpenPart {
  descriptor: number
  /** The position of the first byte to send. */
  first: number
  /** The number of bytes to send. */
  length: number
}

/**
 * Sends a part of an open file as the body of a response whose head is written, ends the response, and closes the file.
 * A web stream and a file stream between the disk and the socket took ten times as long as the two system calls that they
 * wrap. A body that cannot be read to its end breaks the connection, which is how a client notices.
 */
export async function sendFile(response: ServerResponse, part: OpenPart): Promise<void> {
  try {
    await sendBlocks(response, part)
    response.end()
  } catch (error) {
    response.destroy(error as Error)
  } finally {
    close(part.descriptor)
  }
}

async function sendBlocks(response: ServerResponse, { descriptor, first, length }: OpenPart): Promise<void> {
  for (let at = 0; at < length && !response.destroyed;) {
    const block = freeBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
    const { bytesRead } = await readInto(descriptor, block, 0, Math.min(BLOCK_BYTES, length - at), first + at)
    if (bytesRead === 0) throw new Error('the file is shorter than the size in its metadata')
    at += bytesRead
    await written(response, block.subarray(0, bytesRead))
    // The socket has taken all of its bytes.
    if (freeBlocks.length < MOST_FREE_BLOCKS) freeBlocks.push(block)
  }
}

/** Resolves when the socket has taken the bytes; rejects when the client is gone. */
function written(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the client closed the connection'))
    response.once('close', gone)
    response.write(bytes, (error) => {
      response.off('close', gone)
      if (error) reject(error)
      else resolve()
    })
  })
}
