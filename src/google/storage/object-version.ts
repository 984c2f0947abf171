import { createHash } from 'node:crypto'
import { imageVersion, MISSING_IMAGE } from '../../contracts/image-version.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { call, CloudError } from '../transport/errors.ts'
import { takesLocalFiles } from './local-file.ts'
import { storageClient } from './storage.ts'

/**
 * Returns the version of an object's content, or `MISSING_IMAGE`. Undefined for a URI that names no object, and for one
 * that the caller may not look at.
 */
export async function objectVersion(uri: string): Promise<string | undefined> {
  const name = parseGsUri(uri)
  if ('fault' in name) return undefined
  const { bucket, path, generation } = name
  const file = (await storageClient()).bucket(bucket).file(path, generation === undefined ? {} : { generation })
  try {
    const [{ md5Hash, crc32c, size }] = await call(file.getMetadata())
    return imageVersion({ md5: md5Hash, crc32c, size: Number(size ?? 0) })
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    if (error.status === 'NOT_FOUND') return MISSING_IMAGE
    if (error.status === 'PERMISSION_DENIED' || error.status === 'UNAUTHENTICATED') return undefined
    throw error
  }
}

/** The version that a file of this machine gets when it becomes an object: the local cloud states no MD5 of such a file. */
export async function fileVersion(bytes: Buffer): Promise<string | undefined> {
  if (!takesLocalFiles())
    return imageVersion({ md5: createHash('md5').update(bytes).digest('base64'), size: bytes.length })
  const crc32c = (await storageClient()).crc32cGenerator()
  crc32c.update(bytes)
  return imageVersion({ crc32c: crc32c.toString(), size: bytes.length })
}
