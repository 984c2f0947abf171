import path from 'node:path'

/** Content types by file ending; what has another ending is no image. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.heic': 'image/heic',
  '.heif': 'image/heif',
}

/** The endings that files of images have. */
export const IMAGE_ENDINGS: readonly string[] = Object.keys(CONTENT_TYPES)

/** What an image is stored as, by the ending of its name; undefined for the name of anything else. */
export function imageContentType(name: string): string | undefined {
  const ending = path.extname(name).toLowerCase()
  return IMAGE_ENDINGS.includes(ending) ? CONTENT_TYPES[ending] : undefined
}
