import { open } from 'node:fs/promises'

/**
 * Returns `size` bytes of a file of this machine, from `first` on, in memory of their own; undefined if it cannot be opened, or
 * is shorter.
 */
export async function readObjectFile(
  file: string,
  { first, size }: { first: number; size: number },
): Promise<Buffer<ArrayBuffer> | undefined> {
  // Not filled with zeros, which takes as long as the read.
  const bytes = Buffer.allocUnsafeSlow(size)
  const handle = await open(file, 'r').catch(() => undefined)
  try {
    for (let at = 0; at < size;) {
      const { bytesRead } = (await handle?.read(bytes, at, size - at, first + at)) ?? { bytesRead: 0 }
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
    return bytes
  } finally {
    await handle?.close()
  }
}
