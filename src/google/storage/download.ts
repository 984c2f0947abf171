import type { IncomingHttpHeaders } from 'node:http'
import type { Storage } from '@google-cloud/storage'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '@imagery/local-cloud/contract/object-file'
import type { ObjectName } from '../../contracts/gs-uri.ts'
import { cloudError, CloudError, httpError, repeatably } from '../transport/errors.ts'
import { localCloud } from '../transport/environment.ts'
import { sendRequest, TooManyBytes, type HttpAnswer } from '../transport/http-request.ts'
import { readObjectFile } from './object-file.ts'

/** A longer error text is a whole document. */
const MAX_REFUSAL_CHARACTERS = 500

/** Time limit for one try, of four. An image of 30 MB takes a few seconds. */
const REQUEST_TIMEOUT_MS = 30_000

/**
 * Downloads an object with one request that carries the official client's credentials, and verifies the CRC32C that
 * Storage sends (https://cloud.google.com/storage/docs/data-validation).
 *
 * The client's own `file.download()` puts seven streams between socket and caller, and its `request` copies options and
 * headers several times: for the first bytes of an image, that is half of an attempt's CPU time. Its stream is still used
 * for objects that are stored compressed, because their checksum covers bytes that never arrive here.
 *
 * @param maxBytes size limit for the object as its reader gets it; never more than this is held in
 * memory
 * @throws CloudError NOT_FOUND when there is none, OUT_OF_RANGE when it is larger than `maxBytes`,
 * UNAVAILABLE when it arrived damaged
 */
export async function downloadObject(storage: Storage, object: ObjectName, maxBytes: number): Promise<Buffer> {
  const { bucket, path, generation } = object
  const name = `gs://${bucket}/${path}`
  const { headers, body: bytes } = await requestContent(storage, object, maxBytes)
  if (isCompressed(headers)) {
    const stream = storage
      .bucket(bucket)
      .file(path, generation === undefined ? {} : { generation })
      .createReadStream()
    const unpacked = await boundedBytes(stream, maxBytes).catch((error: unknown) => Promise.reject(cloudError(error)))
    if (!unpacked) throw tooLarge(name, maxBytes)
    return unpacked
  }
  // A local cloud is on this machine: no network can change the bytes, and the checksum takes as long as the read.
  if (isLocal(storage)) return bytes
  const checksum = /\bcrc32c=([^,\s]+)/.exec(headerOf(headers, 'x-goog-hash') ?? '')?.[1]
  const crc32c = storage.crc32cGenerator()
  crc32c.update(bytes)
  if (checksum !== undefined && !crc32c.validate(checksum)) {
    throw new CloudError('UNAVAILABLE', `${name} arrived damaged: its CRC32C is not ${checksum}`)
  }
  return bytes
}

/** A part of an object, with what Cloud Storage says about the whole object. */
export interface DownloadedRange {
  bytes: Buffer
  /** The size of the whole object. */
  size: number
  /** `x-goog-hash` of the whole object (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash). */
  checksums: string | undefined
}

/**
 * Downloads `length` bytes of an object from `first` on, or fewer at its end. Of an object that is stored compressed,
 * Storage sends the whole (https://cloud.google.com/storage/docs/transcoding#range), so it is read whole.
 *
 * @param maxBytes size limit for an object that is sent whole
 * @throws CloudError NOT_FOUND when there is none, OUT_OF_RANGE when it is sent whole and is larger than `maxBytes`
 */
export async function downloadRange(
  storage: Storage,
  object: ObjectName,
  { first, length, maxBytes }: { first: number; length: number; maxBytes: number },
): Promise<DownloadedRange> {
  const { status, headers, body } = await requestContent(storage, object, maxBytes, { first, length })
  // No byte of an empty object is in any range.
  if (status === 416) return { bytes: Buffer.alloc(0), size: first, checksums: undefined }
  const checksums = headerOf(headers, 'x-goog-hash')
  const size = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
  if (size !== undefined && !isCompressed(headers)) return { bytes: body, size: Number(size), checksums }
  const whole = await downloadObject(storage, object, maxBytes)
  return { bytes: whole.subarray(first, first + length), size: whole.length, checksums }
}

/**
 * Downloads a small object with its generation, which Storage sends with the bytes
 * (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooggeneration).
 */
export async function downloadVersion(
  storage: Storage,
  object: ObjectName,
  maxBytes: number,
): Promise<{ bytes: Buffer; generation: string }> {
  const { headers, body: bytes } = await requestBytes(storage, object, maxBytes)
  const generation = headerOf(headers, 'x-goog-generation')
  if (generation === undefined)
    throw new CloudError('UNAVAILABLE', `gs://${object.bucket}/${object.path} arrived without its generation`)
  return { bytes, generation }
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  return [headers[name] ?? []].flat()[0]
}

function isLocal(storage: Storage): boolean {
  return storage.apiEndpoint === localCloud()?.http
}

/**
 * Like `requestBytes`. A local cloud's content is read from its file, without a way through HTTP.
 *
 * @param part the bytes that are wanted; undefined for the whole object
 */
async function requestContent(
  storage: Storage,
  object: ObjectName,
  maxBytes: number,
  part?: { first: number; length: number },
): Promise<HttpAnswer> {
  const range: Record<string, string> = part ? { range: `bytes=${part.first}-${part.first + part.length - 1}` } : {}
  if (!isLocal(storage)) return requestBytes(storage, object, maxBytes, range)
  const answer = await requestBytes(storage, object, maxBytes, { ...range, [TAKES_FILE_HEADER]: 'yes' })
  const file = headerOf(answer.headers, OBJECT_FILE_HEADER)
  if (file === undefined) return answer
  const { first, size } = sentPart(answer.headers)
  if (size > maxBytes) throw tooLarge(`gs://${object.bucket}/${object.path}`, maxBytes)
  const body = await readObjectFile(decodeURIComponent(file), { first, size })
  // It was deleted or replaced meanwhile, or belongs to another user of the machine: the bytes say what there is.
  return body === undefined ? requestBytes(storage, object, maxBytes, range) : { ...answer, body }
}

/** The bytes that a response stands for. */
function sentPart(headers: IncomingHttpHeaders): { first: number; size: number } {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '') ?? []
  return first === undefined
    ? { first: 0, size: Number(headerOf(headers, 'x-goog-stored-content-length')) }
    : { first: Number(first), size: Number(last) - Number(first) + 1 }
}

function isCompressed(headers: IncomingHttpHeaders): boolean {
  return (headerOf(headers, 'x-goog-stored-content-encoding') ?? 'identity') !== 'identity'
}

/**
 * Sends one authorized request for bytes, and repeats it after transient failures. Status 416 says that no byte is in the
 * range.
 *
 * @throws CloudError NOT_FOUND, OUT_OF_RANGE when the body exceeds the limit, …
 */
async function requestBytes(
  storage: Storage,
  { bucket, path, generation }: ObjectName,
  maxBytes: number,
  more: Record<string, string> = {},
): Promise<HttpAnswer> {
  const ofGeneration = generation === undefined ? '' : `&generation=${generation}`
  const url = `${storage.baseUrl}/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(path)}?alt=media${ofGeneration}`
  const authorization = await storage.authClient.getRequestHeaders(url).catch((error: unknown) => {
    throw cloudError(error)
  })
  const headers = { ...Object.fromEntries(authorization), ...more }
  return repeatably(async () => {
    const request = sendRequest(new URL(url), { headers, maxBytes, timeoutMs: REQUEST_TIMEOUT_MS })
    const answer = await request.catch((error: unknown) => {
      throw error instanceof TooManyBytes ? tooLarge(`gs://${bucket}/${path}`, maxBytes) : cloudError(error)
    })
    const isOutside = answer.status === 416 && 'range' in more
    if ((answer.status < 200 || answer.status > 299) && !isOutside) throw downloadError(answer)
    return answer
  })
}

/** Returns the whole body; undefined as soon as it exceeds the limit, without reading the rest. */
async function boundedBytes(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(name: string, maxBytes: number): CloudError {
  return new CloudError('OUT_OF_RANGE', `${name} is larger than ${maxBytes} bytes`)
}

/** Cloud Storage states the errors of downloads as plain text, or as JSON. */
function downloadError({ status, body }: HttpAnswer): CloudError {
  const text = body.toString('utf8')
  // An error of JSON.parse costs more than the rest of a refusal, and an image that is missing or denied is no exception.
  return httpError(status, (text.startsWith('{') ? jsonIn(text) : undefined) ?? text.slice(0, MAX_REFUSAL_CHARACTERS))
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
