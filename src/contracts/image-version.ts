/** The version of an image that does not exist, so that no model has seen it. */
export const MISSING_IMAGE = 'missing'

/**
 * Returns a text that is equal for equal content: the MD5 that Cloud Storage states, else the CRC32C and the size. Every
 * object has a CRC32C, and a composite object has no MD5 (https://cloud.google.com/storage/docs/hashes-etags); nor has a
 * file of this machine that the local cloud has taken without a copy. That another image of the same size has the same
 * CRC32C has a chance of one in four billion.
 *
 * @param stated hashes in base64
 */
export function imageVersion(stated: {
  md5?: string | undefined
  crc32c?: string | undefined
  size: number
}): string | undefined {
  if (stated.md5) return `md5:${stated.md5}`
  return stated.crc32c ? `crc32c:${stated.crc32c} ${stated.size}` : undefined
}

/**
 * Returns the hashes in an `x-goog-hash` header, such as `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`
 * (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash).
 */
export function statedHashes(header: string | undefined): { md5?: string | undefined; crc32c?: string | undefined } {
  const hash = (name: string): string | undefined => new RegExp(`\\b${name}=([A-Za-z0-9+/=]+)`).exec(header ?? '')?.[1]
  return { md5: hash('md5'), crc32c: hash('crc32c') }
}
