import { ImageryError } from '../../contracts/errors.ts'
import { bucketName } from '../../contracts/names.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import {
  createBucket,
  describeBucket,
  updateBucket,
  type BucketDescription,
  type BucketSpec,
} from '../../google/storage/bucket.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { isOff, type DeployContext, type DeployStep } from './context.ts'
import { deploymentLabels } from '../../contracts/labels.ts'

/** Where a deploy keeps its source archives. */
export const ARCHIVE_PREFIX = 'deploy/'

/** A build reads its archive within minutes; a service that runs an archive has a copy of its own. */
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
    const existing = isOff(context, 'storage') ? undefined : await describeBucket(name)
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
      // Made between our look and our try: by another deploy, or by a stranger.
      await this.inspect(context)
    }
    await updateBucket(name, wanted(context))
    return { done: `gs://${name}, settings changed` }
  },
}

/** https://cloud.google.com/storage/docs/buckets#naming */
const LONGEST_NAME = 63

/** A project's and a region's names leave room for a short name of a deployment only. */
function checkLength(name: string): void {
  if (name.length <= LONGEST_NAME) return
  throw new ImageryError(
    'INVALID_FLAG',
    `The bucket's name, ${name}, would be longer than ${LONGEST_NAME} characters: choose a --name that is ${name.length - LONGEST_NAME} shorter`,
  )
}

/** Bucket names are global: whoever knows the project's could have made a bucket of ours to read what we write. */
async function checkOwner(context: DeployContext, existing: BucketDescription): Promise<void> {
  const { projectId, region } = context.target.place
  if (isOff(context, 'cloudresourcemanager')) return
  if (existing.projectNumber !== (await projectNumber(projectId))) {
    throw new ImageryError(
      'DEPLOYMENT_FAILED',
      `The bucket gs://${existing.name} belongs to another project; imagery writes nothing to it`,
      {
        suggestions: [`${suggestedCommand('deploy --name NAME', context.target.flags)}   (which names another bucket)`],
      },
    )
  }
  if (existing.location !== region.toLowerCase()) {
    throw new ImageryError(
      'DEPLOYMENT_FAILED',
      `The bucket gs://${existing.name} is in ${existing.location}, not in ${region}`,
    )
  }
}

function isAsWanted(existing: BucketDescription, { labels, expiring }: BucketSpec): boolean {
  return (
    existing.isPrivate &&
    Object.entries(labels).every(([key, value]) => existing.labels[key] === value) &&
    existing.expiring.some(({ prefix, days }) => prefix === expiring.prefix && days === expiring.days)
  )
}
