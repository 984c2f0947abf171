import { accountOf, grantsTo, type Grant } from '../../contracts/grants.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { accountPermissions, bucketPermissions } from '../../google/admin/iam.ts'
import { projectPermissions } from '../../google/admin/resource-manager.ts'

/** Asks for the service's own permissions on a resource: those of `permissions` that it has. */
export interface OwnPermissions {
  inProject(projectId: string, permissions: readonly string[]): Promise<string[]>
  onAccount(projectId: string, email: string, permissions: readonly string[]): Promise<string[]>
  /** Undefined when there is no such bucket. */
  onBucket(bucket: string, permissions: readonly string[]): Promise<string[] | undefined>
}

export const ownPermissions: OwnPermissions = {
  inProject: projectPermissions,
  onAccount: accountPermissions,
  onBucket: bucketPermissions,
}

/**
 * Sees to it, before anything of a run is made or spent, that the account of the services has the
 * roles that its work takes. Without this a role that somebody has taken away would show as shards
 * that are pushed again and again, or as one failure for every asset. What /setup does itself
 * anyway, reading the spec and making tables, needs no asking.
 *
 * @throws CloudError PERMISSION_DENIED that names the first role that is missing
 */
export async function checkOwnRoles(spec: RunSpec, own: OwnPermissions): Promise<void> {
  const { projectId } = spec.place
  const needed = grantsTo('runtime').filter(
    ({ role, by }) => by === 'deploy' && (role !== 'roles/aiplatform.user' || spec.gemini !== null),
  )
  const inProject = needed.filter(({ on }) => on === 'project')
  const onInvoker = needed.filter(({ on }) => on === 'account invoker')
  const invoker = accountOf(spec.place, 'invoker')
  const had = await Promise.all([
    own.inProject(projectId, permissionsOf(inProject)),
    own.onAccount(projectId, invoker, permissionsOf(onInvoker)),
  ])
  refuseMissing(inProject, had[0], `project ${projectId}`, spec)
  refuseMissing(onInvoker, had[1], invoker, spec)
}

const permissionsOf = (grants: readonly Grant[]): string[] => grants.flatMap(({ permissions }) => permissions)

function refuseMissing(grants: readonly Grant[], had: readonly string[], on: string, spec: RunSpec): void {
  for (const { role, permissions } of grants) {
    const missing = permissions.find((permission) => !had.includes(permission))
    if (missing === undefined) continue
    throw new CloudError(
      'PERMISSION_DENIED',
      `${accountOf(spec.place, 'runtime')} lacks permission '${missing}': it needs ${role} on ${on}`,
    )
  }
}

/**
 * Sees to it that the services may read a run's images, where they read them themselves: they
 * measure pixels, or send the images along. Images that lie in somebody else's bucket take its
 * owner's leave. A bucket that does not exist is left to the rows of its images, which say so.
 *
 * @throws CloudError PERMISSION_DENIED that names the bucket and the role
 */
export async function checkImageBuckets(
  spec: RunSpec,
  buckets: () => Promise<readonly string[]>,
  own: OwnPermissions,
): Promise<void> {
  if (spec.gemini !== null && spec.gemini.image_transport !== 'inline') return
  const permission = 'storage.objects.get'
  for (const bucket of await buckets()) {
    const had = await own.onBucket(bucket, [permission])
    if (had === undefined || had.includes(permission)) continue
    throw new CloudError(
      'PERMISSION_DENIED',
      `${accountOf(spec.place, 'runtime')} lacks permission '${permission}': it needs roles/storage.objectViewer on gs://${bucket}, where images of this run lie`,
    )
  }
}
