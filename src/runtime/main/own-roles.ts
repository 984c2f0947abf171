import { accountOf, grantsTo, type Grant } from '../../contracts/grants.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { accountPermissions, bucketPermissions } from '../../google/admin/iam.ts'
import { projectPermissions } from '../../google/admin/resource-manager.ts'

/** Returns the `permissions` that the service's own account has on a resource. */
export interface OwnPermissions {
  inProject(projectId: string, permissions: readonly string[]): Promise<string[]>
  onAccount(projectId: string, email: string, permissions: readonly string[]): Promise<string[]>
  /** Undefined when the bucket does not exist. */
  onBucket(bucket: string, permissions: readonly string[]): Promise<string[] | undefined>
}

export const ownPermissions: OwnPermissions = {
  inProject: projectPermissions,
  onAccount: accountPermissions,
  onBucket: bucketPermissions,
}

/**
 * Checks, before a run creates or spends anything, that the services' account has the roles it needs.
 * Without this check, a revoked role would show up as shards that are pushed again and again, or as one
 * failure per asset. The check skips what /setup does itself: reading the spec and creating tables.
 *
 * @throws CloudError PERMISSION_DENIED that names the first missing role
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
 * Checks that the services may read a run's images, if they read them themselves: to measure pixels, or
 * to send the images inline. The owner of another bucket must grant access. A bucket that does not exist
 * is not an error here; the rows of its images report it.
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
    const had = await own.onBucket(bucket, [permission]).catch((error: unknown) => {
      // Google's refusal of a requester pays bucket does not name it.
      throw error instanceof CloudError
        ? new CloudError(error.status, `gs://${bucket}: ${error.message}`, { reason: error.reason, cause: error })
        : error
    })
    if (had === undefined || had.includes(permission)) continue
    throw new CloudError(
      'PERMISSION_DENIED',
      `${accountOf(spec.place, 'runtime')} lacks permission '${permission}': it needs roles/storage.objectViewer on gs://${bucket}, which contains images of this run`,
    )
  }
}
