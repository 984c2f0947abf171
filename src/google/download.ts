import type { Storage } from '@google-cloud/storage'
import { cloudError, CloudError } from './errors.ts'

/** Longer texts of refusals are somebody's whole document. */
const MAX_REFUSAL_CHARACTERS = 500

/** One try; the client makes four. An image of 30 MB takes some seconds. */
const REQUEST_TIMEOUT_MS = 30_000

/** Variables by which a proxy is set. The client's own fetch heeds them, Node's does not. */
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']

/** Node's own fetch takes half the processor time of the one that the client brings. */
const ownFetch = PROXY_VARIABLES.some((name) => process.env[name]) ? {} : { fetchImplementation: fetch }

/**
 * Downloads an object by one authorized request of the official client, and checks it against the
 * CRC32C that Storage sends along (https://cloud.google.com/storage/docs/data-validation).
 *
 * The client's own `file.download()` puts seven streams between socket and caller: for images of
 * some 10 KB that is most of the processor time of a whole attempt. It stays in use for objects
 * that are stored compressed, whose checksum is that of bytes which never get here.
 *
 * @throws CloudError NOT_FOUND when there is none, UNAVAILABLE when it arrived damaged
 */
export async function downloadObject(storage: Storage, bucket: string, path: string): Promise<Buffer> {
  const url = `${storage.baseUrl}/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(path)}?alt=media`
  const answer = await storage.authClient
    .request<ArrayBuffer>({ url, responseType: 'arraybuffer', retry: true, timeout: REQUEST_TIMEOUT_MS, ...ownFetch })
    .catch((error: unknown) => Promise.reject(refusal(error)))
  if ((answer.headers.get('x-goog-stored-content-encoding') ?? 'identity') !== 'identity') {
    const [bytes] = await storage
      .bucket(bucket)
      .file(path)
      .download()
      .catch((error: unknown) => Promise.reject(cloudError(error)))
    return bytes
  }
  const bytes = Buffer.from(answer.data)
  const checksum = /\bcrc32c=([^,\s]+)/.exec(answer.headers.get('x-goog-hash') ?? '')?.[1]
  const crc32c = storage.crc32cGenerator()
  crc32c.update(bytes)
  if (checksum !== undefined && !crc32c.validate(checksum)) {
    throw new CloudError('UNAVAILABLE', `gs://${bucket}/${path} arrived damaged: its CRC32C is not ${checksum}`)
  }
  return bytes
}

/** The request asked for bytes, so what Storage says of a failure comes as bytes too. */
function refusal(error: unknown): CloudError {
  const known = cloudError(error)
  const data = (error as { response?: { data?: unknown } }).response?.data
  if (!(data instanceof ArrayBuffer) || data.byteLength === 0) return known
  const text = Buffer.from(data).toString('utf8').slice(0, MAX_REFUSAL_CHARACTERS)
  return new CloudError(known.status, text, { reason: known.reason, cause: error })
}
