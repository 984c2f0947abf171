import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ArchiveError, type ArchiveEntry } from './archive-entry.ts'
import { readZip } from './zip.ts'

/** Maximum unpacked size of one archive, as a guard against archive bombs. */
const UNPACKED_MAX_BYTES = 1024 * 1024 * 1024

/** tar's unit: headers are one block, contents are padded to whole blocks. */
const BLOCK_BYTES = 512

/**
 * Unpacks a .tar.gz or a .zip of regular files and directories into `directory`, which is created. Reads
 * ustar with the path extensions of pax and GNU tar
 * (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html). Throws ArchiveError for
 * anything else (links, devices) and for any path that leaves the directory.
 */
export async function unpackArchive(archive: Buffer, directory: string): Promise<void> {
  const entries = isZip(archive) ? readZip(archive, UNPACKED_MAX_BYTES) : readTar(await unzipped(archive))
  mkdirSync(directory, { recursive: true })
  for (const entry of entries) {
    const target = path.join(directory, safePath(entry.path))
    if (entry.kind === 'directory') mkdirSync(target, { recursive: true })
    else {
      mkdirSync(path.dirname(target), { recursive: true })
      writeFileSync(target, entry.content, { mode: entry.executable ? 0o755 : 0o644 })
    }
  }
}

function isZip(archive: Buffer): boolean {
  return archive.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))
}

function unzipped(archive: Buffer): Promise<Buffer> {
  return promisify(gunzip)(archive, { maxOutputLength: UNPACKED_MAX_BYTES }).catch((error: unknown) => {
    throw new ArchiveError(`the source archive is not a .tar.gz: ${String(error)}`)
  })
}

function* readTar(tar: Buffer): Generator<ArchiveEntry> {
  let longPath: string | undefined
  for (let offset = 0; offset + BLOCK_BYTES <= tar.length;) {
    const header = tar.subarray(offset, offset + BLOCK_BYTES)
    if (header.every((byte) => byte === 0)) return
    checkHeader(header)
    const size = octal(header, 124, 12)
    const content = tar.subarray(offset + BLOCK_BYTES, offset + BLOCK_BYTES + size)
    if (content.length < size) throw new ArchiveError('the source archive ends in the middle of a file')
    offset += BLOCK_BYTES + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'x') {
      longPath = paxPath(content) ?? longPath
      continue
    }
    if (type === 'L') {
      longPath = text(content, 0, content.length)
      continue
    }
    if (type === 'g') continue
    const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : ''
    const name = longPath ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`)
    longPath = undefined
    if (type !== '0' && type !== '\0' && type !== '5') {
      throw new ArchiveError(`"${name}" in the source archive is neither a file nor a directory`)
    }
    const isDirectory = type === '5' || name.endsWith('/')
    yield {
      kind: isDirectory ? 'directory' : 'file',
      path: name,
      executable: (octal(header, 100, 8) & 0o111) !== 0,
      content,
    }
  }
}

function safePath(name: string): string {
  const normal = path.posix.normalize(name)
  if (name === '' || /[\\\0:]/.test(name) || path.posix.isAbsolute(normal) || normal.split('/').includes('..')) {
    throw new ArchiveError(`the path "${name}" in the source archive leaves its directory`)
  }
  return normal
}

/** The header's sum counts its own eight bytes as spaces. */
function checkHeader(header: Buffer): void {
  let sum = 0
  for (let index = 0; index < BLOCK_BYTES; index++) sum += index >= 148 && index < 156 ? 0x20 : header[index]!
  if (sum !== octal(header, 148, 8))
    throw new ArchiveError('the source archive is damaged: a header has a wrong checksum')
}

/** The `path` record of a pax header: lines of `LENGTH KEY=VALUE\n`. */
function paxPath(content: Buffer): string | undefined {
  for (let offset = 0; offset < content.length;) {
    const length = Number.parseInt(content.toString('latin1', offset, offset + 20), 10)
    if (!(length > 0)) throw new ArchiveError('the source archive has a damaged pax header')
    const [, value] = /^\d+ path=(.*)\n$/s.exec(content.toString('utf8', offset, offset + length)) ?? []
    if (value !== undefined) return value
    offset += length
  }
  return undefined
}

function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  return block.toString('utf8', start, end === -1 ? start + length : Math.min(end, start + length))
}

function octal(block: Buffer, start: number, length: number): number {
  const digits = text(block, start, length).trim()
  if (!/^[0-7]*$/.test(digits)) throw new ArchiveError('the source archive is damaged: a header has an invalid number')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}
