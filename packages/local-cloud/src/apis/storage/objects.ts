import type { BigIntStats } from 'node:fs'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { LocalFile } from '../../contract/local-file.ts'
import type { Buckets } from './buckets.ts'
import type { Checksums } from './checksums.ts'
import type { Chunks, ContentStore, StoredContent } from './content-store.ts'
import type { MetadataStore, ObjectFields, ObjectRow } from './metadata-store.ts'
import { sourceOf, withLocalFile } from './local-files.ts'
import { checkObjectName } from './names.ts'
import { changedObjectFields, newObjectFields } from './object-fields.ts'
import { checkPreconditions, type Preconditions } from './preconditions.ts'

/** A request's description of the object that it creates. */
export interface NewObject {
  bucket: string
  name: string
  fields: ObjectFields
  conditions: Preconditions
  /** Checksums that the client computed: the upload fails when they differ from ours. */
  expected: { md5?: string; crc32c?: string }
}

export interface Selector {
  bucket: string
  name: string
  /** Only the live generation exists: there is no versioning here. */
  generation: number | undefined
}

/** Objects as https://cloud.google.com/storage/docs/json_api/v1/objects describes them. */
export class Objects {
  readonly #store: MetadataStore
  readonly #content: ContentStore
  readonly #buckets: Buckets
  readonly #clock: Clock

  constructor(store: MetadataStore, content: ContentStore, buckets: Buckets, clock: Clock) {
    this.#store = store
    this.#content = content
    this.#buckets = buckets
    this.#clock = clock
  }

  /** Throws NOT_FOUND, 412 or 304. */
  get(selector: Selector, conditions: Preconditions): ObjectRow {
    const row = this.#find(selector)
    checkPreconditions(conditions, row, true)
    return row
  }

  /** Throws the error of an upload that must be refused, before any byte is read. */
  checkNew(object: NewObject): void {
    this.#buckets.get(object.bucket)
    checkObjectName(object.name)
    checkPreconditions(object.conditions, this.#store.object(object.bucket, object.name))
  }

  async insert(object: NewObject, chunks: Chunks): Promise<ObjectRow> {
    this.checkNew(object)
    return this.commit(object, await this.#content.store(chunks))
  }

  /** Makes an object of a file of this machine. @throws GoogleError as an upload does, and those of `withLocalFile` */
  async insertFile({ bucket, name, contentType, ...request }: LocalFile): Promise<ObjectRow> {
    const object: NewObject = { bucket, name, fields: { contentType }, conditions: {}, expected: {} }
    this.checkNew(object)
    const stored = await withLocalFile(
      request,
      (descriptor, stats) => this.#storeFile(descriptor, stats),
      ({ contentId }) => this.#content.delete([contentId]),
    )
    return this.commit(object, stored)
  }

  /** Stores an open file: without a read if there is a copy of it already, as of each photo when a folder is used again. */
  async #storeFile(descriptor: number, stats: BigIntStats): Promise<StoredContent> {
    const source = sourceOf(stats, this.#clock.now())
    const copy = source === undefined ? undefined : this.#store.objectFrom(source)
    const contentId = copy && this.#content.share(copy.contentId)
    if (!copy || contentId === undefined) return { ...(await this.#content.storeFile(descriptor)), source }
    const { size, md5, crc32c } = copy
    return { contentId, size, md5, crc32c, source }
  }

  /** Gives stored content its name. Deletes the content when the object is refused. */
  commit(object: NewObject, stored: StoredContent): ObjectRow {
    let replaced: ObjectRow | undefined
    try {
      checkExpected(object, stored)
      replaced = this.#store.atomically(() => this.#replace(object, stored))
    } catch (error) {
      this.#content.delete([stored.contentId])
      throw error
    }
    if (replaced) this.#content.delete([replaced.contentId])
    return this.#find({ bucket: object.bucket, name: object.name, generation: undefined })
  }

  async copy(
    source: Selector,
    sourceConditions: Preconditions,
    target: Omit<NewObject, 'expected'>,
    hasFields: boolean,
  ): Promise<ObjectRow> {
    const row = this.#find(source)
    checkPreconditions(sourceConditions, row)
    const object: NewObject = {
      ...target,
      expected: {},
      fields: hasFields ? target.fields : row.fields,
    }
    this.checkNew(object)
    const { size, md5, crc32c } = row
    return this.commit(object, { contentId: await this.#content.copy(row.contentId), size, md5, crc32c })
  }

  /** With `isUpdate`, fields that are not in the body are reset (PUT instead of PATCH). */
  change(selector: Selector, body: Record<string, unknown>, conditions: Preconditions, isUpdate: boolean): ObjectRow {
    const row = this.#find(selector)
    checkPreconditions(conditions, row)
    const changed: ObjectRow = {
      ...row,
      metageneration: row.metageneration + 1,
      updatedMs: this.#clock.now(),
      fields: isUpdate ? newObjectFields(body) : changedObjectFields(row.fields, body),
    }
    this.#store.putObject(changed)
    return changed
  }

  delete(selector: Selector, conditions: Preconditions): void {
    const row = this.#find(selector)
    checkPreconditions(conditions, row)
    this.#store.deleteObject(row.bucket, row.name)
    this.#content.delete([row.contentId])
  }

  #find(selector: Selector): ObjectRow {
    const row = this.#store.object(selector.bucket, selector.name)
    if (row && (selector.generation === undefined || selector.generation === row.generation)) return row
    // Only now, because this is the hot path: no bucket, no object.
    this.#buckets.get(selector.bucket)
    throw new GoogleError('NOT_FOUND', `No such object: ${selector.bucket}/${selector.name}`, { reason: 'notFound' })
  }

  /** Writes the object's row and returns the row before it. */
  #replace(object: NewObject, stored: StoredContent): ObjectRow | undefined {
    this.checkNew(object)
    const nowMs = this.#clock.now()
    const previous = this.#store.object(object.bucket, object.name)
    this.#store.putObject({
      bucket: object.bucket,
      name: object.name,
      generation: this.#store.nextGeneration(nowMs),
      metageneration: 1,
      size: stored.size,
      md5: stored.md5,
      crc32c: stored.crc32c,
      contentId: stored.contentId,
      source: stored.source ?? '',
      createdMs: nowMs,
      updatedMs: nowMs,
      fields: object.fields,
    })
    return previous
  }
}

function checkExpected({ expected }: NewObject, actual: Checksums): void {
  if (expected.md5 !== undefined && expected.md5 !== actual.md5) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Provided MD5 hash "${expected.md5}" doesn't match calculated MD5 hash "${actual.md5}".`,
      { reason: 'invalid' },
    )
  }
  if (expected.crc32c !== undefined && expected.crc32c !== actual.crc32c) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Provided CRC32C "${expected.crc32c}" doesn't match calculated CRC32C "${actual.crc32c}".`,
      { reason: 'invalid' },
    )
  }
}
