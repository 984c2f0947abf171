import path from 'node:path'
import { Hono } from 'hono'
import type { LocalFile } from '../../contract/local-file.ts'
import type { Authorizer } from '../iam/authorizer.ts'
import type { EmulatedApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { ProjectConditions } from '../../kernel/project-conditions.ts'
import { addBucketRoutes } from './bucket-routes.ts'
import { BucketPolicies } from './bucket-policies.ts'
import { Buckets } from './buckets.ts'
import { ContentStore } from './content-store.ts'
import { MetadataStore, type ObjectRow } from './metadata-store.ts'
import { addObjectRoutes } from './object-routes.ts'
import { Objects } from './objects.ts'
import { addUploadRoutes } from './upload-routes.ts'
import { serviceObjectWriter, type WriteServiceObject } from './service-objects.ts'
import { storageNeeds } from './permissions.ts'
import { addPolicyRoutes } from './policy-routes.ts'
import { Uploads } from './uploads.ts'

export interface StorageApiOptions {
  /** The folder of metadata and bytes, e.g. `<dataDir>/storage`. */
  directory: string
  clock: Clock
  operation: Operation
  projectNumber: string
  conditions: ProjectConditions
  /** Checks permissions; reads the policies of buckets. */
  access: Authorizer
}

export interface StorageApi extends EmulatedApi {
  /** The bytes of `gs://bucket/object`, or of one generation of it after a `#`, for the other APIs of the local cloud. Rejects NOT_FOUND, INVALID_ARGUMENT. */
  readObject(uri: string): Promise<Buffer>
  /** Returns the size and the first bytes of `gs://bucket/object`, or which of the two does not exist. */
  peekObject(uri: string, bytes: number): { size: number; head: Buffer } | 'no object' | 'no bucket'
  /** The generation of the live object; undefined when there is none. */
  objectGeneration(bucket: string, object: string): string | undefined
  /** Makes an object of a file of this machine and returns its generation. Rejects as an upload does, and FAILED_PRECONDITION when it is not the file that the caller checked. */
  storeLocalFile(request: LocalFile): Promise<string>
  /** Writes to a bucket of Google's own. */
  writeServiceObject: WriteServiceObject
}

/** The paths of the JSON API; clients with STORAGE_EMULATOR_HOST use `''`. */
const API_BASES = ['/storage/v1', '/download/storage/v1', '']
const UPLOAD_BASES = ['/upload/storage/v1', '/resumable/upload/storage/v1']

/** Emulates Cloud Storage's JSON API (https://cloud.google.com/storage/docs/json_api/v1): metadata in SQLite, bytes in files. */
export async function storageApi(options: StorageApiOptions): Promise<StorageApi> {
  const { directory, clock, conditions, operation, projectNumber, access } = options
  const store = new MetadataStore(path.join(directory, 'storage.sqlite'))
  const content = new ContentStore(directory)
  const accessChanged = (): void => access.policiesChanged()
  const isTaken = (bucket: string): boolean => conditions.current.takenBuckets.includes(bucket)
  const buckets = new Buckets(store, clock, { accessChanged, isTaken })
  const policies = new BucketPolicies(store, buckets, access)
  // No account of the local project has permissions on another project's bucket.
  const needs = storageNeeds((bucket) => isTaken(bucket) || store.bucket(bucket) !== undefined)
  const objects = new Objects(store, content, buckets, clock)
  const uploads = new Uploads(store, content, objects, clock)

  const app = new Hono()
  for (const base of API_BASES) {
    addBucketRoutes(app, base, { buckets, projectNumber, needs: needs.buckets }, operation)
    addPolicyRoutes(app, base, { policies, access, needs }, operation)
    addObjectRoutes(app, base, { buckets, objects, content, store, access, needs: needs.objects }, operation)
  }
  for (const base of UPLOAD_BASES)
    addUploadRoutes(app, base, { objects, uploads, store, access, needs: needs.objects }, operation)
  app.all(
    '*',
    operation(
      'storage.unknown',
      (context) => {
        throw notEmulated(`storage method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )

  return {
    name: 'storage',
    http: { prefixes: ['/storage/v1', '/download/storage/v1', '/b', ...UPLOAD_BASES], app },
    start: async () => {
      uploads.expire()
      const { contentIds, uploadIds } = store.references()
      content.sweep(contentIds, uploadIds)
    },
    stop: async () => store.close(),
    describe: async () => store.counts(),
    readObject: async (uri) => {
      const row = find(objects, uri)
      return row.size === 0 ? Buffer.alloc(0) : content.readNow(row.contentId, 0, row.size - 1)
    },
    objectGeneration: (bucket, object) => store.object(bucket, object)?.generation.toString(),
    storeLocalFile: async (request) => String((await objects.insertFile(request)).generation),
    writeServiceObject: serviceObjectWriter(store, objects, clock, projectNumber, accessChanged),
    peekObject: (uri, bytes) => {
      const bucket = /^gs:\/\/([^/]+)/.exec(uri)?.[1] ?? ''
      if (!store.bucket(bucket)) return 'no bucket'
      try {
        const row = find(objects, uri)
        const length = Math.min(bytes, row.size)
        return { size: row.size, head: length === 0 ? Buffer.alloc(0) : content.readNow(row.contentId, 0, length - 1) }
      } catch (error) {
        if (error instanceof GoogleError) return 'no object'
        throw error
      }
    },
  }
}

function find(objects: Objects, uri: string): ObjectRow {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? []
  if (!name) throw new GoogleError('INVALID_ARGUMENT', `not a Cloud Storage URI: ${uri}`)
  const [, plainName, generation] = /^(.+)#(\d{1,16})$/s.exec(name) ?? []
  if (plainName === undefined) return objects.get({ bucket, name, generation: undefined }, {})
  try {
    return objects.get({ bucket, name: plainName, generation: Number(generation) }, {})
  } catch (error) {
    // The name itself can end with `#` and digits.
    if (error instanceof GoogleError && error.status === 'NOT_FOUND')
      return objects.get({ bucket, name, generation: undefined }, {})
    throw error
  }
}
