import { refused, vertexError } from './failures.ts'
import type { ImagePart } from './generation-request.ts'
import type { ImageReader } from './image-reader.ts'
import { MAX_STORED_IMAGE_BYTES } from './limits.ts'

/** An object in the local Cloud Storage, or why it is not readable. */
export type StoredObject = { size: number; head: Buffer } | 'no object' | 'no bucket'

/** Looks at the first bytes of `gs://bucket/object`. */
export type PeekObject = (uri: string, bytes: number) => StoredObject

/** The bytes that the longest signature below needs. */
const HEAD_BYTES = 16

/**
 * Checks the images of a request as Vertex AI does when it reads them. A bucket that the local
 * Cloud Storage does not have belongs to others: its objects are assumed to exist and to be images.
 *
 * Throws FAILED_PRECONDITION and PERMISSION_DENIED from `reader`, NOT_FOUND for a missing object, INVALID_ARGUMENT for one
 * that is too large or not an image
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors).
 */
export function checkImages(
  images: readonly ImagePart[],
  peek: PeekObject,
  reader: Pick<ImageReader, 'checkAgent' | 'checkObject'>,
): void {
  if (images.some(({ bytes }) => !bytes)) reader.checkAgent()
  for (const { uri, bytes } of images) {
    const stored = bytes ? { size: bytes.byteLength, head: bytes.subarray(0, HEAD_BYTES) } : peek(uri, HEAD_BYTES)
    if (stored === 'no bucket') continue
    if (!bytes) reader.checkObject(uri)
    if (stored === 'no object') throw vertexError('NOT_FOUND', `Image file not found in the storage URL: ${uri}`)
    if (stored.size > MAX_STORED_IMAGE_BYTES) {
      throw refused(
        `it has the image ${uri} of ${stored.size} bytes but the maximum is ${MAX_STORED_IMAGE_BYTES} bytes (30 MB).`,
      )
    }
    if (!isImage(stored.head)) throw unreadableImage()
  }
}

/** Vertex AI's error for bytes that it cannot decode. */
export function unreadableImage(): Error {
  return vertexError(
    'INVALID_ARGUMENT',
    'Unable to process input image. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
  )
}

/** PNG, JPEG, WebP, HEIC or HEIF, by their first bytes; the declared type is not held against them. */
function isImage(head: Buffer): boolean {
  const text = head.toString('latin1')
  if (text.startsWith('\x89PNG\r\n\x1a\n') || text.startsWith('\xff\xd8\xff')) return true
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return true
  return text.slice(4, 8) === 'ftyp' && /^(?:hei[cxmsf]|hev[cx]|mif1|msf1|avif)/.test(text.slice(8, 12))
}
