/**
 * A page token is opaque to callers (https://google.aip.dev/158): here it contains the last key of the previous page.
 */
export function encodePageToken(lastKey: string): string {
  return Buffer.from(lastKey).toString('base64url')
}

/** Returns the key to continue after, '' for the first page; undefined for an invalid token. */
export function decodePageToken(token: string): string | undefined {
  const lastKey = Buffer.from(token, 'base64url').toString()
  return encodePageToken(lastKey) === token ? lastKey : undefined
}
