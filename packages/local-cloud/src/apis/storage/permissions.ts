import type { Context } from 'hono'
import type { Access, Demand, Principal } from '../../kernel/api.ts'
import { bucketResourceName } from './bucket-policies.ts'
import type { MetadataStore } from './metadata-store.ts'

type Needs = (context: Context) => readonly Demand[]

/** What each method needs (https://cloud.google.com/storage/docs/access-control/iam-json). */
export interface StorageNeeds {
  buckets: Record<'insert' | 'list' | 'get' | 'change' | 'delete' | 'getIamPolicy' | 'setIamPolicy', Needs>
  objects: Record<'insert' | 'list' | 'get' | 'change' | 'delete' | 'copy', Needs>
}

/**
 * The needs of calls, by their paths. A bucket that does not exist needs no permission: every
 * caller with a token gets NOT_FOUND.
 */
export function storageNeeds(hasBucket: (bucket: string) => boolean): StorageNeeds {
  const inBucket = (bucket: string, object: string | undefined, permissions: readonly string[]): Demand[] => {
    if (!hasBucket(bucket)) return []
    const resource = object === undefined ? bucketResourceName(bucket) : objectResourceName(bucket, object)
    return permissions.map((permission) => ({ permission, resource }))
  }
  const parameter = (context: Context, name: string): string => context.req.param(name) ?? ''
  const onProject =
    (permission: string): Needs =>
    (context) => [{ permission, resource: `projects/${context.req.query('project') ?? ''}` }]
  const onBucket =
    (...permissions: string[]): Needs =>
    (context) =>
      inBucket(parameter(context, 'bucket'), undefined, permissions)
  const onObject =
    (...permissions: string[]): Needs =>
    (context) =>
      inBucket(parameter(context, 'bucket'), parameter(context, 'object'), permissions)
  return {
    buckets: {
      insert: onProject('storage.buckets.create'),
      list: onProject('storage.buckets.list'),
      get: onBucket('storage.buckets.get'),
      change: onBucket('storage.buckets.get', 'storage.buckets.update'),
      delete: onBucket('storage.buckets.delete'),
      getIamPolicy: onBucket('storage.buckets.getIamPolicy'),
      setIamPolicy: onBucket('storage.buckets.setIamPolicy'),
    },
    objects: {
      insert: (context) =>
        inBucket(parameter(context, 'bucket'), context.req.query('name') ?? '', ['storage.objects.create']),
      list: onBucket('storage.objects.list'),
      get: onObject('storage.objects.get'),
      change: onObject('storage.objects.get', 'storage.objects.update'),
      delete: onObject('storage.objects.delete'),
      copy: (context) => [
        ...onObject('storage.objects.get')(context),
        ...inBucket(parameter(context, 'targetBucket'), parameter(context, 'targetObject'), ['storage.objects.create']),
      ],
    },
  }
}

/** An object as IAM names it. */
export function objectResourceName(bucket: string, object: string): string {
  return `${bucketResourceName(bucket)}/objects/${object}`
}

/**
 * Replacing an object needs the permission to delete it
 * (https://cloud.google.com/storage/docs/access-control/iam-permissions#object_permissions). Throws PERMISSION_DENIED.
 */
export function checkOverwrite(
  principal: Principal,
  access: Access,
  store: Pick<MetadataStore, 'object'>,
  { bucket, name }: { bucket: string; name: string },
): void {
  if (!store.object(bucket, name)) return
  access.check(principal, [{ permission: 'storage.objects.delete', resource: objectResourceName(bucket, name) }])
}
