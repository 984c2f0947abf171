import { ImageryError } from '../../contracts/errors.ts'
import { accountOf, GRANTS, grantsTo, type DeploymentAccount, type Grant } from '../../contracts/grants.ts'
import { bucketName } from '../../contracts/names.ts'
import { bucketPolicy } from '../../google/storage/bucket.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { accountPermissions, accountPolicy, findServiceAccount } from '../../google/admin/iam.ts'
import { changeMemberships, missingMemberships, type Membership, type PolicyHolder } from '../../google/rest/policy.ts'
import { projectPermissions } from '../../google/admin/resource-manager.ts'
import { isBuilding, isOff, type DeployContext, type DeployStep, type PlannedChange } from './context.ts'
import { deploymentAccounts } from './project.ts'

/** A role to grant on a resource that has its own policy. */
interface ResourceGrant extends Membership {
  /** For people: `gs://…`, or an account's email address. */
  resource: string
  holder: PolicyHolder
}

export const resourceRoles: DeployStep = {
  title: 'Roles on the bucket and accounts',
  roles: ['roles/storage.admin', 'roles/iam.serviceAccountAdmin'],
  async inspect(context) {
    const checked = await Promise.all((await wantedGrants(context)).map((each) => withState(context, each)))
    return checked.map(({ action, role, member, resource }) => ({
      action,
      resource: `${role} for ${member.slice(member.indexOf(':') + 1)} on ${resource}`,
    }))
  },
  async apply(context) {
    let given = 0
    for (const grant of await wantedGrants(context)) {
      given += (await changeMemberships(grant.holder, { add: [grant] })).added.length
    }
    return { done: `${given} granted` }
  },
}

async function withState(
  context: DeployContext,
  grant: ResourceGrant,
): Promise<ResourceGrant & Pick<PlannedChange, 'action'>> {
  if (context.off.size > 0) return { ...grant, action: 'grant' }
  const policy = await grant.holder.read().catch((error: unknown) => {
    // In a plan, the bucket or the account can still be missing.
    if ((error as { status?: string }).status === 'NOT_FOUND') return {}
    throw error
  })
  return { ...grant, action: missingMemberships(policy, [grant]).length > 0 ? 'grant' : 'keep' }
}

async function wantedGrants(context: DeployContext): Promise<ResourceGrant[]> {
  const given = deploymentAccounts(context)
  const own = GRANTS.filter(
    ({ by, to, on }) =>
      by === 'deploy' && given.includes(to as DeploymentAccount) && (on === 'bucket' || on.startsWith('account ')),
  ).map((grant) => ({
    ...place(context, grant),
    role: grant.role,
    member: `serviceAccount:${accountOf(context.target.place, grant.to as DeploymentAccount)}`,
  }))
  return [...own, ...(await deployersGrants(context))]
}

function place(context: DeployContext, { on }: Grant): Pick<ResourceGrant, 'resource' | 'holder'> {
  const { place } = context.target
  if (on === 'bucket') {
    const name = bucketName(place)
    return { resource: `gs://${name}`, holder: bucketPolicy(name) }
  }
  const email = accountOf(place, accountIn(on))
  return { resource: email, holder: accountPolicy(place.projectId, email) }
}

function accountIn(on: Grant['on']): DeploymentAccount {
  return on.slice('account '.length) as DeploymentAccount
}

/**
 * Returns the roles on the accounts that the deployer lacks. A deployer who can already act as any
 * account of the project, such as its owner, needs none.
 */
async function deployersGrants(context: DeployContext): Promise<ResourceGrant[]> {
  const wanted = grantsTo('deployer').filter(
    ({ by, on }) => by === 'deploy' && (on !== 'account builder' || isBuilding(context)),
  )
  const member = await callerMember()
  const lacking: ResourceGrant[] = []
  for (const grant of wanted) {
    if (await hasPermissions(context, grant)) continue
    if (member === undefined) throw unknownCaller(context, grant)
    lacking.push({ ...place(context, grant), role: grant.role, member })
  }
  return lacking
}

async function hasPermissions(context: DeployContext, { on, permissions }: Grant): Promise<boolean> {
  const { projectId } = context.target.place
  if (isOff(context, 'iam') || isOff(context, 'cloudresourcemanager')) return false
  const email = accountOf(context.target.place, accountIn(on))
  const had = (await findServiceAccount(projectId, email))
    ? await accountPermissions(projectId, email, permissions)
    : await projectPermissions(projectId, permissions)
  return permissions.every((permission) => had.includes(permission))
}

/** Federated identities have no email address to grant roles to. */
function unknownCaller({ target }: DeployContext, { on, role }: Grant): ImageryError {
  const email = accountOf(target.place, accountIn(on))
  return new ImageryError(
    'ACCESS_DENIED',
    `The deployer needs ${role} on ${email}, but imagery cannot tell which member you are`,
    {
      suggestions: [
        `gcloud iam service-accounts add-iam-policy-binding ${email} --project ${target.place.projectId} --role ${role} --member MEMBER`,
      ],
    },
  )
}
