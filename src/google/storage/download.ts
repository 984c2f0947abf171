import type { Storage } from '@google-cloud/storage'
import type { ObjectName } from '../../contracts/gs-uri.ts'
import { cloudError, CloudError, httpError } from '../transport/errors.ts'
import { localCloud } from '../transport/environment.ts'
import { proxyOf } from '../transport/proxy.ts'

/** A longer error text is a whole document. */
const MAX_REFUSAL_CHARACTERS = 500

/** Time limit for one try; the client makes four. An image of 30 MB takes a few seconds. */
const REQUEST_TIMEOUT_MS = 30_000

/**
 * Downloads an object with one authorized request of the official client, and verifies the CRC32C that
 * Storage sends (https://cloud.google.com/storage/docs/data-validation).
 *
 * The client's own `file.download()` puts seven streams between socket and caller: for images of about
 * 10 KB, that is most of an attempt's CPU time. Its stream is still used for objects that are stored
 * compressed, because their checksum covers bytes that never arrive here.
 *
 * @param maxBytes size limit for the object as its reader gets it; never more than this is held in
 * memory
 * @throws CloudError NOT_FOUND when there is none, OUT_OF_RANGE when it is larger than `maxBytes`,
 * UNAVAILABLE when it arrived damaged
 */
export async function downloadObject(storage: Storage, object: ObjectName, maxBytes: number): Promise<Buffer> {
  const { bucket, path, generation } = object
  const name = `gs://${bucket}/${path}`
  const answer = await requestBytes(storage, object, maxBytes).catch((error: unknown) =>
    Promise.reject(isOverLimit(error) ? tooLarge(name, maxBytes) : downloadError(error)),
  )
  if (answer === undefined) throw tooLarge(name, maxBytes)
  if (isCompressed(answer.headers)) {
    const stream = storage
      .bucket(bucket)
      .file(path, generation === undefined ? {} : { generation })
      .createReadStream()
    const unpacked = await boundedBytes(stream, maxBytes).catch((error: unknown) => Promise.reject(cloudError(error)))
    if (!unpacked) throw tooLarge(name, maxBytes)
    return unpacked
  }
  const bytes = Buffer.from(answer.data)
  // A local cloud is on this machine: no network can change the bytes, and the checksum takes as long as the read.
  if (storage.apiEndpoint === localCloud()?.http) return bytes
  const checksum = /\bcrc32c=([^,\s]+)/.exec(answer.headers.get('x-goog-hash') ?? '')?.[1]
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
  const name = `gs://${object.bucket}/${object.path}`
  const range = { range: `bytes=${first}-${first + length - 1}` }
  const answer = await requestBytes(storage, object, maxBytes, range).catch((error: unknown) => {
    // No byte of an empty object is in any range.
    if ((error as { response?: { status?: number } }).response?.status === 416) return 'nothing' as const
    throw isOverLimit(error) ? tooLarge(name, maxBytes) : downloadError(error)
  })
  if (answer === 'nothing') return { bytes: Buffer.alloc(0), size: first, checksums: undefined }
  if (answer === undefined) throw tooLarge(name, maxBytes)
  const checksums = answer.headers.get('x-goog-hash') ?? undefined
  const size = /\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1]
  if (size !== undefined && !isCompressed(answer.headers))
    return { bytes: Buffer.from(answer.data), size: Number(size), checksums }
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
  const answer = await requestBytes(storage, object, maxBytes).catch((error: unknown) =>
    Promise.reject(downloadError(error)),
  )
  const name = `gs://${object.bucket}/${object.path}`
  const generation = answer?.headers.get('x-goog-generation') ?? undefined
  if (answer === undefined || generation === undefined)
    throw new CloudError('UNAVAILABLE', `${name} arrived without its generation`)
  return { bytes: Buffer.from(answer.data), generation }
}

function isCompressed(headers: Headers): boolean {
  return (headers.get('x-goog-stored-content-encoding') ?? 'identity') !== 'identity'
}

/** Returns the response, or undefined when its body exceeds the limit. */
async function requestBytes(
  storage: Storage,
  { bucket, path, generation }: ObjectName,
  maxBytes: number,
  headers: Record<string, string> = {},
): Promise<{ data: ArrayBuffer; headers: Headers } | undefined> {
  const url = `${storage.baseUrl}/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(path)}?alt=media${generation === undefined ? '' : `&generation=${generation}`}`
  const body = new BoundedBody(maxBytes)
  const answer = await storage.authClient.request<ArrayBuffer>({
    url,
    headers,
    responseType: 'arraybuffer',
    retry: true,
    timeout: REQUEST_TIMEOUT_MS,
    maxContentLength: maxBytes,
    // The client's own fetch supports proxies; Node's does not.
    ...(proxyOf(new URL(url)) === undefined ? { fetchImplementation: body.fetch } : {}),
  })
  return body.isTooLarge ? undefined : answer
}

/**
 * Node's own fetch, which needs half the CPU time of the client's. It stops at the size limit for a body
 * with no stated length or with compression.
 */
class BoundedBody {
  readonly #maxBytes: number
  /** Not thrown, because the client would retry a request that cannot succeed. */
  isTooLarge = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  fetch: typeof fetch = async (...request) => {
    const response = await fetch(...request)
    const { headers, body } = response
    if (body === null) return response
    const isLengthKnown = headers.has('content-length') && !headers.has('content-encoding')
    const length = Number(headers.get('content-length'))
    // The client then refuses the response, but does not cancel its body.
    if (length > this.#maxBytes) await body.cancel()
    else if (isLengthKnown && response.ok)
      Object.defineProperty(response, 'arrayBuffer', { value: () => exactBytes(body, length) })
    else if (!isLengthKnown) Object.defineProperty(response, 'arrayBuffer', { value: () => this.#read(body) })
    return response
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<ArrayBuffer> {
    const bytes = await boundedBytes(body, this.#maxBytes)
    this.isTooLarge = bytes === undefined
    return new Uint8Array(bytes ?? []).buffer
  }
}

/** Returns a body of a stated length, without a second copy of it. Node's own `arrayBuffer` first collects all parts. */
async function exactBytes(body: AsyncIterable<Uint8Array>, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for await (const part of body) {
    bytes.set(part, at)
    at += part.byteLength
  }
  if (at !== length) throw new TypeError(`${at} of ${length} bytes arrived`)
  return bytes.buffer
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

/** The client's error when a stated length exceeds `maxContentLength`. */
function isOverLimit(error: unknown): boolean {
  return /over (the )?limit/.test((error as Error).message)
}

function tooLarge(name: string, maxBytes: number): CloudError {
  return new CloudError('OUT_OF_RANGE', `${name} is larger than ${maxBytes} bytes`)
}

/** The request was for bytes, so Storage's error message comes as bytes too, unless it is JSON. */
function downloadError(error: unknown): CloudError {
  const known = cloudError(error)
  const { data, status } = (error as { response?: { data?: unknown; status?: number } }).response ?? {}
  if (status !== undefined && (data as { error?: unknown } | undefined)?.error) return httpError(status, data)
  if (!(data instanceof ArrayBuffer) || data.byteLength === 0) return known
  const text = Buffer.from(data).toString('utf8').slice(0, MAX_REFUSAL_CHARACTERS)
  return new CloudError(known.status, text, { reason: known.reason, cause: error })
}
