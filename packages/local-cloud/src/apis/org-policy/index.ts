import { Hono, type Context } from 'hono'
import type { Demand, EmulatedApi } from '../../kernel/api.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { readQuery, restError } from '../../kernel/rest-request.ts'

/** What a constraint says where nobody has set a policy (https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints, "default"). */
type Rule = { enforce: false } | { allowAll: true }

const NOT_ENFORCED: Rule = { enforce: false }
const ALL_ALLOWED: Rule = { allowAll: true }

/** Constraints that bear on what the local cloud emulates. Google has some hundred more. */
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

const POLICIES = '/v2/projects/:project/policies'

export interface OrgPolicyApiOptions {
  operation: Operation
  projectId: string
  projectNumber: string
}

/**
 * What organization policies say of the local project, which belongs to no organization: every
 * constraint has Google's default
 * (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy).
 */
export function orgPolicyApi({ operation, projectId, projectNumber }: OrgPolicyApiOptions): EmulatedApi {
  const app = new Hono()
  app.get(
    `${POLICIES}/:constraint{[^/:]+:getEffectivePolicy}`,
    operation(
      'orgpolicy.projects.policies.getEffectivePolicy',
      (context) => {
        readQuery(context, [])
        const project = context.req.param('project') ?? ''
        if (project !== projectId && project !== projectNumber) {
          throw restError('PERMISSION_DENIED', 'The caller does not have permission')
        }
        const constraint = context.req.param('constraint')!.replace(/:[a-zA-Z]+$/, '')
        const rule = CONSTRAINTS.get(constraint)
        if (!rule) throw notEmulated(`the constraint ${constraint}`)
        return context.json({ name: `projects/${projectNumber}/policies/${constraint}`, spec: { rules: [rule] } })
      },
      { needs: effectivePolicyNeeds },
    ),
  )
  app.all(
    '*',
    operation(
      'orgpolicy.unknown',
      (context) => {
        throw notEmulated(`Organization Policy method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return {
    name: 'orgpolicy',
    http: { prefixes: [], patterns: [/^\/v2\/projects\/[^/]+\/(?:policies|constraints)(?:\/|$)/], app },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}

/** https://cloud.google.com/iam/docs/roles-permissions/orgpolicy */
function effectivePolicyNeeds(context: Context): readonly Demand[] {
  return [{ permission: 'orgpolicy.policy.get', resource: `projects/${context.req.param('project')}` }]
}
