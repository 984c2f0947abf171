import { notEmulated } from '../../kernel/errors.ts'

/** The default rule of a constraint without a policy (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints, "default"). */
type Rule = { enforce: false } | { allowAll: true }

const NOT_ENFORCED: Rule = { enforce: false }
const ALL_ALLOWED: Rule = { allowAll: true }

/** Constraints that affect the emulated APIs. Google has about a hundred more. */
const CONSTRAINTS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['gcp.resourceLocations', ALL_ALLOWED],
  ['gcp.restrictServiceUsage', ALL_ALLOWED],
  ['iam.allowedPolicyMemberDomains', ALL_ALLOWED],
  ['iam.automaticIamGrantsForDefaultServiceAccounts', NOT_ENFORCED],
  ['iam.disableServiceAccountCreation', NOT_ENFORCED],
  ['iam.disableServiceAccountKeyCreation', NOT_ENFORCED],
  ['iam.workloadIdentityPoolProviders', ALL_ALLOWED],
  ['run.allowedIngress', ALL_ALLOWED],
  ['run.allowedVPCEgress', ALL_ALLOWED],
  ['storage.publicAccessPrevention', NOT_ENFORCED],
  ['storage.uniformBucketLevelAccess', NOT_ENFORCED],
])

/**
 * Returns the effective policy of the local project, which belongs to no organization: every constraint has Google's
 * default (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy).
 * Throws UNIMPLEMENTED for other constraints.
 */
export function effectivePolicy(constraint: string, projectNumber: string): object {
  const rule = CONSTRAINTS.get(constraint)
  if (!rule) throw notEmulated(`the constraint ${constraint}`)
  return { name: `projects/${projectNumber}/policies/${constraint}`, spec: { rules: [rule] } }
}
