import { gunzipSync } from 'node:zlib'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#encoding, the same list for JSON */
const ENCODINGS = ['UTF-8', 'ISO-8859-1', 'UTF-16BE', 'UTF-16LE', 'UTF-32BE', 'UTF-32LE'] as const
type Encoding = (typeof ENCODINGS)[number]

/** The longest text that JavaScript holds is a little longer. */
const MAX_TEXT_BYTES = 500_000_000

/** Checks the encoding of a load. Absent means UTF-8. */
export function encodingOf(value: unknown): Encoding {
  if (value === undefined || value === null || value === '') return 'UTF-8'
  const encoding = ENCODINGS.find((known) => known === String(value).toUpperCase())
  if (encoding === undefined)
    throw new GoogleError('INVALID_ARGUMENT', `Unsupported encoding: ${String(value)}`, { reason: 'invalid' })
  return encoding
}

/**
 * Returns files as UTF-8. A gzip file is recognized by its first bytes, and never mixed with others
 * (https://cloud.google.com/bigquery/docs/schema-detect#compression,
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#limitations).
 */
export function sourceTexts(files: readonly Buffer[], encoding: Encoding): Buffer[] {
  const zipped = files.filter(isGzip)
  if (zipped.length > 0 && zipped.length < files.length) {
    throw new GoogleError('INVALID_ARGUMENT', 'Cannot load compressed and uncompressed files in the same load job.', {
      reason: 'invalid',
    })
  }
  return files.map((file) => inUtf8(isGzip(file) ? unzipped(file) : file, encoding))
}

function isGzip(file: Buffer): boolean {
  return file[0] === 0x1f && file[1] === 0x8b
}

function unzipped(file: Buffer): Buffer {
  try {
    return gunzipSync(file, { maxOutputLength: MAX_TEXT_BYTES })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    const text = 'Error while reading data, error message: Input is not a valid gzip file.'
    throw new GoogleError('INVALID_ARGUMENT', text, { reason: 'invalid', cause: error })
  }
}

function tooLarge(): Error {
  return notEmulated(`loading a text file of more than ${MAX_TEXT_BYTES / 1e6} MB`)
}

function inUtf8(file: Buffer, encoding: Encoding): Buffer {
  if (file.length > MAX_TEXT_BYTES) throw tooLarge()
  switch (encoding) {
    case 'UTF-8':
      return file
    case 'ISO-8859-1':
      return Buffer.from(file.toString('latin1'))
    case 'UTF-16LE':
      return Buffer.from(file.toString('utf16le'))
    case 'UTF-16BE':
      return Buffer.from(
        Buffer.from(file.subarray(0, file.length - (file.length % 2)))
          .swap16()
          .toString('utf16le'),
      )
    default:
      return Buffer.from(utf32(file, encoding === 'UTF-32LE'))
  }
}

function utf32(file: Buffer, isLittle: boolean): string {
  const parts: string[] = []
  for (let at = 0; at + 4 <= file.length; at += 4) {
    const point = isLittle ? file.readUInt32LE(at) : file.readUInt32BE(at)
    parts.push(point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? '\ufffd' : String.fromCodePoint(point))
  }
  return parts.join('')
}
