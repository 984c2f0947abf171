import { effectivePolicy, type EffectivePolicy } from '../../google/admin/org-policy.ts'
import { failed, ok, warning, type Check, type DoctorContext, type Finding } from './check.ts'

/** A constraint of organisations that can stand in imagery's way (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints). */
interface Constraint {
  name: string
  /** What it means here; undefined when it is no obstacle. */
  judge(policy: EffectivePolicy, context: DoctorContext): Finding | undefined
}

const CONSTRAINTS: readonly Constraint[] = [
  {
    name: 'iam.disableServiceAccountCreation',
    judge: ({ isEnforced }, { deployment }) =>
      isEnforced && !deployment
        ? failed(
            'no service account may be made (iam.disableServiceAccountCreation), and a deployment has three of its own',
            'Ask the administrator of the organisation for an exception for this project',
          )
        : undefined,
  },
  {
    name: 'iam.allowedPolicyMemberDomains',
    judge: ({ allowed }) =>
      allowed &&
      warning(
        `roles can be given to members of ${allowed.join(', ')} only (iam.allowedPolicyMemberDomains): a table of another organisation cannot be opened to imagery-runtime there unless its owner allows yours`,
      ),
  },
  {
    name: 'gcp.resourceLocations',
    judge: ({ allowed, denied }, { target: { place } }) => {
      const { region } = place
      if (denied.includes(region)) return failed(`${region} is forbidden (gcp.resourceLocations)`)
      // Groups such as in:eu-locations are Google's to resolve.
      if (!allowed || allowed.includes(region)) return undefined
      return warning(`only ${allowed.join(', ')} are allowed (gcp.resourceLocations): is ${region} among them?`)
    },
  },
  {
    name: 'run.allowedIngress',
    judge: ({ allowed }) =>
      allowed && !allowed.includes('all')
        ? warning(
            `Cloud Run services may be reached by ${allowed.join(', ')} only (run.allowedIngress)`,
            'imagery deploy --ingress internal, then run from inside the network',
          )
        : undefined,
  },
  // Every bucket of imagery is as these two want it.
  { name: 'storage.uniformBucketLevelAccess', judge: () => undefined },
  { name: 'storage.publicAccessPrevention', judge: () => undefined },
]

const SEVERITY = ['failed', 'warning'] as const

export const organisation: Check = {
  name: 'organisation',
  title: 'Organisation',
  async run(context) {
    const { projectId } = context.target.place
    const found = await Promise.all(
      CONSTRAINTS.map(async ({ name, judge }) => judge(await effectivePolicy(projectId, name), context)),
    )
    const obstacles = found.filter((finding) => finding !== undefined)
    if (obstacles.length === 0) return ok('none of its policies stands in the way')
    return {
      status: SEVERITY.find((status) => obstacles.some((finding) => finding.status === status)) ?? 'warning',
      detail: obstacles.map(({ detail }) => detail).join('; '),
      fixes: obstacles.flatMap(({ fixes }) => fixes),
    }
  },
}
