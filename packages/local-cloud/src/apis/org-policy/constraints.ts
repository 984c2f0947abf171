import { notEmulated } from '../../kernel/errors.ts'
import type { PolicyRule, ProjectConditions } from '../../kernel/project-conditions.ts'

const NOT_ENFORCED: PolicyRule = { enforce: false }
const ALL_ALLOWED: PolicyRule = { allowAll: true }

/**
 * Constraints that affect the emulated APIs, with the rule that applies without a policy
 * (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints, "default"). Google has
 * about a hundred more.
 */
const CONSTRAINTS: ReadonlyMap<string, PolicyRule> = new Map<string, PolicyRule>([
  ['cloudbuild.allowedWorkerPools', ALL_ALLOWED],
  ['gcp.resourceLocations', ALL_ALLOWED],
  ['gcp.restrictNonCmekServices', ALL_ALLOWED],
  ['gcp.restrictServiceUsage', ALL_ALLOWED],
  ['iam.allowedPolicyMemberDomains', ALL_ALLOWED],
  ['iam.automaticIamGrantsForDefaultServiceAccounts', NOT_ENFORCED],
  ['iam.disableServiceAccountCreation', NOT_ENFORCED],
  ['iam.disableServiceAccountKeyCreation', NOT_ENFORCED],
  ['iam.managed.allowedPolicyMembers', NOT_ENFORCED],
  ['iam.managed.disableServiceAccountCreation', NOT_ENFORCED],
  ['iam.managed.disableServiceAccountKeyCreation', NOT_ENFORCED],
  ['iam.workloadIdentityPoolProviders', ALL_ALLOWED],
  ['run.allowedBinaryAuthorizationPolicies', ALL_ALLOWED],
  ['run.allowedIngress', ALL_ALLOWED],
  ['run.allowedVPCEgress', ALL_ALLOWED],
  ['storage.publicAccessPrevention', NOT_ENFORCED],
  ['storage.uniformBucketLevelAccess', NOT_ENFORCED],
])

/**
 * Returns the effective policy of the local project: the rule of its conditions, otherwise Google's default
 * (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy).
 * Throws UNIMPLEMENTED for other constraints.
 */
export function constraintPolicy(
  constraint: string,
  { projectNumber, conditions }: { projectNumber: string; conditions: ProjectConditions },
): object {
  const rule = conditions.current.organizationPolicies[constraint] ?? CONSTRAINTS.get(constraint)
  if (!rule) throw notEmulated(`the constraint ${constraint}`)
  return { name: `projects/${projectNumber}/policies/${constraint}`, spec: { rules: [rule] } }
}
