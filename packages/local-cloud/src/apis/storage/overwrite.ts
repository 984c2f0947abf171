import type { Access, Principal } from '../../kernel/api.ts'
import type { MetadataStore } from './metadata-store.ts'
import { objectName } from './permissions.ts'

/**
 * To put an object where there is one takes the permission to delete that one
 * (https://cloud.google.com/storage/docs/access-control/iam-permissions#object_permissions). Throws PERMISSION_DENIED.
 */
export function checkOverwrite(
  principal: Principal,
  access: Access,
  store: Pick<MetadataStore, 'object'>,
  { bucket, name }: { bucket: string; name: string },
): void {
  if (!store.object(bucket, name)) return
  access.check(principal, [{ permission: 'storage.objects.delete', resource: objectName(bucket, name) }])
}
