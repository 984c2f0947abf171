import type { Authorizer } from '../iam/authorizer.ts'
import {
  policyEtag,
  replacedPolicy,
  withMemberRenamed,
  type Binding,
  type PolicyRules,
  type StoredPolicy,
  type WantedPolicy,
} from '../iam/policy.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Buckets } from './buckets.ts'
import type { BucketRow, MetadataStore } from './metadata-store.ts'

/** A bucket or an object as IAM names them; the name of an object may be left out where nobody looks at it. */
export function bucketName(bucket: string): string {
  return `projects/_/buckets/${bucket}`
}

/** https://cloud.google.com/storage/docs/access-control/iam#policies: every bucket has one policy, over all of its objects. */
export interface BucketPolicies {
  /** Throws NOT_FOUND. */
  get(bucket: string): StoredPolicy
  /** Throws INVALID_ARGUMENT, 412. */
  set(bucket: string, wanted: WantedPolicy | undefined): StoredPolicy
  /** https://cloud.google.com/storage/docs/json_api/v1/buckets#resource-iam */
  resource(bucket: string, policy: StoredPolicy): object
}

/** Keeps the policies of buckets, and tells `access` of them. */
export function createBucketPolicies(store: MetadataStore, buckets: Buckets, access: Authorizer): BucketPolicies {
  const rules: PolicyRules = {
    roles: ['storage'],
    mayBePublic: true,
    accountFault: (email) => access.accountFault(email),
  }
  const policyOf = (row: BucketRow): StoredPolicy => {
    const stored = store.policy(row.name)
    return stored === undefined ? firstPolicy(row) : (JSON.parse(stored) as StoredPolicy)
  }

  access.register('bucket', {
    bindings: (resource) => {
      const row = store.bucket(nameOf(resource))
      return row ? [...policyOf(row).bindings, ...defaultObjectAcl(row)] : []
    },
    projectOf: (resource) => store.bucket(nameOf(resource))?.project,
    renameMember: (from, to) => {
      for (const { bucket, policy } of store.policies()) {
        const stored = JSON.parse(policy) as StoredPolicy
        const renamed = withMemberRenamed(stored, from, to)
        if (renamed !== stored) store.putPolicy(bucket, JSON.stringify(renamed))
      }
    },
  })

  return {
    get: (bucket) => policyOf(buckets.get(bucket)),
    set: (bucket, wanted) => {
      const row = buckets.get(bucket)
      const current = policyOf(row)
      if (wanted && wanted.etag !== '' && wanted.etag !== policyEtag(current)) throw conditionNotMet()
      const policy = replacedPolicy(current, wanted, rules)
      if (isPrivate(row) && policy.bindings.some(({ members }) => members.some(isPublicMember))) throw publicRefused()
      store.putPolicy(bucket, JSON.stringify(policy))
      access.policiesChanged()
      return policy
    },
    resource: (bucket, policy) => ({
      kind: 'storage#policy',
      resourceId: bucketName(bucket),
      version: 1,
      etag: policyEtag(policy),
      ...(policy.bindings.length > 0 ? { bindings: policy.bindings } : {}),
    }),
  }
}

function nameOf(resource: string): string {
  return resource.slice(bucketName('').length)
}

interface IamConfiguration {
  uniformBucketLevelAccess: { enabled: boolean }
  publicAccessPrevention: 'inherited' | 'enforced'
}

function configurationOf({ fields }: BucketRow): IamConfiguration {
  return fields['iamConfiguration'] as IamConfiguration
}

function isPrivate(row: BucketRow): boolean {
  return configurationOf(row).publicAccessPrevention === 'enforced'
}

function isPublicMember(member: string): boolean {
  return member === 'allUsers' || member === 'allAuthenticatedUsers'
}

/** What a new bucket's policy grants to its project (https://cloud.google.com/storage/docs/access-control/iam#convenience-values). */
function firstPolicy(row: BucketRow): StoredPolicy {
  const [owners, editors, viewers] = convenienceMembers(row)
  const bindings: Binding[] = [
    { role: 'roles/storage.legacyBucketOwner', members: [editors, owners] },
    { role: 'roles/storage.legacyBucketReader', members: [viewers] },
  ]
  const isUniform = configurationOf(row).uniformBucketLevelAccess.enabled
  return { bindings: isUniform ? [...bindings, ...objectBindings(row)] : bindings, revision: 0 }
}

/**
 * Without uniform access, the objects of a bucket have the default access control list `projectPrivate`
 * (https://cloud.google.com/storage/docs/access-control/lists#predefined-acl), which says the same in other words.
 */
function defaultObjectAcl(row: BucketRow): Binding[] {
  return configurationOf(row).uniformBucketLevelAccess.enabled ? [] : objectBindings(row)
}

function objectBindings(row: BucketRow): Binding[] {
  const [owners, editors, viewers] = convenienceMembers(row)
  return [
    { role: 'roles/storage.legacyObjectOwner', members: [editors, owners] },
    { role: 'roles/storage.legacyObjectReader', members: [viewers] },
  ]
}

function convenienceMembers({ project }: BucketRow): [owners: string, editors: string, viewers: string] {
  return [`projectOwner:${project}`, `projectEditor:${project}`, `projectViewer:${project}`]
}

/** Where other APIs answer 409, Cloud Storage answers 412 (https://cloud.google.com/storage/docs/json_api/v1/status-codes#412-precondition-failed). */
function conditionNotMet(): GoogleError {
  return new GoogleError('FAILED_PRECONDITION', 'At least one of the pre-conditions you specified did not hold.', {
    http: 412,
    reason: 'conditionNotMet',
  })
}

/** https://cloud.google.com/storage/docs/public-access-prevention */
function publicRefused(): GoogleError {
  return new GoogleError(
    'FAILED_PRECONDITION',
    'The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced.',
    { http: 412, reason: 'conditionNotMet' },
  )
}
