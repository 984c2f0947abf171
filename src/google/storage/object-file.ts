import { open } from 'node:fs/promises'

/**
 * Returns the content of a file of this machine in memory of its own; undefined if it cannot be opened, or is shorter than
 * `size`.
 */
export async function readObjectFile(file: string, size: number): Promise<Buffer<ArrayBuffer> | undefined> {
  // Not filled with zeros, which takes as long as the read.
  const bytes = Buffer.allocUnsafeSlow(size)
  const handle = await open(file, 'r').catch(() => undefined)
  try {
    for (let at = 0; at < size;) {
      const { bytesRead } = (await handle?.read(bytes, at, size - at, at)) ?? { bytesRead: 0 }
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
    return bytes
  } finally {
    await handle?.close()
  }
}
