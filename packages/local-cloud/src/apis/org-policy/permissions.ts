import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'

/** The permission to read an effective policy (https://cloud.google.com/iam/docs/roles-permissions/orgpolicy). */
export function effectivePolicyNeeds(context: Context): readonly Demand[] {
  return [{ permission: 'orgpolicy.policy.get', resource: `projects/${context.req.param('project')}` }]
}
