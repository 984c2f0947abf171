import { randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { UploadRange } from './content-range.ts'
import type { Chunks, ContentStore } from './content-store.ts'
import { RESUMABLE_CHUNK_BYTES, RESUMABLE_SESSION_MS } from './limits.ts'
import type { MetadataStore, ObjectRow, UploadRow } from './metadata-store.ts'
import type { NewObject, Objects } from './objects.ts'

/** Either the finished object, or the number of bytes so far (response 308). */
export type UploadProgress = { object: ObjectRow } | { received: number }

/** Resumable sessions (https://cloud.google.com/storage/docs/resumable-uploads). They survive a restart. */
export class Uploads {
  readonly #store: MetadataStore
  readonly #content: ContentStore
  readonly #objects: Objects
  readonly #clock: Clock
  /** Two requests must not write to one session at once. */
  readonly #busy = new Set<string>()

  constructor(store: MetadataStore, content: ContentStore, objects: Objects, clock: Clock) {
    this.#store = store
    this.#content = content
    this.#objects = objects
    this.#clock = clock
  }

  /** Opens a session and returns its ID. Throws the error of an upload that must be refused. */
  begin(object: NewObject): string {
    this.#objects.checkNew(object)
    const id = randomUUID()
    this.#store.putUpload({
      id,
      bucket: object.bucket,
      name: object.name,
      request: JSON.stringify(object),
      createdMs: this.#clock.now(),
      finishedGeneration: undefined,
    })
    return id
  }

  async receive(
    uploadId: string,
    range: UploadRange,
    expected: NewObject['expected'],
    chunks: Chunks,
  ): Promise<UploadProgress> {
    const row = this.#find(uploadId)
    if (this.#busy.has(uploadId)) {
      throw new GoogleError('UNAVAILABLE', 'Another request is writing to this upload session.')
    }
    this.#busy.add(uploadId)
    try {
      return await this.#receive(row, range, expected, chunks)
    } finally {
      this.#busy.delete(uploadId)
    }
  }

  cancel(uploadId: string): void {
    const row = this.#find(uploadId)
    this.#store.deleteUpload(row.id)
    this.#content.abandon(row.id)
  }

  /** Deletes sessions that are over a week old. */
  expire(): void {
    for (const id of this.#store.uploadsBefore(this.#clock.now() - RESUMABLE_SESSION_MS)) {
      this.#store.deleteUpload(id)
      this.#content.abandon(id)
    }
  }

  #find(uploadId: string): UploadRow {
    const row = this.#store.upload(uploadId)
    if (!row || row.createdMs + RESUMABLE_SESSION_MS <= this.#clock.now()) {
      throw new GoogleError('NOT_FOUND', 'No such resumable upload session.', {
        reason: 'notFound',
      })
    }
    return row
  }

  async #receive(
    row: UploadRow,
    range: UploadRange,
    expected: NewObject['expected'],
    chunks: Chunks,
  ): Promise<UploadProgress> {
    if (row.finishedGeneration !== undefined) {
      // The client did not get the response to its last request and repeats it.
      return {
        object: this.#objects.get({ bucket: row.bucket, name: row.name, generation: row.finishedGeneration }, {}),
      }
    }
    if (range.kind === 'query') {
      const received = this.#content.receivedBytes(row.id)
      return range.total === received ? this.#finish(row, expected) : { received }
    }
    const received = await this.#append(row, range, chunks)
    const isComplete = range.total === undefined ? range.last === undefined : received === range.total
    if (range.total !== undefined && received > range.total) {
      throw new GoogleError('INVALID_ARGUMENT', `Invalid request. More than ${range.total} bytes were sent.`, {
        reason: 'badRequest',
      })
    }
    return isComplete ? this.#finish(row, expected) : { received }
  }

  async #append(row: UploadRow, range: UploadRange & { kind: 'bytes' }, chunks: Chunks): Promise<number> {
    const content = this.#content
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
    // Only whole chunks are kept; the Range header tells the client where to continue.
    const kept = size - (size % RESUMABLE_CHUNK_BYTES)
    if (kept < size) await content.append(row.id, kept, [])
    return kept
  }

  async #finish(row: UploadRow, expected: NewObject['expected']): Promise<UploadProgress> {
    const object = JSON.parse(row.request) as NewObject
    const stored = await this.#content.finish(row.id)
    const created = this.#objects.commit({ ...object, expected: { ...object.expected, ...expected } }, stored)
    this.#store.putUpload({ ...row, finishedGeneration: created.generation })
    this.#content.abandon(row.id)
    return { object: created }
  }
}

/** Leaves out the first `count` bytes, which the server has already. */
async function* skip(chunks: Chunks, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of chunks) {
    if (left < chunk.byteLength) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.byteLength)
  }
}
