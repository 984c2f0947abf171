import { accountOf, GRANTS, type DeploymentAccount } from '../../contracts/grants.ts'
import {
  bucketName,
  mainService,
  populateService,
  repositoryName,
  runtimeAccount,
  type DeploymentRef,
} from '../../contracts/names.ts'
import type { Step, StepOutcome } from '../../contracts/steps.ts'
import { deleteRepository, describeRepository } from '../../google/admin/artifact-registry.ts'
import { bucketPolicy, deleteBucket, findBucket } from '../../google/storage/bucket.ts'
import {
  hasDatasetAccess,
  findLabeledDatasets,
  revokeDataset,
  type DatasetName,
} from '../../google/bigquery/dataset-access.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { deleteServiceAccount, findServiceAccount } from '../../google/admin/iam.ts'
import { changeMemberships, matchingMemberships, type Membership } from '../../google/rest/policy.ts'
import { projectPolicy } from '../../google/admin/resource-manager.ts'
import { deleteService, describeService } from '../../google/cloud-run/services.ts'
import { deleteObjects, listObjects } from '../../google/storage/storage.ts'
import type { Target } from '../session/target.ts'
import { ARCHIVE_PREFIX } from '../deploy/bucket.ts'
import type { PlannedChange } from '../deploy/context.ts'
import { otherRegions } from '../deploy/find-deployments.ts'
import { RESULTS_LABEL } from '../../contracts/labels.ts'
import type { PlannedStep } from '../deploy/steps.ts'
import { counted } from '../../contracts/count-text.ts'

const ACCOUNTS: readonly DeploymentAccount[] = ['runtime', 'invoker', 'builder']

export interface DeploymentTeardown {
  target: Target
  /** Other regions with a deployment of this name, for which the accounts are kept. */
  otherRegions: string[]
  /** Full names of deleted and kept resources. */
  deleted: string[]
  kept: string[]
}

export async function deploymentTeardown(target: Target): Promise<DeploymentTeardown> {
  const regions = await ifApiEnabled(() => otherRegions(target.place), [])
  const shared = `service accounts and their roles, which the deployment in ${regions.join(', ')} also uses`
  return { target, otherRegions: regions, deleted: [], kept: regions.length > 0 ? [shared] : [] }
}

/** A kind of resource that a teardown deletes. */
interface TeardownPart {
  title: string
  /** Returns the existing resources. Changes nothing. */
  find(context: DeploymentTeardown): Promise<string[]>
  /** Deletes the resources. Returns those that existed. */
  remove(context: DeploymentTeardown, found: readonly string[]): Promise<string[]>
}

/** A disabled API has none of imagery's resources, so a teardown has nothing to delete there. */
async function ifApiEnabled<Result>(find: () => Promise<Result>, nothing: Result): Promise<Result> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof CloudError && error.reason === 'SERVICE_DISABLED') return nothing
    throw error
  }
}

const serviceIds = (place: DeploymentRef): string[] => [populateService(place), mainService(place)]

const services: TeardownPart = {
  title: 'Services',
  async find({ target: { place } }) {
    const found = await Promise.all(
      serviceIds(place).map(async (id) => ((await describeService(place, id)) ? [`Cloud Run service ${id}`] : [])),
    )
    return found.flat()
  },
  async remove({ target: { place } }) {
    const gone: string[] = []
    for (const id of serviceIds(place))
      if ((await deleteService(place, id)) === 'deleted') gone.push(`Cloud Run service ${id}`)
    return gone
  },
}

const images: TeardownPart = {
  title: 'Image repository',
  async find({ target }) {
    const name = repositoryName(target.place)
    return (await describeRepository(name)) ? [name] : []
  },
  async remove({ target }) {
    const name = repositoryName(target.place)
    return (await deleteRepository(name)) === 'deleted' ? [name] : []
  },
}

/** Before the accounts, because BigQuery would keep listing a deleted one. */
const datasets: TeardownPart = {
  title: 'Dataset access',
  async find({ target: { place } }) {
    const names = await findLabeledDatasets(place.projectId, RESULTS_LABEL)
    const open = await Promise.all(names.map((name) => hasDatasetAccess(name, runtimeAccount(place))))
    return names.filter((_, index) => open[index]).map((name) => accessText(place, name))
  },
  async remove({ target: { place }, kept }, found) {
    const gone: string[] = []
    for (const name of await findLabeledDatasets(place.projectId, RESULTS_LABEL)) {
      const access = accessText(place, name)
      if (!found.includes(access)) continue
      try {
        await revokeDataset(name, runtimeAccount(place))
        gone.push(access)
      } catch (error) {
        if (!(error instanceof CloudError) || error.status !== 'PERMISSION_DENIED') throw error
        kept.push(`${access}, which only the dataset's owner can remove`)
      }
    }
    return gone
  },
}

const accessText = (place: DeploymentRef, { projectId, dataset }: DatasetName): string =>
  `access of ${runtimeAccount(place)} to ${projectId}.${dataset}`

/** Whether a deploy granted this project role. A teardown revokes only those roles. */
function isOurs(place: DeploymentRef): (membership: Membership) => boolean {
  return ({ role, member }) =>
    GRANTS.some(
      ({ by, on, to, role: granted }) =>
        by === 'deploy' &&
        on === 'project' &&
        granted === role &&
        isMember(member, accountOf(place, to as DeploymentAccount)),
    )
}

/** A deleted account stays in policies as `deleted:serviceAccount:EMAIL?uid=…` (https://cloud.google.com/iam/docs/service-account-overview#deleting). */
function isMember(member: string, email: string): boolean {
  return member === `serviceAccount:${email}` || member.startsWith(`deleted:serviceAccount:${email}?uid=`)
}

const grantText = ({ role, member }: Membership, place: DeploymentRef): string =>
  `${role} of ${member.slice(member.indexOf(':') + 1)} on project ${place.projectId}`

/** Before the accounts, because deleted accounts would leave their names in the policy. */
const projectRoles: TeardownPart = {
  title: 'Roles in the project',
  async find({ target: { place } }) {
    const policy = await projectPolicy(place.projectId).read()
    return matchingMemberships(policy, isOurs(place)).map((each) => grantText(each, place))
  },
  async remove({ target: { place } }) {
    const { removed } = await changeMemberships(projectPolicy(place.projectId), { remove: isOurs(place) })
    return removed.map((each) => grantText(each, place))
  },
}

const accounts: TeardownPart = {
  title: 'Service accounts',
  async find({ target: { place } }) {
    const found = await Promise.all(
      ACCOUNTS.map(async (account) => {
        const email = accountOf(place, account)
        return (await findServiceAccount(place.projectId, email)) ? [email] : []
      }),
    )
    return found.flat()
  },
  async remove({ target: { place } }) {
    const gone: string[] = []
    for (const account of ACCOUNTS) {
      const email = accountOf(place, account)
      if ((await deleteServiceAccount(place.projectId, email)) === 'deleted') gone.push(email)
    }
    return gone
  },
}

/** Last, because an interrupted teardown finds the deployment by its bucket. */
const bucket: TeardownPart = {
  title: 'Bucket',
  async find({ target: { place } }) {
    const name = bucketName(place)
    const existing = await findBucket(place.projectId, name)
    return existing === undefined || existing === 'taken' ? [] : [`gs://${name}`]
  },
  async remove({ target: { place }, kept }, found) {
    if (found.length === 0) return []
    const name = bucketName(place)
    await deleteObjects(name, ARCHIVE_PREFIX)
    const others = await listObjects(name, '')
    if (others.length > 0) {
      const email = runtimeAccount(place)
      await changeMemberships(bucketPolicy(name), { remove: ({ member }) => isMember(member, email) })
      kept.push(`gs://${name} (it contains ${counted(others.length, 'object')} that imagery did not create)`)
      return []
    }
    return (await deleteBucket(name)) === 'deleted' ? [`gs://${name}`] : []
  },
}

/** In an order in which no remaining resource refers to a deleted one. */
function parts({ otherRegions }: DeploymentTeardown): TeardownPart[] {
  const shared = otherRegions.length > 0 ? [] : [datasets, projectRoles, accounts]
  return [services, images, ...shared, bucket]
}

/** Returns the plan of a teardown. */
export async function teardownPlan(context: DeploymentTeardown): Promise<PlannedStep[]> {
  return Promise.all(
    parts(context).map(async (part) => {
      const found = await ifApiEnabled(() => part.find(context), [])
      return { title: part.title, changes: found.map((resource): PlannedChange => ({ action: 'delete', resource })) }
    }),
  )
}

/** Returns the steps of a teardown. Already deleted resources are skipped, so an interrupted teardown can be repeated. */
export function deploymentTeardownSteps(context: DeploymentTeardown): Step<DeploymentTeardown>[] {
  return parts(context).map(({ title, find, remove }) => ({
    title,
    async run(): Promise<StepOutcome> {
      const found = await ifApiEnabled(() => find(context), [])
      const gone = await ifApiEnabled(() => remove(context, found), [])
      context.deleted.push(...gone)
      return gone.length === 0 ? { skipped: 'nothing to delete' } : { done: `${gone.length} deleted` }
    },
  }))
}
