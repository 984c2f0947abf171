import { closeSync, openSync, read as readDescriptor, readSync } from 'node:fs'
import { promisify } from 'node:util'

const read = promisify(readDescriptor)

/** A read of up to this size takes less time than its way through a thread of Node.js. */
const SMALL_READ_BYTES = 128 * 1024

/**
 * Returns `size` bytes of a file in the local cloud's data folder, from `first` on, in memory of their own; undefined if it cannot
 * be opened, or is shorter.
 */
export async function readObjectFile(
  file: string,
  { first, size }: { first: number; size: number },
): Promise<Buffer<ArrayBuffer> | undefined> {
  const descriptor = opened(file)
  if (descriptor === undefined) return undefined
  try {
    // Not filled with zeros, which takes as long as the read.
    const bytes = Buffer.allocUnsafeSlow(size)
    for (let at = 0; at < size;) {
      const left = size - at
      const bytesRead =
        size <= SMALL_READ_BYTES
          ? readSync(descriptor, bytes, at, left, first + at)
          : (await read(descriptor, bytes, at, left, first + at)).bytesRead
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
    return bytes
  } finally {
    closeSync(descriptor)
  }
}

function opened(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch {
    return undefined
  }
}
