import type { BucketRow, ObjectRow } from './metadata-store.ts'

/** https://cloud.google.com/storage/docs/json_api/v1/buckets#resource; `base` is the origin that the caller used. */
export function bucketResource(row: BucketRow, projectNumber: string, base: string): object {
  return {
    kind: 'storage#bucket',
    selfLink: `${base}/storage/v1/b/${row.name}`,
    id: row.name,
    name: row.name,
    projectNumber,
    metageneration: String(row.metageneration),
    etag: etag(row.createdMs, row.metageneration),
    timeCreated: new Date(row.createdMs).toISOString(),
    updated: new Date(row.updatedMs).toISOString(),
    ...row.fields,
  }
}

/** https://cloud.google.com/storage/docs/json_api/v1/objects#resource; `base` is the origin that the caller used. */
export function objectResource(row: ObjectRow, base: string): object {
  const path = `b/${row.bucket}/o/${encodeURIComponent(row.name)}`
  const timeCreated = new Date(row.createdMs).toISOString()
  return {
    kind: 'storage#object',
    id: `${row.bucket}/${row.name}/${row.generation}`,
    selfLink: `${base}/storage/v1/${path}`,
    mediaLink: `${base}/download/storage/v1/${path}?generation=${row.generation}&alt=media`,
    name: row.name,
    bucket: row.bucket,
    generation: String(row.generation),
    metageneration: String(row.metageneration),
    storageClass: 'STANDARD',
    size: String(row.size),
    ...(row.md5 === '' ? {} : { md5Hash: row.md5 }),
    crc32c: row.crc32c,
    etag: etag(row.generation, row.metageneration),
    timeCreated,
    updated: new Date(row.updatedMs).toISOString(),
    timeStorageClassUpdated: timeCreated,
    timeFinalized: timeCreated,
    ...row.fields,
  }
}

/** The headers of a download (https://cloud.google.com/storage/docs/xml-api/reference-headers): clients check `x-goog-hash`. */
export function mediaHeaders(row: ObjectRow): Record<string, string> {
  const { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl } = row.fields
  const headers: Record<string, string> = {
    'content-type': contentType ?? 'application/octet-stream',
    'cache-control': cacheControl ?? 'no-cache, no-store, max-age=0, must-revalidate',
    etag: etag(row.generation, row.metageneration),
    'last-modified': new Date(row.updatedMs).toUTCString(),
    'x-goog-generation': String(row.generation),
    'x-goog-metageneration': String(row.metageneration),
    'x-goog-hash': row.md5 === '' ? `crc32c=${row.crc32c}` : `crc32c=${row.crc32c},md5=${row.md5}`,
    'x-goog-storage-class': row.fields.storageClass ?? 'STANDARD',
    'x-goog-stored-content-encoding': contentEncoding ?? 'identity',
    'x-goog-stored-content-length': String(row.size),
  }
  if (contentDisposition !== undefined) headers['content-disposition'] = contentDisposition
  if (contentLanguage !== undefined) headers['content-language'] = contentLanguage
  return headers
}

function etag(version: number, metageneration: number): string {
  return Buffer.from(`${version}/${metageneration}`).toString('base64')
}
