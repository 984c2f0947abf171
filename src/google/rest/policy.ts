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

/** How the policy of some resource is read and written; writing one whose etag is stale must fail. */
export interface PolicyHolder {
  read(): Promise<Policy>
  write(policy: Policy): Promise<unknown>
}

/** Policies with conditions are only shown whole to those who ask for this version (https://cloud.google.com/iam/docs/policies#versions). */
export const POLICY_VERSION = 3

/** Those of `wanted` that a policy has not. A binding under a condition grants something else. */
export function missingMemberships({ bindings = [] }: Policy, wanted: readonly Membership[]): Membership[] {
  return wanted.filter(
    ({ role, member }) =>
      !bindings.some((binding) => binding.role === role && !binding.condition && binding.members?.includes(member)),
  )
}

/** Those of a policy that `isUnwanted`, but for bindings under a condition, which imagery never makes. */
export function matchingMemberships(
  { bindings = [] }: Policy,
  isUnwanted: (membership: Membership) => boolean,
): Membership[] {
  return bindings
    .filter(({ condition }) => !condition)
    .flatMap(({ role, members = [] }) => members.map((member) => ({ role, member })))
    .filter(isUnwanted)
}

/** What a change of a policy came to. */
export interface PolicyChange {
  added: Membership[]
  removed: Membership[]
}

/**
 * Gives and takes roles in one read, and one write when there is anything to change. Whatever else
 * the policy holds stays. Somebody else's change in between is kept: the write then fails by its
 * etag, and all is done again.
 *
 * @param settleMs how long to wait for a member that was made just now to be known to IAM
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

/** Two writers who meet are through after a few tries. */
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
 * Somebody else's change came between our reading and our writing: ABORTED, or Cloud Storage's 412
 * (https://cloud.google.com/storage/docs/json_api/v1/status-codes#412_Precondition_Failed). What an organisation's policy
 * forbids is a FAILED_PRECONDITION too, by Cloud Storage even with that reason, and stays so however often it is tried.
 */
function isConflict({ status, reason, message }: CloudError): boolean {
  if (status === 'ABORTED') return true
  return status === 'FAILED_PRECONDITION' && reason === 'conditionNotMet' && /pre-?condition/i.test(message)
}

/** An account that was made a moment ago: "Service account … does not exist." */
function isUnknownMember({ status, message }: CloudError): boolean {
  return (status === 'INVALID_ARGUMENT' || status === 'NOT_FOUND') && /does not exist/i.test(message)
}
