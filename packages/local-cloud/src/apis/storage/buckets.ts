import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { changedBucketFields, newBucketFields } from './bucket-fields.ts'
import type { BucketRow, MetadataStore } from './metadata-store.ts'
import { checkBucketName } from './names.ts'
import { checkPreconditions, type Preconditions } from './preconditions.ts'

export interface BucketPage {
  rows: BucketRow[]
  /** The name after which the next page begins. */
  nextAfter: string | undefined
}

/** Buckets as https://cloud.google.com/storage/docs/json_api/v1/buckets describes them. */
export interface Buckets {
  /** Throws NOT_FOUND. */
  get(name: string, conditions?: Preconditions): BucketRow
  insert(project: string, body: Record<string, unknown>): BucketRow
  list(project: string, options: { prefix: string; after: string; limit: number }): BucketPage
  /** With `isUpdate`, fields that are not in the body are reset (PUT instead of PATCH). */
  change(name: string, body: Record<string, unknown>, conditions: Preconditions, isUpdate: boolean): BucketRow
  delete(name: string, conditions: Preconditions): void
}

/** @param accessChanged told after each change that bears on who may reach a bucket */
export function createBuckets(store: MetadataStore, clock: Clock, accessChanged: () => void): Buckets {
  const get: Buckets['get'] = (name, conditions = {}) => {
    const row = store.bucket(name)
    if (!row)
      throw new GoogleError('NOT_FOUND', 'The specified bucket does not exist.', {
        reason: 'notFound',
      })
    checkPreconditions(conditions, row, true)
    return row
  }
  return {
    get,
    insert(project, body) {
      const name = typeof body['name'] === 'string' ? body['name'] : ''
      checkBucketName(name)
      const nowMs = clock.now()
      const row: BucketRow = {
        name,
        project,
        metageneration: 1,
        createdMs: nowMs,
        updatedMs: nowMs,
        fields: newBucketFields(body),
      }
      const taken = store.bucket(name)
      // Names are unique over all projects (https://cloud.google.com/storage/docs/buckets#naming).
      if (taken) throw alreadyExists(taken.project === project)
      store.putBucket(row)
      accessChanged()
      return row
    },
    list(project, { prefix, after, limit }) {
      const rows = store.buckets(project, after, prefix, limit + 1)
      const page = rows.slice(0, limit)
      return { rows: page, nextAfter: rows.length > limit ? page.at(-1)?.name : undefined }
    },
    change(name, body, conditions, isUpdate) {
      const row = get(name)
      checkPreconditions(conditions, row)
      const fixed = {
        location: row.fields['location'],
        locationType: row.fields['locationType'],
        storageClass: 'STANDARD',
      }
      const changed: BucketRow = {
        ...row,
        metageneration: row.metageneration + 1,
        updatedMs: clock.now(),
        fields: changedBucketFields(isUpdate ? fixed : row.fields, body),
      }
      store.putBucket(changed)
      accessChanged()
      return changed
    },
    delete(name, conditions) {
      checkPreconditions(conditions, get(name))
      if (store.hasObjects(name)) {
        throw new GoogleError('ALREADY_EXISTS', 'The bucket you tried to delete is not empty.', {
          reason: 'conflict',
        })
      }
      store.deleteBucket(name)
      accessChanged()
    },
  }
}

function alreadyExists(isOwn: boolean): GoogleError {
  return isOwn
    ? new GoogleError(
        'ALREADY_EXISTS',
        'Your previous request to create the named bucket succeeded and you already own it.',
        {
          reason: 'conflict',
        },
      )
    : new GoogleError(
        'ALREADY_EXISTS',
        'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
        { reason: 'conflict' },
      )
}
