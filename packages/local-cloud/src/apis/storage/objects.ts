import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Buckets } from './buckets.ts'
import type { Checksums } from './checksums.ts'
import type { Chunks, ContentStore, StoredContent } from './content-store.ts'
import type { MetadataStore, ObjectFields, ObjectRow } from './metadata-store.ts'
import { checkObjectName } from './names.ts'
import { changedObjectFields, newObjectFields } from './object-fields.ts'
import { checkPreconditions, type Preconditions } from './preconditions.ts'

/** What a request says of the object that it creates. */
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
  /** A generation that is not the live one does not exist: there is no versioning here. */
  generation: number | undefined
}

/** Objects as https://cloud.google.com/storage/docs/json_api/v1/objects describes them. */
export interface Objects {
  /** Throws NOT_FOUND, 412 or 304. */
  get(selector: Selector, conditions: Preconditions): ObjectRow
  /** Throws what would refuse the upload before any byte is read. */
  checkNew(object: NewObject): void
  insert(object: NewObject, chunks: Chunks): Promise<ObjectRow>
  /** Gives stored content its name; on refusal the content is deleted. */
  commit(object: NewObject, content: StoredContent): ObjectRow
  copy(
    source: Selector,
    sourceConditions: Preconditions,
    target: Omit<NewObject, 'expected'>,
    hasFields: boolean,
  ): Promise<ObjectRow>
  /** With `isUpdate`, fields that are not in the body are reset (PUT instead of PATCH). */
  change(selector: Selector, body: Record<string, unknown>, conditions: Preconditions, isUpdate: boolean): ObjectRow
  delete(selector: Selector, conditions: Preconditions): void
}

export function createObjects(store: MetadataStore, content: ContentStore, buckets: Buckets, clock: Clock): Objects {
  const find = (selector: Selector): ObjectRow => {
    const row = store.object(selector.bucket, selector.name)
    if (row && (selector.generation === undefined || selector.generation === row.generation)) return row
    // Only now, since this is the hot path: no bucket, no object.
    buckets.get(selector.bucket)
    throw new GoogleError('NOT_FOUND', `No such object: ${selector.bucket}/${selector.name}`, { reason: 'notFound' })
  }

  const checkNew: Objects['checkNew'] = (object) => {
    buckets.get(object.bucket)
    checkObjectName(object.name)
    checkPreconditions(object.conditions, store.object(object.bucket, object.name))
  }

  const commit: Objects['commit'] = (object, stored) => {
    let replaced: ObjectRow | undefined
    try {
      checkExpected(object, stored)
      replaced = store.atomically(() => {
        checkNew(object)
        const nowMs = clock.now()
        const previous = store.object(object.bucket, object.name)
        store.putObject({
          bucket: object.bucket,
          name: object.name,
          generation: store.nextGeneration(nowMs),
          metageneration: 1,
          size: stored.size,
          md5: stored.md5,
          crc32c: stored.crc32c,
          contentId: stored.contentId,
          createdMs: nowMs,
          updatedMs: nowMs,
          fields: object.fields,
        })
        return previous
      })
    } catch (error) {
      content.delete([stored.contentId])
      throw error
    }
    if (replaced) content.delete([replaced.contentId])
    return find({ bucket: object.bucket, name: object.name, generation: undefined })
  }

  return {
    get(selector, conditions) {
      const row = find(selector)
      checkPreconditions(conditions, row, true)
      return row
    },
    checkNew,
    commit,
    async insert(object, chunks) {
      checkNew(object)
      return commit(object, await content.store(chunks))
    },
    async copy(source, sourceConditions, target, hasFields) {
      const row = find(source)
      checkPreconditions(sourceConditions, row)
      const object: NewObject = {
        ...target,
        expected: {},
        fields: hasFields ? target.fields : row.fields,
      }
      checkNew(object)
      const { size, md5, crc32c } = row
      return commit(object, { contentId: await content.copy(row.contentId), size, md5, crc32c })
    },
    change(selector, body, conditions, isUpdate) {
      const row = find(selector)
      checkPreconditions(conditions, row)
      const changed: ObjectRow = {
        ...row,
        metageneration: row.metageneration + 1,
        updatedMs: clock.now(),
        fields: isUpdate ? newObjectFields(body) : changedObjectFields(row.fields, body),
      }
      store.putObject(changed)
      return changed
    },
    delete(selector, conditions) {
      const row = find(selector)
      checkPreconditions(conditions, row)
      store.deleteObject(row.bucket, row.name)
      content.delete([row.contentId])
    },
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
