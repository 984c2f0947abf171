import type { BigIntStats } from 'node:fs'
import { identityOf, LOCAL_FILE_ENDPOINT, type LocalFileRequest } from '@imagery/local-cloud/contract/local-file'
import { localCloud } from '../transport/environment.ts'
import { sendRequest } from '../transport/http-request.ts'
import { objectName } from './storage.ts'

/** A copy of 64 MiB takes less than a second; a loaded disk takes longer. */
const TIMEOUT_MS = 60_000

/** An answer has a generation or an error. */
const MOST_ANSWER_BYTES = 65_536

/** A regular file that this process has open. */
export interface OpenFile {
  /** Its full path without links. */
  path: string
  stats: BigIntStats
}

/**
 * Lets the local cloud make an object of a file, so that no byte of it goes through HTTP. Keep the file open meanwhile:
 * the local cloud refuses another file, or one that changed since `stats`.
 *
 * @returns false if the file must be uploaded: on Google, as another account than the operator (whose permissions an
 * upload checks), or if the local cloud does not take it
 */
export async function storeLocalFile(uri: string, { path, stats }: OpenFile, contentType: string): Promise<boolean> {
  const cloud = localCloud()
  if (cloud === undefined || !takesLocalFiles()) return false
  const { bucket, path: name } = objectName(uri)
  const request: LocalFileRequest = { bucket, name, contentType, path, file: identityOf(stats) }
  try {
    const { status } = await sendRequest(new URL(LOCAL_FILE_ENDPOINT, cloud.http), {
      method: 'POST',
      headers: { authorization: `Bearer ${cloud.adminToken}` },
      body: JSON.stringify(request),
      maxBytes: MOST_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
    })
    return status === 200
  } catch {
    // The upload says what is wrong.
    return false
  }
}

/** Whether there is a local cloud that takes the files of this account. */
export function takesLocalFiles(): boolean {
  const cloud = localCloud()
  return cloud !== undefined && process.env['GCE_METADATA_HOST'] === cloud.metadataHost
}
