/** A page token is opaque to callers (https://google.aip.dev/158): here it holds the last key of the page before. */
export function encodePageToken(lastKey: string): string {
  return Buffer.from(lastKey).toString('base64url')
}

/** The key to go on after, '' for the first page; undefined for a token that no page ended with. */
export function decodePageToken(token: string): string | undefined {
  const lastKey = Buffer.from(token, 'base64url').toString()
  return encodePageToken(lastKey) === token ? lastKey : undefined
}
