import { GoogleError } from '../../kernel/errors.ts'
import { parseJson } from '../../kernel/json-text.ts'
import type { Chunks } from './content-store.ts'

/** The first part of an upload is JSON metadata, which is never a megabyte long. */
const MAX_METADATA_BYTES = 1024 * 1024

export interface MultipartUpload {
  metadata: Record<string, unknown>
  /** The Content-Type of the media part. */
  contentType: string | undefined
  /** The media. As it arrives, and then it must be read to its end, unless the whole body is in memory. */
  media: Chunks
}

/** The boundary of a `multipart/related` content type, quoted either way or not at all. Throws INVALID_ARGUMENT. */
export function readBoundary(contentType: string | undefined): string {
  const found = /^multipart\/related\s*;.*?\bboundary=(?:"([^"]+)"|'([^']+)'|([^\s;]+))/i.exec(contentType ?? '')
  const boundary = found?.[1] ?? found?.[2] ?? found?.[3]
  if (!boundary) throw malformed('the Content-Type must be multipart/related with a boundary')
  return boundary
}

/**
 * Splits a multipart upload without holding it in memory
 * (https://cloud.google.com/storage/docs/uploading-objects#uploading-an-object, "Multipart upload").
 * Rejects INVALID_ARGUMENT when it is not two parts, JSON first.
 */
export async function readMultipart(chunks: Chunks, boundary: string): Promise<MultipartUpload> {
  const source = toIterator(chunks)
  const opening = Buffer.from(`--${boundary}`)
  let head: Buffer = Buffer.alloc(0)
  const readUntil = async (mark: Buffer | string, from: number): Promise<number> => {
    for (;;) {
      const at = head.indexOf(mark, from)
      if (at !== -1) return at
      if (head.byteLength > MAX_METADATA_BYTES) throw malformed('its first part is too long')
      const { done, value } = await source.next()
      if (done) throw malformed('it ends too early')
      head = Buffer.concat([head, value])
    }
  }

  const start = await readUntil(opening, 0)
  const metadataAt = (await readUntil('\r\n\r\n', start)) + 4
  const metadataEnd = await readUntil(Buffer.concat([Buffer.from('\r\n'), opening]), metadataAt)
  const mediaHeadersAt = metadataEnd + 2 + opening.byteLength
  const mediaAt = (await readUntil('\r\n\r\n', mediaHeadersAt)) + 4
  const mediaHeaders = head.toString('latin1', mediaHeadersAt, mediaAt)
  const media = untilBoundary(head.subarray(mediaAt), source, Buffer.concat([Buffer.from('\r\n'), opening]))
  return {
    metadata: parseMetadata(head.toString('utf8', metadataAt, metadataEnd)),
    contentType: /^content-type:\s*(.*?)\s*$/im.exec(mediaHeaders)?.[1],
    media: Array.isArray(chunks) ? await Array.fromAsync(media) : media,
  }
}

async function* untilBoundary(
  first: Buffer,
  source: AsyncIterator<Uint8Array>,
  mark: Buffer,
): AsyncGenerator<Uint8Array> {
  let held = first
  for (;;) {
    const end = held.indexOf(mark)
    if (end !== -1) {
      yield held.subarray(0, end)
      return
    }
    // The bytes so far can end with the beginning of the mark.
    const sure = Math.max(0, held.byteLength - mark.byteLength + 1)
    if (sure > 0) yield held.subarray(0, sure)
    const { done, value } = await source.next()
    if (done) throw malformed('it ends without its closing boundary')
    held = Buffer.concat([held.subarray(sure), value])
  }
}

async function* toIterator(chunks: Chunks): AsyncGenerator<Uint8Array, undefined> {
  yield* chunks
}

function parseMetadata(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = parseJson(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch (error) {
    throw malformed(`its metadata is not JSON (${(error as Error).message})`)
  }
  throw malformed('its metadata is not a JSON object')
}

function malformed(why: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', `Malformed multipart body: ${why}.`, {
    reason: 'badRequest',
  })
}
