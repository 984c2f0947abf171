import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'

/** What reading a project's billing needs (https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo). */
export function billingInfoNeeds(context: Context): readonly Demand[] {
  return [{ permission: 'resourcemanager.projects.get', resource: `projects/${context.req.param('project')}` }]
}
