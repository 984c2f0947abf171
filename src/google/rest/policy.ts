import type { CloudError } from '../transport/errors.ts'
import { settled } from '../transport/settle.ts'

/** Members of one role, on one resource (https://cloud.google.com/iam/docs/reference/rest/v1/Policy). */
export interface Binding {
  role: string
  members?: string[]
  condition?: object
}

export interface Policy {
  version?: number
  etag?: string
  bindings?: Binding[]
}

/** One member's role. */
export interface Membership {
  role: string
  /** `serviceAccount:EMAIL`, `user:EMAIL`. */
  member: string
}

/** Reads and writes the policy of a resource. A write with a stale etag must fail. */
export interface PolicyHolder {
  read(): Promise<Policy>
  write(policy: Policy): Promise<unknown>
}

/**
 * Only requests for this version return policies with conditions completely
 * (https://cloud.google.com/iam/docs/policies#versions).
 */
export const POLICY_VERSION = 3

/** Returns the `wanted` grants that a policy does not have. A conditional binding grants something else. */
export function missingMemberships({ bindings = [] }: Policy, wanted: readonly Membership[]): Membership[] {
  return wanted.filter(
    ({ role, member }) =>
      !bindings.some((binding) => binding.role === role && !binding.condition && binding.members?.includes(member)),
  )
}

/** Returns a policy's grants that `isUnwanted` selects, except conditional bindings, which imagery never creates. */
export function matchingMemberships(
  { bindings = [] }: Policy,
  isUnwanted: (membership: Membership) => boolean,
): Membership[] {
  return bindings
    .filter(({ condition }) => !condition)
    .flatMap(({ role, members = [] }) => members.map((member) => ({ role, member })))
    .filter(isUnwanted)
}

/** The result of a policy change. */
export interface PolicyChange {
  added: Membership[]
  removed: Membership[]
}

/**
 * Grants and revokes roles with one read, and one write if anything changes. The rest of the policy
 * stays. A concurrent change is kept: the etag makes the write fail, and the whole step is repeated.
 *
 * @param settleMs how long to wait until IAM knows a new member
 */
export async function changeMemberships(
  holder: PolicyHolder,
  change: {
    add?: readonly Membership[]
    remove?: (membership: Membership) => boolean
    settleMs?: number
  },
): Promise<PolicyChange> {
  return settled(
    async () => {
      const policy = await holder.read()
      const added = missingMemberships(policy, change.add ?? [])
      const removed = change.remove ? matchingMemberships(policy, change.remove) : []
      if (added.length + removed.length > 0)
        await holder.write({ ...policy, bindings: changedBindings(policy.bindings ?? [], { added, removed }) })
      return { added, removed }
    },
    {
      isTransient: (error) => isConflict(error) || isUnknownMember(error),
      settleMs: Math.max(CONFLICT_MS, change.settleMs ?? 0),
    },
  )
}

/** Two concurrent writers both succeed after a few tries. */
const CONFLICT_MS = 5_000

function changedBindings(bindings: readonly Binding[], { added, removed }: PolicyChange): Binding[] {
  const kept = bindings.flatMap((binding) => {
    if (binding.condition) return [binding]
    const members = (binding.members ?? []).filter(
      (member) => !removed.some((gone) => gone.role === binding.role && gone.member === member),
    )
    return members.length === 0 ? [] : [{ ...binding, members }]
  })
  for (const { role, member } of added) {
    const open = kept.find((binding) => binding.role === role && !binding.condition)
    if (open) open.members = [...(open.members ?? []), member]
    else kept.push({ role, members: [member] })
  }
  return kept
}

/**
 * Another change came between the read and the write: ABORTED, or Cloud Storage's 412
 * (https://cloud.google.com/storage/docs/json_api/v1/status-codes#412_Precondition_Failed). A violation of an
 * organization policy is a FAILED_PRECONDITION too, in Cloud Storage even with the same reason, but retries never help.
 */
function isConflict({ status, reason, message }: CloudError): boolean {
  if (status === 'ABORTED') return true
  return status === 'FAILED_PRECONDITION' && reason === 'conditionNotMet' && /pre-?condition/i.test(message)
}

/**
 * A newly created account: "Service account … does not exist." A bucket or a person that does not exist will not arrive
 * (hashicorp/terraform-provider-google, google/transport/error_retry_predicates.go, IamServiceAccountNotFound).
 */
function isUnknownMember({ status, message }: CloudError): boolean {
  return (
    (status === 'INVALID_ARGUMENT' || status === 'NOT_FOUND') && /\bservice account\b.* does not exist/i.test(message)
  )
}
