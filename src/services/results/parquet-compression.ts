import { promisify } from 'node:util'
import zlib from 'node:zlib'

/** How the pages of a Parquet file are compressed, one after the other. */
export interface Compression {
  /** A `CompressionCodec` of https://github.com/apache/parquet-format `parquet.thrift`. */
  codec: number
  compress: (page: Buffer) => Promise<Buffer>
  close: () => void
}

const GZIP = 2
const ZSTD = 6

/** Zstandard, or gzip in a Node.js before 22.15, which has no Zstandard. */
export function compressionOf(from: Partial<typeof zlib> = zlib): Compression {
  const { createZstdCompress, gzip } = from
  if (createZstdCompress) return zstd(createZstdCompress())
  return { codec: GZIP, compress: promisify(gzip!), close: () => undefined }
}

/**
 * One stream makes a frame for each page, because a compressor for each page would leave a hundred kilobytes until the next
 * garbage collection.
 */
function zstd(stream: zlib.ZstdCompress): Compression {
  let pieces: Buffer[] = []
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  return {
    codec: ZSTD,
    compress: (page) =>
      new Promise((resolve, reject) => {
        stream.once('error', reject)
        stream.write(page)
        stream.flush(zlib.constants.ZSTD_e_end, () => {
          stream.off('error', reject)
          resolve(Buffer.concat(pieces))
          pieces = []
        })
      }),
    close: () => stream.close(),
  }
}
