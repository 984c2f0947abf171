import { GoogleError } from '../../kernel/errors.ts'

/** The bytes that a PUT to a resumable session sends. */
export type UploadRange =
  /** A question about the received bytes. The upload is complete when the total is known and all bytes arrived. */
  | { kind: 'query'; total: number | undefined }
  /** Bytes from `first` on; `last` and `total` where the client knows them. */
  | { kind: 'bytes'; first: number; last: number | undefined; total: number | undefined }

/** https://cloud.google.com/storage/docs/performing-resumable-uploads; no header means all bytes. Throws INVALID_ARGUMENT. */
export function readUploadRange(header: string | undefined): UploadRange {
  if (header === undefined) return { kind: 'bytes', first: 0, last: undefined, total: undefined }
  const found = /^bytes (?:\*|(\d+)-(\d+|\*))\/(\d+|\*)$/.exec(header.trim())
  if (!found)
    throw new GoogleError('INVALID_ARGUMENT', `Failed to parse Content-Range header: ${header}`, {
      reason: 'badRequest',
    })
  const [, first, last, total] = found
  const number = (text: string | undefined): number | undefined =>
    text === undefined || text === '*' ? undefined : Number(text)
  if (first === undefined) return { kind: 'query', total: number(total) }
  return { kind: 'bytes', first: Number(first), last: number(last), total: number(total) }
}

/** The first and the last byte of the requested range; undefined for the whole object. */
export interface ByteRange {
  first: number
  last: number
}

/**
 * Reads a download's Range header (https://www.rfc-editor.org/rfc/rfc9110#section-14.2). Values other
 * than one range of bytes are ignored, as the RFC allows. Throws 416 for a range outside the object.
 */
export function readDownloadRange(header: string | undefined, size: number): ByteRange | undefined {
  const found = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/.exec(header?.trim() ?? '')
  if (!found) return undefined
  const [, first, last, suffix] = found
  const range =
    suffix === undefined
      ? { first: Number(first), last: last ? Math.min(Number(last), size - 1) : size - 1 }
      : { first: Math.max(0, size - Number(suffix)), last: size - 1 }
  if (suffix === undefined && last && Number(last) < Number(first)) return undefined
  if (range.first >= size || suffix === '0') {
    throw new GoogleError('OUT_OF_RANGE', 'Request range not satisfiable', {
      reason: 'requestedRangeNotSatisfiable',
      http: 416,
    })
  }
  return range
}
