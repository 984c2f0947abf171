import { effectivePolicy, type EffectivePolicy } from '../../google/admin/org-policy.ts'
import { failed, ok, warning, type Check, type DoctorContext, type Finding } from './check.ts'

/** A constraint of an organization policy that can block imagery (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints). */
interface Constraint {
  name: string
  /** Returns the finding, or undefined if the policy blocks nothing. */
  judge(policy: EffectivePolicy, context: DoctorContext): Finding | undefined
}

const CONSTRAINTS: readonly Constraint[] = [
  {
    name: 'iam.disableServiceAccountCreation',
    judge: ({ isEnforced }, { deployment }) =>
      isEnforced && !deployment
        ? failed(
            'iam.disableServiceAccountCreation blocks new service accounts, and a deployment needs three',
            "Ask your organization's administrator for an exception for this project",
          )
        : undefined,
  },
  {
    name: 'iam.allowedPolicyMemberDomains',
    judge: ({ allowed }) =>
      allowed &&
      warning(
        `iam.allowedPolicyMemberDomains allows roles only for members of ${allowed.join(', ')}; another organization can share a table with imagery-runtime only if its own policy allows your organization`,
      ),
  },
  {
    name: 'gcp.resourceLocations',
    judge: ({ allowed, denied }, { target: { place } }) => {
      const { region } = place
      if (denied.includes(region)) return failed(`gcp.resourceLocations does not allow ${region}`)
      // Only Google resolves groups such as in:eu-locations.
      if (!allowed || allowed.includes(region)) return undefined
      return warning(`gcp.resourceLocations allows only ${allowed.join(', ')}; check that this includes ${region}`)
    },
  },
  {
    name: 'run.allowedIngress',
    judge: ({ allowed }) =>
      allowed && !allowed.includes('all')
        ? warning(
            `run.allowedIngress allows only ingress ${allowed.join(', ')} for Cloud Run services`,
            'imagery deploy --ingress internal, then run from inside the network',
          )
        : undefined,
  },
  // Every bucket that imagery creates complies with these two.
  { name: 'storage.uniformBucketLevelAccess', judge: () => undefined },
  { name: 'storage.publicAccessPrevention', judge: () => undefined },
]

const SEVERITY = ['failed', 'warning'] as const

export const organization: Check = {
  name: 'organization',
  title: 'Organization policies',
  async run(context) {
    const { projectId } = context.target.place
    const found = await Promise.all(
      CONSTRAINTS.map(async ({ name, judge }) => judge(await effectivePolicy(projectId, name), context)),
    )
    const obstacles = found.filter((finding) => finding !== undefined)
    if (obstacles.length === 0) return ok('none of them blocks imagery')
    return {
      status: SEVERITY.find((status) => obstacles.some((finding) => finding.status === status)) ?? 'warning',
      detail: obstacles.map(({ detail }) => detail).join('; '),
      fixes: obstacles.flatMap(({ fixes }) => fixes),
    }
  },
}
