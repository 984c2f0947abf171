import { randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { UploadRange } from './content-range.ts'
import type { Chunks, ContentStore } from './content-store.ts'
import { RESUMABLE_CHUNK_BYTES, RESUMABLE_SESSION_MS } from './limits.ts'
import type { MetadataStore, ObjectRow, UploadRow } from './metadata-store.ts'
import type { NewObject, Objects } from './objects.ts'

/** Either the finished object, or how many bytes are kept so far (answered 308). */
export type UploadProgress = { object: ObjectRow } | { received: number }

/** Resumable sessions (https://cloud.google.com/storage/docs/resumable-uploads). They survive a restart. */
export interface Uploads {
  /** Opens a session and returns its id. Throws what would refuse the upload itself. */
  begin(object: NewObject): string
  receive(
    uploadId: string,
    range: UploadRange,
    expected: NewObject['expected'],
    chunks: Chunks,
  ): Promise<UploadProgress>
  cancel(uploadId: string): void
  /** Forgets sessions that are over a week old. */
  expire(): void
}

export function createUploads(store: MetadataStore, content: ContentStore, objects: Objects, clock: Clock): Uploads {
  /** Two requests must not write to one session at once. */
  const busy = new Set<string>()

  const find = (uploadId: string): UploadRow => {
    const row = store.upload(uploadId)
    if (!row || row.createdMs + RESUMABLE_SESSION_MS <= clock.now()) {
      throw new GoogleError('NOT_FOUND', 'No such resumable upload session.', {
        reason: 'notFound',
      })
    }
    return row
  }

  const finish = async (row: UploadRow, expected: NewObject['expected']): Promise<UploadProgress> => {
    const object = JSON.parse(row.request) as NewObject
    const stored = await content.finish(row.id)
    const created = objects.commit({ ...object, expected: { ...object.expected, ...expected } }, stored)
    store.putUpload({ ...row, finishedGeneration: created.generation })
    content.abandon(row.id)
    return { object: created }
  }

  const append = async (row: UploadRow, range: UploadRange & { kind: 'bytes' }, chunks: Chunks): Promise<number> => {
    const received = content.receivedBytes(row.id)
    if (range.first > received) {
      throw new GoogleError(
        'INVALID_ARGUMENT',
        `Invalid request. ${received} bytes were received so far, not ${range.first}.`,
        {
          reason: 'badRequest',
        },
      )
    }
    const isLast = range.last === undefined || range.total === range.last + 1
    await content.append(row.id, received, skip(chunks, received - range.first))
    const size = content.receivedBytes(row.id)
    if (isLast) return size
    if (size - received < RESUMABLE_CHUNK_BYTES) {
      await content.append(row.id, received, [])
      throw new GoogleError(
        'INVALID_ARGUMENT',
        `Invalid request. The number of bytes uploaded is required to be equal or greater than ${RESUMABLE_CHUNK_BYTES}, ` +
          "except for the final request (it's recommended to be the exact multiple of " +
          `${RESUMABLE_CHUNK_BYTES}). The received request contained ${size - received} bytes, which does not meet this requirement.`,
        { reason: 'badRequest' },
      )
    }
    // What goes beyond a whole number of chunks is not kept; the client learns it from the Range header.
    const kept = size - (size % RESUMABLE_CHUNK_BYTES)
    if (kept < size) await content.append(row.id, kept, [])
    return kept
  }

  const receive = async (
    row: UploadRow,
    range: UploadRange,
    expected: NewObject['expected'],
    chunks: Chunks,
  ): Promise<UploadProgress> => {
    if (row.finishedGeneration !== undefined) {
      // The answer to the last request was lost and the client asks again.
      return {
        object: objects.get({ bucket: row.bucket, name: row.name, generation: row.finishedGeneration }, {}),
      }
    }
    if (range.kind === 'query') {
      const received = content.receivedBytes(row.id)
      return range.total === received ? finish(row, expected) : { received }
    }
    const received = await append(row, range, chunks)
    const isComplete = range.total === undefined ? range.last === undefined : received === range.total
    if (range.total !== undefined && received > range.total) {
      throw new GoogleError('INVALID_ARGUMENT', `Invalid request. More than ${range.total} bytes were sent.`, {
        reason: 'badRequest',
      })
    }
    return isComplete ? finish(row, expected) : { received }
  }

  return {
    begin(object) {
      objects.checkNew(object)
      const id = randomUUID()
      store.putUpload({
        id,
        bucket: object.bucket,
        name: object.name,
        request: JSON.stringify(object),
        createdMs: clock.now(),
        finishedGeneration: undefined,
      })
      return id
    },
    async receive(uploadId, range, expected, chunks) {
      const row = find(uploadId)
      if (busy.has(uploadId)) throw new GoogleError('UNAVAILABLE', 'Another request is writing to this upload session.')
      busy.add(uploadId)
      try {
        return await receive(row, range, expected, chunks)
      } finally {
        busy.delete(uploadId)
      }
    },
    cancel(uploadId) {
      const row = find(uploadId)
      store.deleteUpload(row.id)
      content.abandon(row.id)
    },
    expire() {
      for (const id of store.uploadsBefore(clock.now() - RESUMABLE_SESSION_MS)) {
        store.deleteUpload(id)
        content.abandon(id)
      }
    },
  }
}

/** Leaves out the first `count` bytes: those that the server has already. */
async function* skip(chunks: Chunks, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of chunks) {
    if (left < chunk.byteLength) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.byteLength)
  }
}
