import { grantsTo } from '../../contracts/grants.ts'
import { bucketName, vertexAgent } from '../../contracts/names.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { generateServiceIdentity } from '../../google/admin/service-usage.ts'
import { changeMemberships, missingMemberships, type Membership } from '../../google/rest/policy.ts'
import { bucketPolicy } from '../../google/storage/bucket.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { SETTLE_MS } from '../../google/transport/settle.ts'
import type { DeployStep } from './context.ts'
import { durationText } from './settling.ts'

/**
 * Vertex AI reads images as its service agent, not as the account that calls Gemini. In a new project the
 * agent does not exist until it is requested
 * (https://cloud.google.com/iam/docs/create-service-agents), and an organization can revoke the role that
 * Google grants it.
 */
export const imageAccess: DeployStep = {
  title: 'Image access for Vertex AI',
  roles: ['roles/serviceusage.serviceUsageAdmin', 'roles/storage.admin'],
  async inspect(context) {
    const resource = `gs://${bucketName(context.target.place)}`
    if (context.off.size > 0) {
      return grantsToAgent('').map(({ role }) => ({
        action: 'grant',
        resource: `${role} for Vertex AI's service agent on ${resource}`,
      }))
    }
    const wanted = grantsToAgent(vertexAgent(await projectNumber(context.target.place.projectId)))
    const policy = await bucketPolicy(bucketName(context.target.place)).read().catch(absent)
    const missing = missingMemberships(policy, wanted)
    return wanted.map((each) => ({
      action: missing.includes(each) ? 'grant' : 'keep',
      resource: `${each.role} for ${each.member.slice(each.member.indexOf(':') + 1)} on ${resource}`,
    }))
  },
  async apply(context, _, reporter) {
    const { projectId } = context.target.place
    const email = await generateServiceIdentity(projectId, 'aiplatform.googleapis.com', {
      waiting: (waitedMs) =>
        reporter.detail(`Google is creating Vertex AI's service agent; waiting for ${durationText(waitedMs)}`),
      signal: context.signal,
    })
    const agent = email ?? vertexAgent(await projectNumber(projectId))
    await changeMemberships(bucketPolicy(bucketName(context.target.place)), {
      add: grantsToAgent(agent),
      settleMs: SETTLE_MS,
    })
    return { done: agent }
  },
}

function grantsToAgent(email: string): Membership[] {
  return grantsTo('vertex agent', 'bucket').map(({ role }) => ({ role, member: `serviceAccount:${email}` }))
}

/** In a plan, the bucket can still be missing. */
function absent(error: unknown): object {
  if (error instanceof CloudError && error.status === 'NOT_FOUND') return {}
  throw error
}
