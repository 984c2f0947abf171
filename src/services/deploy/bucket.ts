import { ImageryError } from '../../contracts/errors.ts'
import { bucketName } from '../../contracts/names.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import {
  createBucket,
  findBucket,
  updateBucket,
  type BucketDescription,
  type BucketSpec,
} from '../../google/storage/bucket.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { isOff, type DeployContext, type DeployStep } from './context.ts'
import { deploymentLabels } from '../../contracts/labels.ts'

/** The prefix of source archives in the bucket. */
export const ARCHIVE_PREFIX = 'deploy/'

/** A build reads its archive within minutes, and a service that runs an archive has its own copy. */
const ARCHIVE_DAYS = 30

function wanted(context: DeployContext): BucketSpec {
  return { labels: deploymentLabels(context.target.place), expiring: { prefix: ARCHIVE_PREFIX, days: ARCHIVE_DAYS } }
}

export const bucket: DeployStep = {
  title: 'Bucket',
  roles: ['roles/storage.admin'],
  async inspect(context) {
    const name = bucketName(context.target.place)
    checkLength(name)
    const { projectId } = context.target.place
    const existing = isOff(context, 'storage') ? undefined : await findBucket(projectId, name)
    if (existing === 'taken') throw taken(context, name)
    if (!existing) return [{ action: 'create', resource: `gs://${name}` }]
    await checkOwner(context, existing)
    return [{ action: isAsWanted(existing, wanted(context)) ? 'keep' : 'update', resource: `gs://${name}` }]
  },
  async apply(context, [change]) {
    const { place } = context.target
    const name = bucketName(place)
    if (change?.action === 'create') {
      const spec = { ...wanted(context), projectId: place.projectId, location: place.region }
      if ((await createBucket(name, spec)) === 'created') return { done: `gs://${name}` }
      // Another deploy, or a stranger, created it after the inspection.
      await this.inspect(context)
    }
    await updateBucket(name, wanted(context))
    return { done: `gs://${name}, settings updated` }
  },
}

/** https://cloud.google.com/storage/docs/buckets#naming */
const LONGEST_NAME = 63

/** With the project and region in the bucket's name, a deployment's name must be short. */
function checkLength(name: string): void {
  if (name.length <= LONGEST_NAME) return
  throw new ImageryError(
    'INVALID_FLAG',
    `The bucket name ${name} is longer than ${LONGEST_NAME} characters; choose a --name with at least ${name.length - LONGEST_NAME} fewer characters`,
  )
}

/** Bucket names are global: someone who knows the project could have created the bucket first, to read what imagery writes. */
async function checkOwner(context: DeployContext, existing: BucketDescription): Promise<void> {
  const { projectId, region } = context.target.place
  if (isOff(context, 'cloudresourcemanager')) return
  if (existing.projectNumber !== (await projectNumber(projectId))) {
    throw taken(context, existing.name)
  }
  if (existing.location !== region.toLowerCase()) {
    throw new ImageryError(
      'DEPLOYMENT_FAILED',
      `Bucket gs://${existing.name} is in ${existing.location}, not in ${region}`,
    )
  }
}

function taken({ target }: DeployContext, name: string): ImageryError {
  return new ImageryError(
    'DEPLOYMENT_FAILED',
    `Bucket gs://${name} belongs to another project, so imagery does not write to it`,
    { suggestions: [`${suggestedCommand('deploy --name NAME', target.flags)}   (uses another bucket)`] },
  )
}

function isAsWanted(existing: BucketDescription, { labels, expiring }: BucketSpec): boolean {
  return (
    existing.isPrivate &&
    Object.entries(labels).every(([key, value]) => existing.labels[key] === value) &&
    existing.expiring.some(({ prefix, days }) => prefix === expiring.prefix && days === expiring.days)
  )
}
