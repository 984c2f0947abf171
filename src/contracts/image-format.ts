/**
 * The image formats that Gemini accepts
 * (https://ai.google.dev/gemini-api/docs/image-understanding#supported-formats). The pixels model accepts the same,
 * so that every profile works on the same table.
 */
export const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'heic', 'heif'] as const

export type ImageFormat = (typeof IMAGE_FORMATS)[number]

/** A refused content's `kind` is its noun, if it is known: `GIF image`. */
export type DetectedFormat = { format: ImageFormat } | { refused: string; kind?: string }

/** Brands of the ISO base media file format (https://mp4ra.org/registered-types/brands) and their formats here. */
const HEIC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'])
const HEIF_BRANDS = new Set(['mif1', 'mif2', 'msf1'])
const AVIF_BRANDS = new Set(['avif', 'avis'])

/** Known formats that get a better message than "not an image". */
const REFUSED: readonly { name: string; begins: string }[] = [
  { name: 'a GIF image', begins: 'GIF8' },
  { name: 'a TIFF image', begins: 'II*\0' },
  { name: 'a TIFF image', begins: 'MM\0*' },
  { name: 'a BMP image', begins: 'BM' },
  { name: 'a PDF document', begins: '%PDF' },
  { name: 'a JPEG 2000 image', begins: '\0\0\0\fjP  ' },
  { name: 'a JPEG XL image', begins: '\xff\n' },
  { name: 'a JPEG XL image', begins: '\0\0\0\fJXL ' },
  { name: 'a LAS or LAZ point cloud', begins: 'LASF' },
  { name: 'a ZIP archive', begins: 'PK\x03\x04' },
  { name: 'a gzip archive', begins: '\x1f\x8b' },
  { name: 'a Photoshop file', begins: '8BPS' },
  { name: 'an XML, HTML or SVG file', begins: '<' },
  { name: 'a Git LFS pointer', begins: 'version https://git-lfs' },
]

/**
 * Detects an image's format from its first bytes, never from the file name, which is often wrong.
 * Checking before decoding also keeps hostile files away from the decoders of all other formats.
 */
export function detectFormat(bytes: Buffer): DetectedFormat {
  if (bytes.length === 0) return { refused: 'is empty (0 bytes)' }
  const head = bytes.toString('latin1', 0, 64)
  if (head.startsWith('\xff\xd8\xff')) return { format: 'jpeg' }
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return { format: 'png' }
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return { format: 'webp' }
  if (head.slice(4, 8) === 'ftyp') return isoMediaFormat(bytes, head)
  const known = REFUSED.find(({ begins }) => head.startsWith(begins))
  if (known === undefined) return { refused: `is not an image: ${accepted()}` }
  return { refused: `is ${known.name}: ${accepted()}`, kind: known.name.replace(/^an? /, '') }
}

function isoMediaFormat(bytes: Buffer, head: string): DetectedFormat {
  const boxLength = Math.min(bytes.readUInt32BE(0), head.length)
  const brands = [head.slice(8, 12)]
  for (let at = 16; at + 4 <= boxLength; at += 4) brands.push(head.slice(at, at + 4))
  // An AVIF file can list mif1 as well, so this check comes before HEIF.
  if (brands.some((brand) => AVIF_BRANDS.has(brand)))
    return { refused: `is an AVIF image: ${accepted()}`, kind: 'AVIF image' }
  if (brands.some((brand) => HEIC_BRANDS.has(brand))) return { format: 'heic' }
  if (brands.some((brand) => HEIF_BRANDS.has(brand))) return { format: 'heif' }
  return { refused: `is a video or an unknown media file: ${accepted()}`, kind: 'video' }
}

function accepted(): string {
  return `imagery reads only ${IMAGE_FORMATS.slice(0, -1).join(', ')} and ${IMAGE_FORMATS.at(-1)}`
}

/** Content types by the end of a file's name. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  jpe: 'image/jpeg',
  jfif: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
}

/** Returns an image's content type by the end of its name, for an image whose content cannot be read. */
export function imageContentType(name: string): string | undefined {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(CONTENT_TYPES, ending) ? CONTENT_TYPES[ending] : undefined
}
