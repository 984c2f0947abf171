import { accountOf, GRANTS, type DeploymentAccount, type Grant } from '../../contracts/grants.ts'
import { CHECKING_SERVICES, REQUIRED_SERVICES } from '../../contracts/required-services.ts'
import { repositoryName } from '../../contracts/names.ts'
import {
  createRepository,
  describeRepository,
  isRetaining,
  retainImages,
  type Retention,
} from '../../google/admin/artifact-registry.ts'
import { awaitServiceAccount, createServiceAccount, findServiceAccount } from '../../google/admin/iam.ts'
import { changeMemberships, missingMemberships, type Membership } from '../../google/rest/policy.ts'
import { projectPolicy } from '../../google/admin/resource-manager.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { disabledServices, ENABLE_DEADLINE_MS, enableServices } from '../../google/admin/service-usage.ts'
import { isBuilding, isOff, pendingChanges, type DeployContext, type DeployStep } from './context.ts'
import { durationText } from './settling.ts'
import { deploymentLabels } from '../../contracts/labels.ts'

const CHECKING = CHECKING_SERVICES.map(({ name }) => name)

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof CloudError)) throw error
}

export const apis: DeployStep = {
  title: 'APIs',
  roles: ['roles/serviceusage.serviceUsageAdmin'],
  async inspect(context) {
    const names = REQUIRED_SERVICES.filter(({ forBuilding }) => !forBuilding || isBuilding(context)).map(
      ({ name }) => name,
    )
    const { projectId } = context.target.place
    const off = new Set(await disabledServices(projectId, [...names, ...CHECKING]))
    context.off = new Set(names.filter((name) => off.has(name)))
    // Only with others: an account that deploys again need not be allowed to enable APIs.
    const checking = context.off.size === 0 ? [] : CHECKING
    return [...names, ...checking].map((name) => ({ action: off.has(name) ? 'enable' : 'keep', resource: name }))
  },
  async apply(context, changes, reporter) {
    const names = pendingChanges(changes).map(({ resource }) => resource)
    const { projectId } = context.target.place
    const wait = {
      waiting: (what: string, waitedMs: number) =>
        reporter.detail(`${what}; waiting for ${durationText(waitedMs)}, at most ${durationText(ENABLE_DEADLINE_MS)}`),
      signal: context.signal,
    }
    const required = names.filter((name) => !CHECKING.includes(name))
    await enableServices(projectId, required, wait)
    context.off.clear()
    // An organization can restrict them, which must not stop a deploy: their checks stay open.
    const checking = names.filter((name) => CHECKING.includes(name))
    if (checking.length > 0) await enableServices(projectId, checking, wait).catch(ignoreRefusal)
    return { done: `enabled ${names.map((name) => name.replace('.googleapis.com', '')).join(', ')}` }
  },
}

/**
 * Each version of imagery leaves an image. The images that are kept regardless of age fit in Artifact
 * Registry's free half gigabyte; a deploy rebuilds any other. Deployed services do not need their
 * image, because Cloud Run keeps a copy for as long as a revision serves it
 * (https://cloud.google.com/run/docs/deploying).
 */
export const RETENTION: Retention = { newest: 5, days: 30 }

export const repository: DeployStep = {
  title: 'Image repository',
  roles: ['roles/artifactregistry.admin'],
  async inspect(context) {
    const resource = repositoryName(context.target.place)
    const existing = isOff(context, 'artifactregistry') ? undefined : await describeRepository(resource)
    if (!existing) return [{ action: 'create', resource }]
    return [{ action: isRetaining(existing, RETENTION) ? 'keep' : 'update', resource }]
  },
  async apply({ target: { place } }, [change]) {
    const name = repositoryName(place)
    const short = name.slice(name.indexOf('/locations/') + 1)
    const existing = change?.action === 'update' ? await describeRepository(name) : undefined
    if (existing) {
      await retainImages(existing, RETENTION)
      return { done: `${short}, cleanup policies updated` }
    }
    const labels = deploymentLabels(place)
    await createRepository(name, { description: "imagery's runtime.", labels, retention: RETENTION })
    return { done: short }
  },
}

const ACCOUNT_TEXTS: Record<DeploymentAccount, { displayName: string; description: string }> = {
  runtime: { displayName: 'imagery runtime', description: "imagery's services run as this account." },
  invoker: {
    displayName: 'imagery invoker',
    description: "Cloud Tasks, Pub/Sub and the command line call imagery's services as this account.",
  },
  builder: { displayName: 'imagery builder', description: "Cloud Build builds imagery's image as this account." },
}

/** Returns the accounts that a deploy creates. The builder is needed only if the deploy builds an image. */
export function deploymentAccounts(context: Pick<DeployContext, 'options'>): DeploymentAccount[] {
  return isBuilding(context) ? ['runtime', 'invoker', 'builder'] : ['runtime', 'invoker']
}

export const accounts: DeployStep = {
  title: 'Service accounts',
  roles: ['roles/iam.serviceAccountAdmin'],
  async inspect(context) {
    const { place } = context.target
    return Promise.all(
      deploymentAccounts(context).map(async (account) => {
        const email = accountOf(place, account)
        const found = isOff(context, 'iam') ? undefined : await findServiceAccount(place.projectId, email)
        return { action: found ? 'keep' : 'create', resource: email } as const
      }),
    )
  },
  async apply(context, changes, reporter) {
    const { place } = context.target
    const emails = pendingChanges(changes).map(({ resource }) => resource)
    for (const account of deploymentAccounts(context)) {
      const email = accountOf(place, account)
      if (!emails.includes(email)) continue
      await createServiceAccount(place.projectId, email, ACCOUNT_TEXTS[account])
    }
    const waiting = (waitedMs: number): void =>
      reporter.detail(`IAM does not show the new accounts everywhere yet; waiting for ${durationText(waitedMs)}`)
    const options = { waiting, signal: context.signal }
    await Promise.all(emails.map((email) => awaitServiceAccount(place.projectId, email, options)))
    return { done: emails.map((email) => email.slice(0, email.indexOf('@'))).join(', ') }
  },
}

/** Returns the project roles that a deploy grants to its accounts. */
export function projectMemberships(context: Pick<DeployContext, 'options' | 'target'>): Membership[] {
  const given = deploymentAccounts(context)
  const isGiven = ({ to, on, by }: Grant): boolean =>
    by === 'deploy' && on === 'project' && given.includes(to as DeploymentAccount)
  return GRANTS.filter(isGiven).map(({ to, role }) => ({
    role,
    member: `serviceAccount:${accountOf(context.target.place, to as DeploymentAccount)}`,
  }))
}

const describe = ({ role, member }: Membership, projectId: string): string =>
  `${role} for ${member.slice(member.indexOf(':') + 1)} on project ${projectId}`

export const projectRoles: DeployStep = {
  title: 'Roles in the project',
  roles: ['roles/resourcemanager.projectIamAdmin'],
  async inspect(context) {
    const { projectId } = context.target.place
    const wanted = projectMemberships(context)
    const policy = isOff(context, 'cloudresourcemanager') ? {} : await projectPolicy(projectId).read()
    const missing = missingMemberships(policy, wanted)
    return wanted.map((each) => ({
      action: missing.includes(each) ? 'grant' : 'keep',
      resource: describe(each, projectId),
    }))
  },
  async apply(context) {
    const { projectId } = context.target.place
    const { added } = await changeMemberships(projectPolicy(projectId), {
      add: projectMemberships(context),
    })
    return { done: `${added.length} granted` }
  },
}
