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
export class Buckets {
  readonly #store: MetadataStore
  readonly #clock: Clock
  readonly #accessChanged: () => void
  readonly #isTaken: (name: string) => boolean

  /**
   * @param options.accessChanged called after each change that affects permissions
   * @param options.isTaken whether another project has a bucket of that name
   */
  constructor(
    store: MetadataStore,
    clock: Clock,
    { accessChanged, isTaken }: { accessChanged: () => void; isTaken: (name: string) => boolean },
  ) {
    this.#store = store
    this.#clock = clock
    this.#accessChanged = accessChanged
    this.#isTaken = isTaken
  }

  /** Throws NOT_FOUND. */
  get(name: string, conditions: Preconditions = {}): BucketRow {
    const row = this.#store.bucket(name)
    if (!row)
      throw new GoogleError('NOT_FOUND', 'The specified bucket does not exist.', {
        reason: 'notFound',
      })
    checkPreconditions(conditions, row, true)
    return row
  }

  insert(project: string, body: Record<string, unknown>): BucketRow {
    const name = typeof body['name'] === 'string' ? body['name'] : ''
    checkBucketName(name)
    const nowMs = this.#clock.now()
    const row: BucketRow = {
      name,
      project,
      metageneration: 1,
      createdMs: nowMs,
      updatedMs: nowMs,
      fields: newBucketFields(body),
    }
    const taken = this.#store.bucket(name)
    // Names are unique over all projects (https://cloud.google.com/storage/docs/buckets#naming).
    if (taken || this.#isTaken(name)) throw alreadyExists(taken?.project === project)
    this.#store.putBucket(row)
    this.#accessChanged()
    return row
  }

  list(project: string, { prefix, after, limit }: { prefix: string; after: string; limit: number }): BucketPage {
    const rows = this.#store.buckets(project, after, prefix, limit + 1)
    const page = rows.slice(0, limit)
    return { rows: page, nextAfter: rows.length > limit ? page.at(-1)?.name : undefined }
  }

  /** With `isUpdate`, fields that are not in the body are reset (PUT instead of PATCH). */
  change(name: string, body: Record<string, unknown>, conditions: Preconditions, isUpdate: boolean): BucketRow {
    const row = this.get(name)
    checkPreconditions(conditions, row)
    const fixed = {
      location: row.fields['location'],
      locationType: row.fields['locationType'],
      storageClass: 'STANDARD',
    }
    const changed: BucketRow = {
      ...row,
      metageneration: row.metageneration + 1,
      updatedMs: this.#clock.now(),
      fields: changedBucketFields(isUpdate ? fixed : row.fields, body),
    }
    this.#store.putBucket(changed)
    this.#accessChanged()
    return changed
  }

  delete(name: string, conditions: Preconditions): void {
    checkPreconditions(conditions, this.get(name))
    if (this.#store.hasObjects(name)) {
      throw new GoogleError('ALREADY_EXISTS', 'The bucket you tried to delete is not empty.', {
        reason: 'conflict',
      })
    }
    this.#store.deleteBucket(name)
    this.#accessChanged()
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
