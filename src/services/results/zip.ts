import { pipeline, Readable } from 'node:stream'
import { crc32, createDeflateRaw } from 'node:zlib'
import { ImageryError } from '../../contracts/errors.ts'

/** A file of an archive. */
export interface ZipEntry {
  name: string
  content: Iterable<string> | AsyncIterable<string>
}

/** The format's limit for a file and an archive without its 64-bit extension, which not every spreadsheet reads. */
const MOST_BYTES = 0xffff_ffff

/** Sizes follow the content, and names are UTF-8: bits 3 and 11 of the flags. */
const FLAGS = 0x0808
const DEFLATED = 8
/** 2.0: deflate. */
const VERSION = 20
/** 1980-01-01, the first day that the format has: the same rows make the same file. */
const DATE = 0x0021

/**
 * Yields a ZIP archive (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) as its files are read, in memory that
 * does not grow with them.
 *
 * @throws ImageryError FILE_NOT_WRITABLE for more than 4 GB
 */
export async function* zipPieces(entries: Iterable<ZipEntry>): AsyncGenerator<Buffer> {
  const directory: Buffer[] = []
  let at = 0
  for (const { name, content } of entries) {
    const bytes = Buffer.from(name, 'utf8')
    const start = at
    const header = localHeader(bytes)
    yield header
    at += header.length
    const sum = { crc: 0, size: 0 }
    let compressed = 0
    const packed = createDeflateRaw()
    // A failure of the content destroys the stream that is read here, whose reader then gets it.
    pipeline(Readable.from(measured(content, sum)), packed, () => undefined)
    for await (const piece of packed) {
      yield piece as Buffer
      compressed += (piece as Buffer).length
    }
    const sizes = { ...sum, compressed }
    at += compressed
    const descriptor = Buffer.alloc(16)
    descriptor.writeUInt32LE(0x0807_4b50, 0)
    writeSizes(descriptor, 4, sizes)
    yield descriptor
    at += descriptor.length
    refuseAbove(Math.max(sum.size, at))
    directory.push(directoryHeader(bytes, sizes, start))
  }
  yield* directory
  yield endRecord(directory, at)
}

async function* measured(content: ZipEntry['content'], sum: { crc: number; size: number }): AsyncGenerator<Buffer> {
  for await (const text of content) {
    const bytes = Buffer.from(text, 'utf8')
    sum.crc = crc32(bytes, sum.crc)
    sum.size += bytes.length
    refuseAbove(sum.size)
    yield bytes
  }
}

function refuseAbove(bytes: number): void {
  if (bytes <= MOST_BYTES) return
  throw new ImageryError('FILE_NOT_WRITABLE', 'These rows need more than 4 GB, which an .xlsx file cannot have', {
    suggestions: ['--format parquet -o results.parquet', '--format csv -o results.csv', 'Choose fewer --columns'],
  })
}

interface Sizes {
  crc: number
  size: number
  compressed: number
}

function writeSizes(buffer: Buffer, at: number, { crc, compressed, size }: Sizes): void {
  buffer.writeUInt32LE(crc, at)
  buffer.writeUInt32LE(compressed, at + 4)
  buffer.writeUInt32LE(size, at + 8)
}

function localHeader(name: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x0403_4b50, 0)
  header.writeUInt16LE(VERSION, 4)
  header.writeUInt16LE(FLAGS, 6)
  header.writeUInt16LE(DEFLATED, 8)
  header.writeUInt16LE(DATE, 12)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function directoryHeader(name: Buffer, sizes: Sizes, start: number): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x0201_4b50, 0)
  header.writeUInt16LE(VERSION, 4)
  header.writeUInt16LE(VERSION, 6)
  header.writeUInt16LE(FLAGS, 8)
  header.writeUInt16LE(DEFLATED, 10)
  header.writeUInt16LE(DATE, 14)
  writeSizes(header, 16, sizes)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt32LE(start, 42)
  return Buffer.concat([header, name])
}

function endRecord(directory: readonly Buffer[], at: number): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x0605_4b50, 0)
  record.writeUInt16LE(directory.length, 8)
  record.writeUInt16LE(directory.length, 10)
  record.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  )
  record.writeUInt32LE(at, 16)
  return record
}
