import type { Storage } from '@google-cloud/storage'
import { parseGsUri, type ObjectName } from '../../contracts/gs-uri.ts'
import { restClientOptions } from '../auth/credentials.ts'
import { localCloud } from '../transport/environment.ts'
import { downloadObject, downloadRange, downloadVersion, type DownloadedRange } from './download.ts'
import { call, callUnless, CloudError, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'

let client: Promise<Storage> | undefined

/** The client needs a project only to create or list buckets; those calls set it. */
export async function storageClient(projectId = ''): Promise<Storage> {
  client ??= Promise.all([import('@google-cloud/storage'), restClientOptions(projectId)]).then(
    ([{ IdempotencyStrategy, Storage }, options]) =>
      new Storage({
        ...options,
        useAuthWithCustomEndpoint: true,
        // Objects are written whole and deleted by name, so every call can be repeated.
        retryOptions: {
          idempotencyStrategy: IdempotencyStrategy.RetryAlways,
          maxRetries: 3,
          maxRetryDelay: 8,
          totalTimeout: 60,
        },
      }),
  )
  const made = await client
  if (projectId) made.projectId = projectId
  return made
}

/** @throws CloudError INVALID_ARGUMENT when `uri` cannot name an object */
export function objectName(uri: string): ObjectName {
  const name = parseGsUri(uri)
  if ('fault' in name) throw new CloudError('INVALID_ARGUMENT', `${uri} ${name.fault}`)
  return name
}

/** Twice the largest image that Gemini accepts, and far less than a service's memory. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024

/**
 * Returns the bytes of an object. Rejects with CloudError: NOT_FOUND when there is none, OUT_OF_RANGE
 * when it is larger than `maxBytes`; it then stops reading.
 */
export async function readObject(uri: string, maxBytes = MAX_OBJECT_BYTES): Promise<Buffer> {
  const name = objectName(uri)
  return call(downloadObject(await storageClient(), name, maxBytes))
}

/**
 * Returns `length` bytes of an object from `first` on, or fewer at its end, with the size of the whole. Rejects with
 * CloudError NOT_FOUND when there is none.
 */
export async function readObjectRange(uri: string, first: number, length: number): Promise<DownloadedRange> {
  const name = objectName(uri)
  return call(downloadRange(await storageClient(), name, { first, length, maxBytes: MAX_OBJECT_BYTES }))
}

/** Returns a small object with its generation. Rejects with CloudError NOT_FOUND when there is none. */
export async function readObjectVersion(uri: string): Promise<{ bytes: Buffer; generation: string }> {
  return call(downloadVersion(await storageClient(), objectName(uri), MAX_OBJECT_BYTES))
}

/**
 * Writes a whole object. With `onlyNew`, throws CloudError FAILED_PRECONDITION instead of replacing an existing one; with
 * `onlyGeneration`, instead of replacing any other generation (`0`: none at all,
 * https://cloud.google.com/storage/docs/request-preconditions).
 */
export async function writeObject(
  uri: string,
  bytes: Buffer | string,
  options: { contentType: string; onlyNew?: boolean; onlyGeneration?: string },
): Promise<void> {
  const { bucket, path } = objectName(uri)
  const storage = await storageClient()
  const file = storage.bucket(bucket).file(path)
  // A local cloud is on this machine: no network can change the bytes, and the checksum takes half of an upload's time.
  const isLocal = storage.apiEndpoint === localCloud()?.http
  const onlyGeneration = options.onlyNew ? '0' : options.onlyGeneration
  await call(
    file.save(bytes, {
      contentType: options.contentType,
      resumable: false,
      validation: isLocal ? false : 'crc32c',
      ...(onlyGeneration === undefined ? {} : { preconditionOpts: { ifGenerationMatch: onlyGeneration } }),
    }),
  )
}

/** Returns the generation of an object; undefined when there is none. */
export async function objectGeneration(uri: string): Promise<string | undefined> {
  const { bucket, path } = objectName(uri)
  const answer = await callUnless(
    'NOT_FOUND',
    (await storageClient()).bucket(bucket).file(path).getMetadata(),
    undefined,
  )
  return answer === undefined ? undefined : String(answer[0].generation)
}

/** Returns size and content type of an object. Rejects with CloudError NOT_FOUND when there is none. */
export async function describeObject(uri: string): Promise<{ bytes: number; contentType: string | undefined }> {
  const { bucket, path, generation } = objectName(uri)
  const [metadata] = await call(
    (await storageClient())
      .bucket(bucket)
      .file(path, generation === undefined ? {} : { generation })
      .getMetadata(),
  )
  return { bytes: Number(metadata.size ?? 0), contentType: metadata.contentType }
}

/** Returns the paths of the objects under a prefix; empty when the bucket does not exist. */
export async function listObjects(bucket: string, prefix: string): Promise<string[]> {
  const answer = await callUnless(
    'NOT_FOUND',
    (await storageClient()).bucket(bucket).getFiles({ prefix }),
    undefined,
    LONG_CALL_DEADLINE_MS,
  )
  return answer?.[0].map((file) => file.name) ?? []
}

/**
 * Returns the "folders" directly under a prefix, each with its trailing slash; empty when the bucket does not exist.
 */
export async function listFolders(bucket: string, prefix: string): Promise<string[]> {
  const folders: string[] = []
  let query: object | null = { prefix, delimiter: '/', autoPaginate: false }
  while (query) {
    const answer: unknown[] | undefined = await callUnless(
      'NOT_FOUND',
      (await storageClient()).bucket(bucket).getFiles(query) as Promise<unknown[]>,
      undefined,
    )
    if (!answer) return []
    const [, next, response] = answer as [unknown, object | null, { prefixes?: string[] } | undefined]
    folders.push(...(response?.prefixes ?? []))
    query = next
  }
  return folders
}

export async function deleteObject(uri: string): Promise<'deleted' | 'absent'> {
  const { bucket, path } = objectName(uri)
  const deleted = (await storageClient()).bucket(bucket).file(path).delete()
  return callUnless(
    'NOT_FOUND',
    deleted.then(() => 'deleted' as const),
    'absent' as const,
  )
}

/**
 * Deletes every object under a prefix except one; ignores a missing bucket or object. Returns the number of deleted
 * objects.
 */
export async function deleteObjects(
  bucket: string,
  prefix: string,
  options: { except?: string; progress?: (deleted: number) => void } = {},
): Promise<number> {
  const names = (await listObjects(bucket, prefix)).filter((name) => name !== options.except)
  for (let start = 0; start < names.length; start += DELETES_AT_ONCE) {
    await Promise.all(names.slice(start, start + DELETES_AT_ONCE).map((name) => deleteObject(`gs://${bucket}/${name}`)))
    options.progress?.(Math.min(names.length, start + DELETES_AT_ONCE))
  }
  return names.length
}

const DELETES_AT_ONCE = 16
