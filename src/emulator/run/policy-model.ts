import { GoogleError, notEmulated } from '../kernel/errors.ts'
import { invalid } from './validation.ts'

/** google.iam.v1.Policy as stored: the etag is the counter of its versions. */
export interface StoredPolicy {
  version: number
  bindings: Binding[]
  /** How often it was set. */
  revision: number
}

export interface Binding {
  role: string
  members: string[]
  condition?: object | null
}

/** google.iam.v1.Policy in proto-loader form. */
export interface Policy {
  version: number
  bindings: Binding[]
  auditConfigs?: object[]
  etag: Buffer
}

/** A service that was never given a policy: nobody may call it. */
export const EMPTY_POLICY: StoredPolicy = { version: 1, bindings: [], revision: 0 }

/** Roles with the permission run.routes.invoke (https://cloud.google.com/run/docs/reference/iam/roles). */
const INVOKING_ROLES = ['roles/run.invoker', 'roles/run.servicesInvoker', 'roles/run.admin']

const MEMBER =
  /^(allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^@\s]+@[^@\s]+|domain:[^@\s]+|(project(Owner|Editor|Viewer)):[^\s]+)$/

export function wirePolicy(policy: StoredPolicy): Policy {
  return { version: policy.version, bindings: policy.bindings, auditConfigs: [], etag: policyEtag(policy) }
}

/**
 * The policy after SetIamPolicy: replaced whole. An etag of another version is refused, none overwrites
 * (https://cloud.google.com/iam/docs/reference/rest/v1/Policy).
 */
export function replacedPolicy(current: StoredPolicy, wanted: Policy | null): StoredPolicy {
  if (!wanted) throw invalid('policy', 'a value is required')
  if (wanted.etag.length > 0 && !wanted.etag.equals(policyEtag(current))) {
    throw new GoogleError(
      'ABORTED',
      'There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.',
    )
  }
  if (wanted.auditConfigs && wanted.auditConfigs.length > 0) throw notEmulated('Policy.auditConfigs')
  for (const { role, members, condition } of wanted.bindings) {
    if (condition) throw notEmulated('a conditional IAM binding')
    if (!/^(roles|projects\/[^/]+\/roles|organizations\/[^/]+\/roles)\/[\w.]+$/.test(role)) {
      throw invalid('policy.bindings.role', `Role ${role} is not supported for this resource.`)
    }
    const stranger = members.find((member) => !MEMBER.test(member))
    if (stranger !== undefined)
      throw invalid('policy.bindings.members', `The member ${stranger} is of an unknown type.`)
  }
  return {
    version: 1,
    bindings: wanted.bindings.map(({ role, members }) => ({ role, members })),
    revision: current.revision + 1,
  }
}

/** Whether anyone at all may call the service, without a token. */
export function isPublic(policy: StoredPolicy): boolean {
  return invokers(policy).includes('allUsers')
}

/** Whether the account holds run.routes.invoke on the service. Groups have no members in the local cloud. */
export function mayInvoke(policy: StoredPolicy, email: string): boolean {
  const domain = email.slice(email.indexOf('@') + 1)
  const names = ['allUsers', 'allAuthenticatedUsers', `user:${email}`, `serviceAccount:${email}`, `domain:${domain}`]
  return invokers(policy).some((member) => names.includes(member))
}

/**
 * Those of `permissions` that the caller holds. Who may call the local cloud's APIs at all owns its
 * project; only calling a service needs a binding, as the front door checks it.
 */
export function heldPermissions(policy: StoredPolicy, email: string, permissions: readonly string[]): string[] {
  const illegal = permissions.find((permission) => !/^[\w-]+(\.[\w-]+)+$/.test(permission))
  if (illegal !== undefined) throw invalid('permissions', `Permission ${illegal} is not valid for this resource.`)
  return permissions.filter((permission) => {
    if (permission === 'run.routes.invoke') return mayInvoke(policy, email)
    return permission.startsWith('run.')
  })
}

function invokers(policy: StoredPolicy): string[] {
  return policy.bindings.filter(({ role }) => INVOKING_ROLES.includes(role)).flatMap(({ members }) => members)
}

/** Google's etag of a policy that was never set is the bytes 00 20 01 (`ACAB`). */
function policyEtag(policy: StoredPolicy): Buffer {
  if (policy.revision === 0) return Buffer.from('ACAB', 'base64')
  const etag = Buffer.alloc(8)
  etag.writeUInt32BE(0x0706_0000, 0)
  etag.writeUInt32BE(policy.revision, 4)
  return etag
}
