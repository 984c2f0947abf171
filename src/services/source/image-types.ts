import path from 'node:path'

/** Content types by file extension. Files with other extensions are not images. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.heic': 'image/heic',
  '.heif': 'image/heif',
}

/** The extensions of image files. */
export const IMAGE_ENDINGS: readonly string[] = Object.keys(CONTENT_TYPES)

/** Returns an image's content type by the extension of its name, or undefined if the name is not an image's. */
export function imageContentType(name: string): string | undefined {
  const ending = path.extname(name).toLowerCase()
  return IMAGE_ENDINGS.includes(ending) ? CONTENT_TYPES[ending] : undefined
}
