import { accountOf, grantsTo, type DeploymentAccount, type Grant } from '../../contracts/grants.ts'
import { bucketName, type DeploymentRef } from '../../contracts/names.ts'
import { accountPermissions, accountPolicy } from '../../google/admin/iam.ts'
import { projectNumber, projectPermissions, projectPolicy } from '../../google/admin/resource-manager.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { missingMemberships, type Policy } from '../../google/rest/policy.ts'
import { bucketPolicy } from '../../google/storage/bucket.ts'
import type { CloudError } from '../../google/transport/errors.ts'
import { knownRefusal } from './known-refusal.ts'
import { grantMeant } from './missing-role.ts'

/**
 * The reasons of a refusal by IAM: of google.rpc.ErrorInfo (`IAM_PERMISSION_DENIED`), of Cloud Storage and of BigQuery. Any
 * other reason names something that no role changes (google/api/error_reason.proto).
 */
const BY_IAM = /PERMISSION_DENIED$|^(forbidden|accessDenied)$/

/**
 * Whether a call was refused although the caller has the role that it needs: IAM takes minutes to apply a grant
 * everywhere (https://cloud.google.com/iam/docs/access-change-propagation).
 *
 * @param roles the roles that the call can be about, if the refusal names no permission that imagery knows
 */
export async function isRefusedDespiteGrant(
  place: DeploymentRef,
  error: CloudError,
  { to, roles }: { to: 'deployer' | 'runner'; roles: readonly string[] },
): Promise<boolean> {
  const { permission, reason = 'forbidden' } = error
  if (error.status !== 'PERMISSION_DENIED' || !BY_IAM.test(reason) || knownRefusal(error, place)) return false
  const meant = permission === undefined ? undefined : grantMeant(error, permission, { place, to })
  const candidates = meant ? [meant] : grantsTo(to).filter(({ role }) => roles.includes(role))
  // Texts do not always spell a permission as IAM does.
  const wanted = ({ permissions }: Grant): readonly string[] =>
    permission === undefined
      ? permissions
      : [permissions.find((each) => each.toLowerCase() === permission.toLowerCase()) ?? permission]
  if (candidates.length === 0 || (await isElsewhere(place, error))) return false
  return haveBeenGranted(place, candidates, wanted)
}

/**
 * Whether a refusal names another project, or another account than the caller's. The roles of the caller in the deployment's
 * project say nothing about it. In a resource's name, `-` and `_` stand for any project.
 */
async function isElsewhere({ projectId }: DeploymentRef, { message }: CloudError): Promise<boolean> {
  const account = /([\w.+-]+@[\w.-]+\w) does not have /.exec(message)?.[1]
  const member = account === undefined ? undefined : await callerMember()
  if (member !== undefined && member.slice(member.indexOf(':') + 1) !== account) return true
  const named = [...message.matchAll(/\bprojects\/([a-z0-9.:-]*[a-z0-9])/g)].map(([, project]) => project)
  const others = named.filter((project) => project !== projectId)
  if (others.length === 0) return false
  const number = await projectNumber(projectId)
  return others.some((project) => project !== number)
}

/** Whether the caller has these roles: by IAM's own answer, or by the policies. */
export async function haveBeenGranted(
  place: DeploymentRef,
  grants: readonly Grant[],
  permissionsOf = ({ permissions }: Grant): readonly string[] => permissions,
): Promise<boolean> {
  const lacking: Grant[] = []
  for (const grant of grants) if (!(await isHeld(place, grant, permissionsOf(grant)))) lacking.push(grant)
  const member = await callerMember()
  return lacking.length === 0 || (member !== undefined && areShown(place, lacking, member))
}

/** Whether IAM itself says that the caller has permissions that another API does not accept yet. */
async function isHeld(place: DeploymentRef, { on }: Grant, permissions: readonly string[]): Promise<boolean> {
  const had = on.startsWith('account ')
    ? await accountPermissions(place.projectId, emailOf(place, on), permissions)
    : await projectPermissions(place.projectId, permissions)
  return permissions.every((permission) => had.includes(permission))
}

/** Whether policies show every grant for a member. */
export async function areShown(place: DeploymentRef, grants: readonly Grant[], member: string): Promise<boolean> {
  const policies = new Map<string, Promise<Policy>>()
  const policy = (on: Grant['on']): Promise<Policy> => {
    const known = policies.get(on) ?? policyOf(place, on)
    policies.set(on, known)
    return known
  }
  const isIn = (role: string, { bindings = [] }: Policy): boolean =>
    missingMemberships({ bindings }, [{ role, member }]).length === 0
  for (const { role, on } of grants) {
    if (!isIn(role, await policy(on)) && !isIn('roles/owner', await policy('project'))) return false
  }
  return true
}

function policyOf(place: DeploymentRef, on: Grant['on']): Promise<Policy> {
  if (on === 'bucket') return bucketPolicy(bucketName(place)).read()
  const { projectId } = place
  return (on.startsWith('account ') ? accountPolicy(projectId, emailOf(place, on)) : projectPolicy(projectId)).read()
}

function emailOf(place: DeploymentRef, on: Grant['on']): string {
  return accountOf(place, on.slice('account '.length) as DeploymentAccount)
}
