import type { Bucket, Storage } from '@google-cloud/storage'
import { call, callUnless, CloudError } from '../transport/errors.ts'
import { POLICY_VERSION, type PolicyHolder } from '../rest/policy.ts'
import { storageClient } from './storage.ts'

/** The bucket settings that imagery needs. All except the location can be changed later. */
export interface BucketSpec {
  labels: Record<string, string>
  /** Objects under `prefix` are deleted `days` after they were written. */
  expiring: { prefix: string; days: number }
}

export interface BucketDescription {
  name: string
  location: string
  /** Number of the project that owns it. */
  projectNumber: string
  labels: Record<string, string>
  /** Uniform access, and public access prevented (https://cloud.google.com/storage/docs/public-access-prevention). */
  isPrivate: boolean
  expiring: { prefix: string; days: number }[]
}

interface Metadata {
  name?: string
  location?: string
  projectNumber?: string | number
  labels?: Record<string, string | null>
  iamConfiguration?: { uniformBucketLevelAccess?: { enabled?: boolean }; publicAccessPrevention?: string }
  lifecycle?: { rule?: { action?: { type?: string }; condition?: { age?: number; matchesPrefix?: string[] } }[] } | null
}

const PRIVATE = { uniformBucketLevelAccess: { enabled: true }, publicAccessPrevention: 'enforced' } as const

export async function describeBucket(name: string): Promise<BucketDescription | undefined> {
  const answer = await callUnless('NOT_FOUND', (await bucket(name)).getMetadata(), undefined)
  return answer && description(answer[0])
}

/**
 * Finds a project's bucket. Names are unique over all projects: `taken` is a bucket of a project that does not let this
 * account see it, for which Cloud Storage answers 403 as for a missing role. Only the project's own list tells the two
 * apart (https://cloud.google.com/storage/docs/buckets#naming).
 *
 * @throws CloudError PERMISSION_DENIED when the bucket is the project's, or when the list is refused too
 */
export async function findBucket(projectId: string, name: string): Promise<BucketDescription | 'taken' | undefined> {
  try {
    return await describeBucket(name)
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'PERMISSION_DENIED') throw error
    const own = await listBuckets(projectId, name).catch((listError: unknown) => {
      throw listError instanceof CloudError && listError.status === 'PERMISSION_DENIED' ? error : listError
    })
    if (own.some((bucket) => bucket.name === name)) throw error
    return 'taken'
  }
}

/** Returns the buckets of a project whose names start with `prefix`. */
export async function listBuckets(projectId: string, prefix: string): Promise<BucketDescription[]> {
  const [buckets] = await call((await storageClient(projectId)).getBuckets({ project: projectId, prefix }))
  return buckets.map(({ metadata }) => description(metadata as Metadata))
}

function description(metadata: Metadata): BucketDescription {
  const { iamConfiguration, lifecycle } = metadata
  return {
    name: metadata.name ?? '',
    location: (metadata.location ?? '').toLowerCase(),
    projectNumber: String(metadata.projectNumber ?? ''),
    labels: Object.fromEntries(Object.entries(metadata.labels ?? {}).map(([key, value]) => [key, value ?? ''])),
    isPrivate:
      iamConfiguration?.uniformBucketLevelAccess?.enabled === true &&
      iamConfiguration.publicAccessPrevention === 'enforced',
    expiring: (lifecycle?.rule ?? []).flatMap(({ action, condition: { age: days, matchesPrefix = [] } = {} }) =>
      action?.type === 'Delete' && days !== undefined ? matchesPrefix.map((prefix) => ({ prefix, days })) : [],
    ),
  }
}

/** Creates a private bucket unless one with that name exists in any project: bucket names are global. */
export async function createBucket(
  name: string,
  { projectId, location, ...spec }: BucketSpec & { projectId: string; location: string },
): Promise<'created' | 'existed'> {
  const client = await storageClient(projectId)
  const created = client.createBucket(name, { location, ...settings(spec) } as Parameters<Storage['createBucket']>[1])
  return callUnless(
    'ALREADY_EXISTS',
    created.then(() => 'created' as const),
    'existed' as const,
  )
}

/** Updates a bucket to the wanted settings; its other labels stay. */
export async function updateBucket(name: string, spec: BucketSpec): Promise<void> {
  await call((await bucket(name)).setMetadata(settings(spec) as Parameters<Bucket['setMetadata']>[0]))
}

/** Adds labels to a bucket; its other settings and labels stay. */
export async function labelBucket(name: string, labels: Record<string, string>): Promise<void> {
  await call((await bucket(name)).setMetadata({ labels }))
}

function settings({ labels, expiring }: BucketSpec): Metadata {
  return {
    labels,
    iamConfiguration: PRIVATE,
    lifecycle: {
      rule: [{ action: { type: 'Delete' }, condition: { age: expiring.days, matchesPrefix: [expiring.prefix] } }],
    },
  }
}

/** Deletes an empty bucket. @throws CloudError ALREADY_EXISTS when it is not empty */
export async function deleteBucket(name: string): Promise<'deleted' | 'absent'> {
  const deleted = (await bucket(name)).delete().then(() => 'deleted' as const)
  return callUnless('NOT_FOUND', deleted, 'absent' as const)
}

/** The IAM policy of a bucket. */
export function bucketPolicy(name: string): PolicyHolder {
  return {
    async read() {
      const [policy] = await call((await bucket(name)).iam.getPolicy({ requestedPolicyVersion: POLICY_VERSION }))
      return policy
    },
    async write(policy) {
      await call((await bucket(name)).iam.setPolicy(policy as Parameters<Bucket['iam']['setPolicy']>[0]))
    },
  }
}

async function bucket(name: string): Promise<Bucket> {
  return (await storageClient()).bucket(name)
}
