/** The location of an object in Cloud Storage. */
export interface ObjectName {
  bucket: string
  path: string
  /** One version of the object; without it, the live one. */
  generation?: string
}

/**
 * Bucket names: 3 to 63 characters, with dots up to 222 of at most 63 each; lower-case letters,
 * digits, hyphens, underscores, dots; a letter or digit at both ends
 * (https://cloud.google.com/storage/docs/buckets#naming).
 */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/
const MAX_BUCKET_PART = 63

/** Object names: 1 to 1,024 bytes of UTF-8, no line break (https://cloud.google.com/storage/docs/objects#naming). */
const MAX_PATH_BYTES = 1_024

/**
 * Google advises against control characters in names; here they could only be an attempt to inject into a log or a
 * header.
 */
const CONTROL = /\p{Cc}/u

/** The ways to write one object's address besides `gs://`, with the bucket and the path in groups. */
const OBJECT_URLS: readonly RegExp[] = [
  // https://cloud.google.com/storage/docs/request-endpoints#cloud-console and #xml-api
  /^https?:\/\/storage\.(?:googleapis|cloud\.google)\.com\/(?!(?:download\/|upload\/)?storage\/v1\/)(?<bucket>[^/?#]+)\/(?<path>[^?#]+)/i,
  /^https?:\/\/(?<bucket>[^/?#]+)\.storage\.googleapis\.com\/(?<path>[^?#]+)/i,
  // https://cloud.google.com/storage/docs/request-endpoints#json-api
  /^https?:\/\/(?:storage|www)\.googleapis\.com\/(?:download\/)?storage\/v1\/b\/(?<bucket>[^/?#]+)\/o\/(?<path>[^/?#]+)/i,
]

/**
 * The generation of an object in its address: `?generation=N` as in the JSON API, `#N` as gcloud writes it. A generation
 * is a 64-bit number, today a time in microseconds of 16 digits, which tells it from a name like `sign#12`; a URL's
 * fragment cannot be part of the name.
 */
const GENERATION_PARAMETER = /\?(?:[^#?]*&)?generation=([^&#]*)(?:[&#].*)?$/s
const GENERATION_OF_NAME = /#(\d{16})$/
const GENERATION_OF_URL = /#(\d+)$/
const A_GENERATION = /^\d{1,19}$/

/** A file that a run has staged: its name can end in any way, and it has one generation only. */
const STAGED = /^runs\/[0-9]{6}-[0-9a-f]{8}\/images\//

/** What to do with an image at another kind of address, by the address's scheme. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  http: 'is a web address, which imagery does not read: copy the image to Cloud Storage or to a folder',
  https:
    'is a web address, which imagery does not read: copy the image to Cloud Storage or to a folder, or fetch it with --local --fetch-images',
  data: 'is the image itself, not its address: write it to a file, and use its path',
  file: 'is a file on one machine: copy it to Cloud Storage, or use a local table beside it',
}

/**
 * The scheme of an address (https://www.rfc-editor.org/rfc/rfc3986#section-3.1). A path can have a colon too. Spark and
 * Java write one slash where there is no host: `file:/photos/1.jpg`, `dbfs:/mnt/1.jpg`.
 */
const SCHEME = /^\s*(?:([a-z][a-z0-9+.-]+):\/\/|(data):|(file|dbfs):\/)/i

/** Returns the scheme of a text that is an address, in lower case: `gs`, `https`, `s3`, `data`, … */
export function addressScheme(text: string): string | undefined {
  const [, ...schemes] = SCHEME.exec(text) ?? []
  return schemes.find((scheme) => scheme !== undefined)?.toLowerCase()
}

/**
 * Splits `gs://bucket/path/to/object`, or a URL of Cloud Storage for the same object. For a text that cannot name an
 * object, `fault` says why, as the predicate of a sentence about the text.
 */
export function parseGsUri(text: string): ObjectName | { fault: string } {
  const scheme = addressScheme(text)
  const address = text.trimStart()
  const url = scheme?.startsWith('http') ? fromUrl(address) : undefined
  const match = /^gs:\/\/([^/]*)\/(.+)$/is.exec(address)
  if (!match && !url) return { fault: elsewhere(scheme) }
  const [bucket, named] = url ?? [match?.[1] ?? '', match?.[2] ?? '']
  const ending = url
    ? (GENERATION_PARAMETER.exec(address) ?? GENERATION_OF_URL.exec(address))
    : STAGED.test(named)
      ? null
      : (GENERATION_PARAMETER.exec(named) ?? GENERATION_OF_NAME.exec(named))
  const generation = ending?.[1]
  const path = !ending || url ? named : named.slice(0, ending.index)
  if (!BUCKET.test(bucket) || bucket.split('.').some((part) => part === '' || part.length > MAX_BUCKET_PART))
    return { fault: 'has no valid bucket name' }
  if (CONTROL.test(path)) return { fault: 'has a control character in its path' }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return { fault: `has a path of more than ${MAX_PATH_BYTES} bytes` }
  if (path === '' || path === '.' || path === '..') return { fault: 'has no valid object name' }
  if (generation !== undefined && !A_GENERATION.test(generation))
    return { fault: `names the generation "${generation.slice(0, 40)}", which is not a number of at most 19 digits` }
  return generation === undefined ? { bucket, path } : { bucket, path, generation }
}

function fromUrl(address: string): readonly [bucket: string, path: string] | undefined {
  const found = OBJECT_URLS.map((pattern) => pattern.exec(address)?.groups).find((groups) => groups !== undefined)
  try {
    return found && [decodeURIComponent(found['bucket'] ?? ''), decodeURIComponent(found['path'] ?? '')]
  } catch {
    // A percent sign that encodes nothing.
    return undefined
  }
}

function elsewhere(scheme: string | undefined): string {
  if (scheme === undefined || scheme === 'gs') return 'is not a gs:// URI'
  if (Object.hasOwn(ELSEWHERE, scheme)) return ELSEWHERE[scheme]!
  return `is an address of another service (${scheme}://), which imagery does not read: copy the image to Cloud Storage or to a folder`
}
