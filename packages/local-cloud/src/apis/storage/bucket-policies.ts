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

/** A bucket or an object as IAM names them; the name of an object may be left out if it is not used. */
export function bucketResourceName(bucket: string): string {
  return `projects/_/buckets/${bucket}`
}

/**
 * The policies of buckets (https://cloud.google.com/storage/docs/access-control/iam#policies): every bucket has one
 * policy, which covers all of its objects. `access` reads them to check permissions.
 */
export class BucketPolicies {
  readonly #store: MetadataStore
  readonly #buckets: Buckets
  readonly #access: Authorizer
  readonly #rules: PolicyRules

  constructor(store: MetadataStore, buckets: Buckets, access: Authorizer) {
    this.#store = store
    this.#buckets = buckets
    this.#access = access
    this.#rules = { roles: ['storage'], mayBePublic: true, accountFault: (email) => access.accountFault(email) }
    access.register('bucket', {
      bindings: (resource) => {
        const row = store.bucket(nameOf(resource))
        return row ? [...this.#policyOf(row).bindings, ...defaultObjectAcl(row)] : []
      },
      projectOf: (resource) => store.bucket(nameOf(resource))?.project,
      renameMember: (from, to) => this.#renameMember(from, to),
    })
  }

  /** Throws NOT_FOUND. */
  get(bucket: string): StoredPolicy {
    return this.#policyOf(this.#buckets.get(bucket))
  }

  /** Throws INVALID_ARGUMENT, 412. */
  set(bucket: string, wanted: WantedPolicy | undefined): StoredPolicy {
    const row = this.#buckets.get(bucket)
    const current = this.#policyOf(row)
    if (wanted && wanted.etag !== '' && wanted.etag !== policyEtag(current)) throw conditionNotMet()
    const policy = replacedPolicy(current, wanted, this.#rules)
    if (isPrivate(row) && policy.bindings.some(({ members }) => members.some(isPublicMember))) throw publicRefused()
    this.#store.putPolicy(bucket, JSON.stringify(policy))
    this.#access.policiesChanged({
      resource: bucketResourceName(bucket),
      before: current.bindings,
      after: policy.bindings,
    })
    return policy
  }

  #policyOf(row: BucketRow): StoredPolicy {
    const stored = this.#store.policy(row.name)
    return stored === undefined ? firstPolicy(row) : (JSON.parse(stored) as StoredPolicy)
  }

  #renameMember(from: string, to: string): void {
    for (const { bucket, policy } of this.#store.policies()) {
      const stored = JSON.parse(policy) as StoredPolicy
      const renamed = withMemberRenamed(stored, from, to)
      if (renamed !== stored) this.#store.putPolicy(bucket, JSON.stringify(renamed))
    }
  }
}

/** https://cloud.google.com/storage/docs/json_api/v1/buckets#resource-iam */
export function bucketPolicyResource(bucket: string, policy: StoredPolicy): object {
  return {
    kind: 'storage#policy',
    resourceId: bucketResourceName(bucket),
    version: 1,
    etag: policyEtag(policy),
    ...(policy.bindings.length > 0 ? { bindings: policy.bindings } : {}),
  }
}

function nameOf(resource: string): string {
  return resource.slice(bucketResourceName('').length)
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

/** The grants of a new bucket's policy to its project (https://cloud.google.com/storage/docs/access-control/iam#convenience-values). */
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
 * (https://cloud.google.com/storage/docs/access-control/lists#predefined-acl), which has the same effect.
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
