import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { isKnownPermission, isKnownService, permissionsOf } from './catalog/roles.ts'

export interface Binding {
  role: string
  members: string[]
}

/** google.iam.v1.Policy as stored: the etag is the counter of its versions. */
export interface StoredPolicy {
  bindings: Binding[]
  /** How often it was set. */
  revision: number
}

/** The policy of a resource before the first setIamPolicy. */
export const EMPTY_POLICY: StoredPolicy = { bindings: [], revision: 0 }

/** A policy as a caller sends it; the transports have read its etag into bytes or base64. */
export interface WantedPolicy {
  /** In base64; an empty one overwrites any version. */
  etag: string
  bindings: readonly { role: string; members: readonly string[]; condition?: unknown }[]
  auditConfigs?: readonly unknown[]
}

export interface PolicyRules {
  /** Predefined roles that apply to the resource: those of these APIs (`run`), and basic ones with `basic`. */
  roles: readonly string[]
  /** Whether `allUsers` and `allAuthenticatedUsers` may be named. */
  mayBePublic: boolean
  /** Returns what is wrong with a service account in a member, or undefined. */
  accountFault(email: string): string | undefined
}

/** https://cloud.google.com/iam/docs/principal-identifiers */
const MEMBER =
  /^(allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^@\s]+@[^@\s]+|domain:[^@\s]+|project(Owner|Editor|Viewer):\S+|deleted:(user|serviceAccount|group):\S+\?uid=\d+)$/

/** Identities of workload and workforce pools, one or many (the same page): projects by their number, subjects and values as they are. */
const FEDERATED_MEMBER =
  /^(principal:\/\/iam\.googleapis\.com\/(?:projects\/\d+\/locations\/global\/workloadIdentityPools|locations\/global\/workforcePools)\/[a-z0-9-]+\/subject\/\S+|principalSet:\/\/iam\.googleapis\.com\/(?:projects\/\d+\/locations\/global\/workloadIdentityPools|locations\/global\/workforcePools)\/[a-z0-9-]+\/(group\/\S+|attribute\.\w+\/\S+|\*))$/

/**
 * The policy after setIamPolicy: replaced whole. An etag of another version is refused; without an etag
 * it overwrites (https://cloud.google.com/iam/docs/reference/rest/v1/Policy). Throws INVALID_ARGUMENT,
 * ABORTED.
 */
export function replacedPolicy(
  current: StoredPolicy,
  wanted: WantedPolicy | undefined | null,
  rules: PolicyRules,
): StoredPolicy {
  if (!wanted) throw invalid('Invalid JSON payload: policy is required.')
  const etag = policyEtag(current)
  if (wanted.etag !== '' && wanted.etag !== etag) {
    throw new GoogleError(
      'ABORTED',
      'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. ' +
        `The request's ETag '${wanted.etag}' did not match the current policy's ETag '${etag}'.`,
      { details: [] },
    )
  }
  if (wanted.auditConfigs && wanted.auditConfigs.length > 0) throw notEmulated('Policy.auditConfigs')
  for (const { role, members, condition } of wanted.bindings) {
    if (condition) throw notEmulated('a conditional IAM binding')
    checkRole(role, rules)
    for (const member of members) checkMember(member, rules, current)
  }
  return { bindings: merged(wanted.bindings), revision: current.revision + 1 }
}

/** Google's etag of a policy that was never set is the bytes 00 20 01 (`ACAB`). */
export function policyEtag({ revision }: StoredPolicy): string {
  if (revision === 0) return 'ACAB'
  const etag = Buffer.alloc(8)
  etag.writeUInt32BE(0x0706_0000, 0)
  etag.writeUInt32BE(revision, 4)
  return etag.toString('base64')
}

/** https://cloud.google.com/iam/docs/reference/rest/v1/Policy, in JSON. */
export function policyResource(policy: StoredPolicy): object {
  const { bindings } = policy
  return { version: 1, etag: policyEtag(policy), ...(bindings.length > 0 ? { bindings } : {}) }
}

/**
 * The policy with a member under another name: a deleted account stays in policies as
 * `deleted:serviceAccount:…?uid=…` (https://cloud.google.com/iam/docs/service-accounts-delete-undelete).
 * Returns the same object when it does not contain the member.
 */
export function withMemberRenamed(policy: StoredPolicy, from: string, to: string): StoredPolicy {
  if (!policy.bindings.some(({ members }) => members.includes(from))) return policy
  const bindings = policy.bindings.map(({ role, members }) => ({
    role,
    members: members.map((member) => (member === from ? to : member)),
  }))
  return { bindings, revision: policy.revision + 1 }
}

/**
 * Throws INVALID_ARGUMENT for wildcards, for texts that are not permissions, and for permissions that an
 * API in the catalog does not have. Assumes that permissions of other APIs exist.
 */
export function checkTestedPermissions(permissions: readonly string[]): void {
  const illegal = permissions.find(
    (permission) =>
      !/^[\w-]+(\.[\w-]+)+$/.test(permission) || (isKnownService(permission) && !isKnownPermission(permission)),
  )
  if (illegal !== undefined) throw invalid(`Permission ${illegal} is not valid for this resource.`)
}

function checkRole(role: string, { roles }: PolicyRules): void {
  if (/^(projects|organizations)\/[^/]+\/roles\/[\w.]+$/.test(role))
    throw notEmulated(`a custom role, such as ${role},`)
  const [, service] = /^roles\/(?:([a-z]+)\.)?\w+(?:\.\w+)*$/.exec(role) ?? []
  const isAllowed = roles.includes('*') || roles.includes(service ?? 'basic')
  if (permissionsOf(role) && isAllowed) return
  throw invalid(`Role ${role} is not supported for this resource.`)
}

function checkMember(member: string, rules: PolicyRules, current: StoredPolicy): void {
  if (!MEMBER.test(member) && !FEDERATED_MEMBER.test(member)) {
    const [type = ''] = member.split(':', 1)
    throw invalid(
      /^(user|serviceAccount|group|domain|principal|principalSet)$/.test(type)
        ? `Invalid value for member: ${member}`
        : `The member ${member} is of an unknown type. Please set a valid type prefix for the member.`,
    )
  }
  if (/^all(Authenticated)?Users$/.test(member) && !rules.mayBePublic) {
    throw invalid('Members of type allUsers and allAuthenticatedUsers cannot be set on this resource.')
  }
  if (!member.startsWith('serviceAccount:')) return
  // A caller that writes a policy back is not responsible for its existing members.
  if (current.bindings.some(({ members }) => members.includes(member))) return
  const fault = rules.accountFault(member.slice('serviceAccount:'.length))
  if (fault !== undefined) throw invalid(fault)
}

/** One binding per role, each member once, as Google stores them. */
function merged(bindings: WantedPolicy['bindings']): Binding[] {
  const byRole = new Map<string, Set<string>>()
  for (const { role, members } of bindings) {
    const known = byRole.get(role) ?? new Set()
    for (const member of members) known.add(member)
    byRole.set(role, known)
  }
  return [...byRole]
    .filter(([, members]) => members.size > 0)
    .map(([role, members]) => ({ role, members: [...members].toSorted() }))
    .toSorted((a, b) => (a.role < b.role ? -1 : 1))
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { details: [] })
}
