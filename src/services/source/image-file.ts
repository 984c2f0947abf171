import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  open as openDescriptor,
  read as readDescriptor,
  readlinkSync,
  type BigIntStats,
} from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ImageryError } from '../../contracts/errors.ts'
import { addressScheme, parseGsUri } from '../../contracts/gs-uri.ts'
import { errnoText, otherKind } from '../../contracts/file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { MAX_OBJECT_BYTES } from '../../google/storage/storage.ts'

/** The folders that a run may read images from. */
export interface ImageFolders {
  /** The base of relative paths: the table's own folder. */
  base: string
  /** The table's folder and those of `--image-root`, with links resolved. */
  roots: readonly string[]
  /** The same folders as the user named them. */
  named: readonly string[]
}

/** The reason that an image was not read, which completes a sentence that starts with the image. */
export interface Refused {
  refused: string
}

export type ImageFile = { bytes: Buffer } | Refused

/** An image's open file: a regular file of at most `MAX_OBJECT_BYTES` in one of the folders. */
export interface OpenImage {
  /** Its full path without links. */
  path: string
  stats: BigIntStats
  /** Reads its first bytes, or fewer at its end. */
  head(length: number): Promise<Buffer>
  whole(): Promise<ImageFile>
}

/** @throws ImageryError FILE_NOT_FOUND for a folder that is missing or cannot be read */
export async function openImageFolders(tableFolder: string, imageRoots: readonly string[]): Promise<ImageFolders> {
  const roots = await Promise.all(
    [tableFolder, ...imageRoots].map((folder) =>
      realpath(folder).catch((error: unknown) => Promise.reject(folderGone(folder, error))),
    ),
  )
  return { base: tableFolder, roots, named: [tableFolder, ...imageRoots] }
}

/** Returns the error for a folder of the run's images that cannot be read (any longer). */
export function folderGone(folder: string, error: unknown): ImageryError {
  return new ImageryError(
    'FILE_NOT_FOUND',
    `Folder ${folder}, which contains images of the run, cannot be read: ${errnoText(error)}`,
    { suggestions: [`ls -ld ${shellWord(folder)}`], cause: error },
  )
}

/** The reason that a missing image was not read. */
export const MISSING = 'does not exist'

/**
 * Reads an image that a table names. The name is data, so it can lead anywhere, with `..`, as an
 * absolute path, or through a link. Opens only a regular file that is really in one of the folders,
 * and reads at most the limit. Never rejects.
 */
export async function readImageFile(name: string, folders: ImageFolders): Promise<ImageFile> {
  return withImageFile(name, folders, (file) => file.whole())
}

/** Opens an image as `readImageFile` does, for `use`, whose errors become a refusal too. */
export async function withImageFile<Result extends object>(
  name: string,
  folders: ImageFolders,
  use: (file: OpenImage) => Promise<Result | Refused>,
): Promise<Result | Refused> {
  return findFile(name, folders, async (descriptor, stats, path) => {
    if (stats.size > BigInt(MAX_OBJECT_BYTES)) return { refused: TOO_LARGE }
    return use({
      path,
      stats,
      head: (length) => readHead(descriptor, length),
      whole: () => readWhole(descriptor, Number(stats.size)),
    })
  })
}

/** Reads only the first `length` bytes of a file that a folder lists, whatever its name looks like, or fewer at its end. */
export async function readListedHead(name: string, folders: ImageFolders, length: number): Promise<ImageFile> {
  return readPath(path.join(folders.base, name), folders, async (descriptor) => ({
    bytes: await readHead(descriptor, length),
  }))
}

type Use<Result> = (descriptor: number, stats: BigIntStats, real: string) => Promise<Result | Refused>

async function findFile<Result extends object>(
  name: string,
  folders: ImageFolders,
  use: Use<Result>,
): Promise<Result | Refused> {
  const fault = nameFault(name)
  if (fault !== undefined) return { refused: fault }
  const found = await findPath(filePath(name), folders, use)
  if (!isMissing(found)) return found
  for (const other of otherNames(filePath(name))) {
    const otherwise = await findPath(other, folders, use)
    if (!isMissing(otherwise)) return otherwise
  }
  return found
}

/**
 * What a name can mean if there is no file as written: in a table that Windows wrote, backslashes are between folders, and
 * spaces around a cell are no part of it. A name can hold both, so it is tried as written first.
 */
function otherNames(name: string): Set<string> {
  const trimmed = name.trim()
  const names = new Set([trimmed])
  if (path.sep === '/') for (const each of [name, trimmed]) names.add(each.replaceAll('\\', '/'))
  names.delete(name)
  return names
}

async function findPath<Result extends object>(
  name: string,
  folders: ImageFolders,
  use: Use<Result>,
): Promise<Result | Refused> {
  const file = path.resolve(folders.base, name)
  const first = await readPath(file, folders, use)
  if (!isMissing(first) || !/[^\x00-\x7f]/.test(name)) return first
  const written = await otherSpelling(file, folders)
  return written === undefined ? first : readPath(written, folders, use)
}

function isMissing(result: object | Refused): boolean {
  return 'refused' in result && result.refused === MISSING
}

/** The path of a `file://` URL of this machine, or the name itself. */
function filePath(name: string): string {
  return addressScheme(name) === 'file' ? fileURLToPath(name.trim()) : name
}

/**
 * Finds a file whose name is the same text in another Unicode form: macOS writes `é` as two characters, most other
 * systems as one (https://unicode.org/reports/tr15/). Looks only into the folders that images may be read from.
 */
async function otherSpelling(file: string, folders: ImageFolders): Promise<string | undefined> {
  const root = folders.named.find((named) => isInside(file, [named]))
  if (root === undefined) return undefined
  let place = root
  for (const part of path.relative(root, file).split(path.sep)) {
    const real = await realpath(place).catch(() => undefined)
    if (real === undefined || !isInside(real, folders.roots)) return undefined
    const names = await readdir(real).catch((): string[] => [])
    const same = names.includes(part) ? part : names.find((entry) => entry.normalize() === part.normalize())
    if (same === undefined) return undefined
    place = path.join(place, same)
  }
  return place
}

async function readPath<Result extends object>(
  file: string,
  folders: ImageFolders,
  use: Use<Result>,
): Promise<Result | Refused> {
  try {
    const real = await realpath(file)
    if (!isInside(real, folders.roots)) return { refused: OUTSIDE }
    // Opening a device can have an effect, so its kind is checked before and again after it is opened.
    const kind = otherKind(lstatSync(real))
    if (kind !== undefined) return { refused: `is ${kind}, not a file` }
    const descriptor = await open(real, OPEN_FLAGS)
    try {
      return await readOpen(descriptor, real, folders, use)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    // A table must not learn what exists in other folders.
    return { refused: isInside(file, [...folders.named, ...folders.roots]) ? unreadable(error) : OUTSIDE }
  }
}

const OUTSIDE =
  "is outside the table's folder, so it was not read; allow its folder with imagery run --image-root FOLDER"

/**
 * Only what can wait for a disk or a network is asynchronous. What the kernel knows by then (the kind of a path that it has just
 * resolved, and all about an open file) takes it a few microseconds, and a way through a thread of Node.js a tenth of a millisecond.
 */
const open = promisify(openDescriptor)
const read = promisify(readDescriptor)

/** Does not follow a link that has just replaced the file, and does not wait for a pipe. Windows has neither flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

function nameFault(name: string): string | undefined {
  if (name.trim() === '') return 'names no file'
  if (/\p{Cc}/u.test(name)) return 'has a control character in its path'
  const scheme = addressScheme(name)
  if (scheme === 'file') return fileUrlFault(name)
  if (scheme === undefined) return undefined
  const object = parseGsUri(name)
  return 'fault' in object ? object.fault : 'is an object, not a file'
}

function fileUrlFault(name: string): string | undefined {
  try {
    return /\p{Cc}/u.test(fileURLToPath(name.trim())) ? 'has a control character in its path' : undefined
  } catch {
    return 'is a file:// URL of another machine, or has no path'
  }
}

/** Whether a path is one of the folders or below one. */
export function isInside(file: string, roots: readonly string[]): boolean {
  return roots.some((root) => {
    const below = path.relative(root, file)
    return below !== '..' && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below)
  })
}

async function readOpen<Result extends object>(
  descriptor: number,
  real: string,
  { roots }: ImageFolders,
  use: Use<Result>,
): Promise<Result | Refused> {
  const opened = fstatSync(descriptor, { bigint: true })
  const kind = otherKind(opened)
  if (kind !== undefined) return { refused: `is ${kind}, not a file` }
  // A folder in the path can become a link between the check and the open.
  if (!(await liesInside(descriptor, opened, real, roots))) return { refused: 'was replaced while it was being read' }
  return use(descriptor, opened, real)
}

async function readHead(descriptor: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await read(descriptor, Buffer.alloc(length), 0, length, 0)
  return buffer.subarray(0, bytesRead)
}

async function readWhole(descriptor: number, size: number): Promise<ImageFile> {
  const bytes = await readAtMost(descriptor, size)
  return bytes.length > MAX_OBJECT_BYTES ? { refused: TOO_LARGE } : { bytes }
}

/** Where an open file really lies, Linux tells (https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html); elsewhere its place is looked at once more. */
async function liesInside(
  descriptor: number,
  opened: BigIntStats,
  real: string,
  roots: readonly string[],
): Promise<boolean> {
  const place = placeOf(descriptor)
  if (place !== undefined) return isInside(place, roots)
  const there = await stat(real, { bigint: true })
  return (await realpath(real)) === real && there.ino === opened.ino && there.dev === opened.dev
}

function placeOf(descriptor: number): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    // Some containers have no /proc.
    return undefined
  }
}

const TOO_LARGE = `is larger than ${MAX_OBJECT_BYTES / 1024 ** 2} MiB`

/** Reads a file of the expected size. A file that grows in the meantime is read up to one byte over the limit. */
async function readAtMost(descriptor: number, expected: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let length = 0; length <= MAX_OBJECT_BYTES;) {
    const room = Math.max(1, Math.min(expected, MAX_OBJECT_BYTES) + 1 - length)
    const size = Math.max(room, 4_096)
    const { bytesRead, buffer } = await read(descriptor, Buffer.allocUnsafe(size), 0, size, null)
    if (bytesRead === 0) break
    chunks.push(buffer.subarray(0, bytesRead))
    length += bytesRead
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function unreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return MISSING
  return `cannot be read: ${errnoText(error)}`
}
