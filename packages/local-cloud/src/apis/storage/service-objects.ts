import type { Clock } from '../../kernel/clock.ts'
import { newBucketFields } from './bucket-fields.ts'
import type { MetadataStore } from './metadata-store.ts'
import type { Objects } from './objects.ts'

/** Writes objects for another API of the local cloud: build logs. */
export type WriteServiceObject = (bucket: string, object: string, text: string) => Promise<void>

/**
 * Google keeps some of a project's objects in buckets outside the user's projects. Accounts that may
 * read the project may read them, but no listing shows them. Such a bucket is created when it is
 * first needed, under a reserved name.
 *
 * @param projectNumber whose members may read it: listings name projects by their ids
 * @param accessChanged told when a bucket is made
 */
export function serviceObjectWriter(
  store: MetadataStore,
  objects: Objects,
  clock: Clock,
  projectNumber: string,
  accessChanged: () => void,
): WriteServiceObject {
  return async (bucket, object, text) => {
    if (!store.bucket(bucket)) {
      const now = clock.now()
      const fields = newBucketFields({ iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } })
      store.putBucket({
        name: bucket,
        project: projectNumber,
        metageneration: 1,
        createdMs: now,
        updatedMs: now,
        fields,
      })
      accessChanged()
    }
    const fields = { contentType: 'text/plain' }
    await objects.insert({ bucket, name: object, fields, conditions: {}, expected: {} }, [Buffer.from(text)])
  }
}
