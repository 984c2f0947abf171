import { accountOf, grantsTo, type Grant, type Grantee } from '../../contracts/grants.ts'
import { accountPermissions } from '../../google/admin/iam.ts'
import { quotaProjectInUse } from '../../google/auth/quota-project.ts'
import { projectPermissions } from '../../google/admin/resource-manager.ts'
import { grantCommand } from '../failures/missing-role.ts'
import { failed, ok, warning, type Check, type DoctorContext, type Finding } from './check.ts'

/**
 * Owners and editors of a project have these on each of its buckets, not on the project
 * (https://cloud.google.com/storage/docs/access-control/iam#convenience-values).
 */
const OF_A_BUCKET = /^storage\.(?:objects\.|buckets\.(?!create$|list$))/

/** Returns missing grants on the project and, if it exists, on the invoker's account. Missing grants on buckets, tables and services show when they are used. */
async function lackedGrants(
  to: Grantee,
  { target: { place }, deployment }: DoctorContext,
): Promise<Map<Grant, string[]>> {
  const onProject = grantsTo(to, 'project').filter(
    (grant) => grant.for !== 'people' || quotaProjectInUse() !== undefined,
  )
  const onInvoker = deployment && deployment !== 'hidden' ? grantsTo(to, 'account invoker') : []
  const testable = ({ permissions }: Grant): string[] => permissions.filter((each) => !OF_A_BUCKET.test(each))
  const wanted = (grants: readonly Grant[]): string[] => [...new Set(grants.flatMap(testable))]
  const [inProject, onAccount] = await Promise.all([
    projectPermissions(place.projectId, wanted(onProject)),
    onInvoker.length > 0
      ? accountPermissions(place.projectId, accountOf(place, 'invoker'), wanted(onInvoker))
      : Promise.resolve([]),
  ])
  const lacked = new Map<Grant, string[]>()
  for (const grant of [...onProject, ...onInvoker]) {
    const held = new Set(grant.on === 'project' ? inProject : onAccount)
    const missing = testable(grant).filter((permission) => !held.has(permission))
    if (missing.length > 0) lacked.set(grant, missing)
  }
  return lacked
}

function described(lacked: Map<Grant, string[]>, { target: { place }, member }: DoctorContext) {
  const roles = [...lacked].map(([{ role }, missing]) => `${role} (for ${missing.join(', ')})`)
  return {
    detail: `this account lacks ${roles.join('; ')}`,
    fixes: [...lacked.keys()].map((grant) => grantCommand(grant, place, member)),
    isOptional: [...lacked.keys()].every((grant) => grant.isOptional),
  }
}

/** @param verdict the finding for an account that lacks some roles */
function rolesCheck(
  to: Grantee,
  names: Pick<Check, 'name' | 'title'>,
  verdict: (lacked: ReturnType<typeof described>, context: DoctorContext) => Finding,
): Check {
  return {
    ...names,
    async run(context) {
      const lacked = await lackedGrants(to, context)
      return lacked.size === 0 ? ok('this account has them') : verdict(described(lacked, context), context)
    },
  }
}

export const deployerRoles = rolesCheck(
  'deployer',
  { name: 'roles_to_deploy', title: 'Roles to deploy' },
  ({ detail, fixes, isOptional }, { deployment }) =>
    // A user who only runs what another user deployed does not need them.
    deployment
      ? warning(`${detail}; runs do not need them`, ...fixes)
      : (isOptional ? warning : failed)(detail, ...fixes),
)

export const runnerRoles = rolesCheck('runner', { name: 'roles_to_run', title: 'Roles to run' }, ({ detail, fixes }) =>
  failed(detail, ...fixes),
)
