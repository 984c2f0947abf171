import type { BigIntStats } from 'node:fs'
import {
  identityOf,
  LOCAL_FILES_ENDPOINT,
  localFilesResponse,
  MOST_LOCAL_FILES,
  type LocalFile,
} from '@imagery/local-cloud/contract/local-file'
import { localCloud } from '../transport/environment.ts'
import { sendRequest } from '../transport/http-request.ts'
import { MAX_OBJECT_BYTES, objectName } from './storage.ts'

/** The files of a request have 64 MiB, or it has only one. To copy them takes less than a second; a loaded disk takes longer. */
const TIMEOUT_MS = 60_000

/** The answer for a file has a generation or an error with its path. */
const MOST_ANSWER_BYTES = MOST_LOCAL_FILES * 16_384

/** A regular file that this process has open. */
export interface OpenFile {
  /** Its full path without links. */
  path: string
  stats: BigIntStats
}

/**
 * Lets the local cloud make objects of files, so that no byte of them goes through HTTP. One request takes all the files
 * that were given while the one before it was under way, up to 64 MiB.
 */
export class LocalFiles {
  #waiting: Waiting[] = []
  #isSending = false

  /**
   * Keep the file open meanwhile: the local cloud refuses another file, or one that changed since `stats`.
   *
   * @returns false if the file must be uploaded: on Google, as another account than the operator (whose permissions an
   * upload checks), or if the local cloud does not take it
   */
  async store(uri: string, { path, stats }: OpenFile, contentType: string): Promise<boolean> {
    if (!takesLocalFiles()) return false
    const { bucket, path: name } = objectName(uri)
    const file = { bucket, name, contentType, path, file: identityOf(stats) }
    return new Promise((resolve) => {
      this.#waiting.push({ file, resolve })
      setImmediate(() => void this.#send())
    })
  }

  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    while (this.#waiting.length > 0) {
      const sent = this.#waiting.splice(0, countTogether(this.#waiting))
      const stored = await storeFiles(sent.map(({ file }) => file))
      for (const [index, { resolve }] of sent.entries()) resolve(stored[index] ?? false)
    }
    this.#isSending = false
  }
}

/** How many of the first files one request takes: what is copied together must be done within its time limit. */
function countTogether(waiting: readonly Waiting[]): number {
  let bytes = 0
  const tooMany = waiting.findIndex(({ file }, index) => {
    bytes += Number(file.file.size)
    return index > 0 && bytes > MAX_OBJECT_BYTES
  })
  return Math.min(tooMany < 0 ? waiting.length : tooMany, MOST_LOCAL_FILES)
}

interface Waiting {
  file: LocalFile
  resolve: (isStored: boolean) => void
}

/** @returns whether each file is an object now; nothing if the local cloud takes no files. The upload says what is wrong. */
async function storeFiles(files: LocalFile[]): Promise<boolean[]> {
  const cloud = localCloud()
  if (cloud === undefined) return []
  try {
    const { status, body } = await sendRequest(new URL(LOCAL_FILES_ENDPOINT, cloud.http), {
      method: 'POST',
      headers: { authorization: `Bearer ${cloud.adminToken}` },
      body: JSON.stringify({ files }),
      maxBytes: MOST_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
    })
    if (status !== 200) return []
    return localFilesResponse.parse(JSON.parse(body.toString())).objects.map((object) => 'generation' in object)
  } catch {
    return []
  }
}

/** Whether there is a local cloud that takes the files of this account. */
export function takesLocalFiles(): boolean {
  const cloud = localCloud()
  return cloud !== undefined && process.env['GCE_METADATA_HOST'] === cloud.metadataHost
}
