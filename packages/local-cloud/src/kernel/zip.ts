import { crc32, inflateRawSync } from 'node:zlib'
import { ArchiveError, type ArchiveEntry } from './archive-entry.ts'

/*
 * The parts of a .zip file that matter here: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
 */
const END_SIGNATURE = 0x0605_4b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 65_535
const DIRECTORY_SIGNATURE = 0x0201_4b50
const DIRECTORY_BYTES = 46
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8
const ENCRYPTED = 1
/** Sizes that indicate that the real ones are in a zip64 record. */
const ZIP64_COUNT = 0xffff
const ZIP64_SIZE = 0xffff_ffff
const UNIX = 3
const FILE_TYPE = 0o170_000
const REGULAR = 0o100_000
const DIRECTORY = 0o040_000

/** The entries of a .zip, by its central directory. Throws ArchiveError. `maxBytes` limits the total unpacked size. */
export function* readZip(archive: Buffer, maxBytes: number): Generator<ArchiveEntry> {
  const end = findEnd(archive)
  const count = archive.readUInt16LE(end + 10)
  let offset = archive.readUInt32LE(end + 16)
  if (count === ZIP64_COUNT || offset === ZIP64_SIZE) throw new ArchiveError('the source archive is a zip64 file')
  let left = maxBytes
  for (let index = 0; index < count; index++) {
    if (offset + DIRECTORY_BYTES > archive.length || archive.readUInt32LE(offset) !== DIRECTORY_SIGNATURE)
      throw damaged()
    const nameBytes = archive.readUInt16LE(offset + 28)
    const name = archive.toString('utf8', offset + DIRECTORY_BYTES, offset + DIRECTORY_BYTES + nameBytes)
    const mode = archive[offset + 5] === UNIX ? archive.readUInt32LE(offset + 38) >>> 16 : 0
    const type = mode & FILE_TYPE
    if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
      throw new ArchiveError(`"${name}" in the source archive is neither a file nor a directory`)
    }
    const content = name.endsWith('/') ? Buffer.alloc(0) : readContent(archive, offset, left)
    left -= content.byteLength
    yield {
      kind: name.endsWith('/') ? 'directory' : 'file',
      path: name,
      executable: (mode & 0o111) !== 0,
      content,
    }
    offset += DIRECTORY_BYTES + nameBytes + archive.readUInt16LE(offset + 30) + archive.readUInt16LE(offset + 32)
  }
}

function readContent(archive: Buffer, entry: number, maxBytes: number): Buffer {
  const method = archive.readUInt16LE(entry + 10)
  const compressedBytes = archive.readUInt32LE(entry + 20)
  const bytes = archive.readUInt32LE(entry + 24)
  const local = archive.readUInt32LE(entry + 42)
  if ((archive.readUInt16LE(entry + 8) & ENCRYPTED) !== 0) throw new ArchiveError('the source archive is encrypted')
  if (bytes > maxBytes) throw new ArchiveError('the source archive is too large when unpacked')
  if (local + LOCAL_BYTES > archive.length) throw damaged()
  const start = local + LOCAL_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const compressed = archive.subarray(start, start + compressedBytes)
  if (method !== STORED && method !== DEFLATED)
    throw new ArchiveError('the source archive uses an unknown compression method')
  const content = method === STORED ? compressed : inflate(compressed, bytes)
  if (content.byteLength !== bytes || crc32(content) !== archive.readUInt32LE(entry + 16)) throw damaged()
  return content
}

function inflate(compressed: Buffer, bytes: number): Buffer {
  try {
    return inflateRawSync(compressed, { maxOutputLength: Math.max(1, bytes) })
  } catch (error) {
    throw new ArchiveError(`the source archive is damaged: ${String(error)}`, { cause: error })
  }
}

/** The end record is last in the file, except for a comment. */
function findEnd(archive: Buffer): number {
  const first = Math.max(0, archive.length - END_BYTES - MAX_COMMENT_BYTES)
  for (let at = archive.length - END_BYTES; at >= first; at--) {
    if (archive.readUInt32LE(at) === END_SIGNATURE) return at
  }
  throw damaged()
}

function damaged(): ArchiveError {
  return new ArchiveError('the source archive is a damaged .zip file')
}
