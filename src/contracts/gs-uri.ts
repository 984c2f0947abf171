/** The location of an object in Cloud Storage. */
export interface ObjectName {
  bucket: string
  path: string
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

/**
 * Splits `gs://bucket/path/to/object`. For a text that cannot name an object, `fault` says why, as the
 * predicate of a sentence about the text.
 */
export function parseGsUri(text: string): ObjectName | { fault: string } {
  const match = /^gs:\/\/([^/]*)\/(.+)$/s.exec(text)
  if (!match) return { fault: 'is not a gs:// URI' }
  const [, bucket = '', path = ''] = match
  if (!BUCKET.test(bucket) || bucket.split('.').some((part) => part === '' || part.length > MAX_BUCKET_PART))
    return { fault: 'has no valid bucket name' }
  if (CONTROL.test(path)) return { fault: 'has a control character in its path' }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return { fault: `has a path of more than ${MAX_PATH_BYTES} bytes` }
  if (path === '.' || path === '..') return { fault: 'has no valid object name' }
  return { bucket, path }
}
