import path from 'node:path'
import { detectFormat, imageContentType, IMAGE_FORMATS } from '../../contracts/image-format.ts'

/** Files and folders that a system or a program keeps beside images, by their names. */
const OF_THE_SYSTEM = new Set([
  '__macosx',
  '.ds_store',
  '.spotlight-v100',
  '.trashes',
  '.fseventsd',
  '.thumbnails',
  '.git',
  '@eadir',
  '$recycle.bin',
  'system volume information',
  'thumbs.db',
  'desktop.ini',
])

/** The first bytes of the file in which macOS keeps what another file system cannot (https://www.rfc-editor.org/rfc/rfc1740). */
const APPLE_DOUBLE = 0x00_05_16_07

/** Whether a name is of a file or folder that no person put there. */
export function isOfTheSystem(name: string): boolean {
  return OF_THE_SYSTEM.has(name.toLowerCase()) || name.startsWith('.Trash-')
}

/** Bytes that are enough for `fileKind`. */
export const HEAD_BYTES = 64

/** What a file in a folder of images is. */
export type FileKind = 'image' | 'of the system' | { other: string }

/** Whether a name promises an image, so that a file with another content gets a row that says so. */
export function isNamedAsImage(name: string): boolean {
  return imageContentType(name) !== undefined && !name.startsWith('._')
}

/** Tells by its first bytes what a file is; `other` is a noun in the plural. */
export function fileKind(name: string, head: Buffer): FileKind {
  const detected = detectFormat(head)
  if ('format' in detected) return 'image'
  if (name.startsWith('._') && (head.length < 4 || head.readUInt32BE() === APPLE_DOUBLE)) return 'of the system'
  if (detected.kind !== undefined) return { other: `${detected.kind}s` }
  const ending = path.extname(name).toLowerCase()
  return { other: ending === '' ? 'files without an extension' : `${ending} files` }
}

/** The formats that are read, as a list in words. */
export const IMAGE_KINDS = `${IMAGE_FORMATS.slice(0, -1).join(', ')} and ${IMAGE_FORMATS.at(-1)}`
