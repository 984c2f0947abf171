import { accountOf, type DeploymentAccount } from '../../contracts/grants.ts'
import { REQUIRED_SERVICES } from '../../contracts/required-services.ts'
import { findServiceAccount } from '../../google/admin/iam.ts'
import { effectivePolicy, type EffectivePolicy } from '../../google/admin/org-policy.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { failed, ok, warning, type Check, type DoctorContext, type Finding } from './check.ts'

type Judgment = Finding | undefined

/**
 * A constraint of an organization policy that can block imagery
 * (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints). Managed constraints replace
 * older ones, and an organization can have either
 * (https://cloud.google.com/resource-manager/docs/organization-policy/overview#managed-constraints).
 */
interface Constraint {
  name: string
  /** Returns the finding, or undefined if the policy blocks nothing. */
  judge(policy: EffectivePolicy, context: DoctorContext): Judgment | Promise<Judgment>
}

const ASK = "Ask your organization's administrator for an exception for this project"

const CONSTRAINTS: readonly Constraint[] = [
  ...['iam.disableServiceAccountCreation', 'iam.managed.disableServiceAccountCreation'].map((name) => ({
    name,
    judge: async ({ isEnforced }: EffectivePolicy, context: DoctorContext) =>
      isEnforced ? forbiddenAccounts(name, context) : undefined,
  })),
  {
    name: 'iam.allowedPolicyMemberDomains',
    judge: ({ allowed }) => allowed && memberWarning('iam.allowedPolicyMemberDomains', allowed),
  },
  {
    name: 'iam.managed.allowedPolicyMembers',
    judge: ({ isEnforced, parameters }) =>
      isEnforced ? memberWarning('iam.managed.allowedPolicyMembers', Object.values(parameters).flat()) : undefined,
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
    name: 'gcp.restrictServiceUsage',
    judge: ({ allowed, denied }, context) => {
      const isAllowed = (service: string): boolean =>
        !hasService(denied, service) && (allowed === undefined || hasService(allowed, service))
      const refused = servicesOf(context).filter((service) => !isAllowed(service))
      return refused.length === 0
        ? undefined
        : ifDeployed(context, `gcp.restrictServiceUsage does not allow ${refused.join(', ')}`, ASK)
    },
  },
  {
    name: 'gcp.restrictNonCmekServices',
    judge: ({ denied }, context) => {
      const refused = servicesOf(context).filter((service) => hasService(denied, service))
      return refused.length === 0
        ? undefined
        : ifDeployed(
            context,
            `gcp.restrictNonCmekServices demands customer-managed encryption keys for ${refused.join(', ')}, and imagery's resources have none`,
            ASK,
          )
    },
  },
  {
    name: 'cloudbuild.allowedWorkerPools',
    judge: ({ allowed }, context) =>
      allowed && context.isBuilding
        ? ifDeployed(
            context,
            `cloudbuild.allowedWorkerPools allows builds only in ${allowed.join(', ')}, and imagery builds in the default pool`,
            `imagery deploy --image IMAGE${context.target.flags}   (an image that you have built)`,
            ASK,
          )
        : undefined,
  },
  {
    name: 'run.allowedBinaryAuthorizationPolicies',
    judge: ({ allowed }, context) =>
      allowed &&
      ifDeployed(
        context,
        `run.allowedBinaryAuthorizationPolicies demands binary authorization (${allowed.join(', ')}), and imagery's services have none`,
        ASK,
      ),
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
  // Every bucket that imagery creates complies with these two, and every service with the third.
  { name: 'storage.uniformBucketLevelAccess', judge: () => undefined },
  { name: 'storage.publicAccessPrevention', judge: () => undefined },
  { name: 'run.managed.requireInvokerIam', judge: () => undefined },
]

/** New accounts are forbidden, but an administrator can have created them. */
async function forbiddenAccounts(name: string, context: DoctorContext): Promise<Judgment> {
  const missing = await missingAccounts(context)
  if (missing.length === 0) return undefined
  const create = missing.map((email) => {
    const [id = ''] = email.split('@')
    return `gcloud iam service-accounts create ${id} --project ${context.target.place.projectId}   (by an administrator, with an exception)`
  })
  return failed(`${name} blocks new service accounts, and ${missing.join(', ')} must be created`, ...create)
}

async function missingAccounts({ target: { place }, isBuilding }: DoctorContext): Promise<string[]> {
  const needed: DeploymentAccount[] = ['runtime', 'invoker', ...(isBuilding ? (['builder'] as const) : [])]
  const emails = needed.map((account) => accountOf(place, account))
  const isMissing = async (email: string): Promise<boolean> => {
    try {
      return (await findServiceAccount(place.projectId, email)) === undefined
    } catch (error) {
      // Without its API, a project has no accounts of its own.
      if (error instanceof CloudError && error.reason === 'SERVICE_DISABLED') return true
      throw error
    }
  }
  const are = await Promise.all(emails.map(isMissing))
  return emails.filter((_, index) => are[index])
}

function memberWarning(name: string, allowed: readonly unknown[]): Finding {
  return warning(
    `${name} allows roles only for members of ${allowed.join(', ')}; another organization can share a table with imagery-runtime only if its own policy allows your organization`,
  )
}

/** What the policy blocks exists already in a deployment: only its next change can fail. */
function ifDeployed({ deployment }: DoctorContext, detail: string, ...fixes: string[]): Finding {
  return deployment ? warning(`${detail}; the next deploy can fail`, ...fixes) : failed(detail, ...fixes)
}

function servicesOf({ isBuilding }: DoctorContext): string[] {
  return REQUIRED_SERVICES.filter(({ forBuilding }) => isBuilding || !forBuilding).map(({ name }) => name)
}

/** Values can have a prefix: `is:run.googleapis.com`. */
function hasService(values: readonly string[], service: string): boolean {
  return values.some((value) => value.replace(/^is:/, '') === service)
}

const SEVERITY = ['failed', 'warning'] as const

export const organization: Check = {
  name: 'organization',
  title: 'Organization policies',
  async run(context) {
    const found = await Promise.all(
      CONSTRAINTS.map(async ({ name, judge }) => {
        const policy = await policyOf(context, name)
        return policy && judge(policy, context)
      }),
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

/** Returns what a constraint says of the project; undefined where Google does not know the constraint. */
async function policyOf({ target }: DoctorContext, constraint: string): Promise<EffectivePolicy | undefined> {
  try {
    return await effectivePolicy(target.place.projectId, constraint)
  } catch (error) {
    if (error instanceof CloudError && UNKNOWN_CONSTRAINT.has(error.status)) return undefined
    throw error
  }
}

const UNKNOWN_CONSTRAINT: ReadonlySet<string> = new Set(['NOT_FOUND', 'INVALID_ARGUMENT', 'UNIMPLEMENTED'])
