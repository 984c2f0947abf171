import { POLICY_VERSION, type Policy, type PolicyHolder } from '../rest/policy.ts'
import { callApi } from '../rest/rest.ts'

/** Returns the number of a project, which some APIs use as its name. */
export async function projectNumber(projectId: string): Promise<string> {
  const { name } = await callApi<{ name: string }>('cloudresourcemanager', `v3/projects/${projectId}`)
  return name.slice('projects/'.length)
}

/** The IAM policy of a project. */
export function projectPolicy(projectId: string): PolicyHolder {
  const path = `v3/projects/${projectId}`
  return {
    read: () =>
      callApi<Policy>('cloudresourcemanager', `${path}:getIamPolicy`, {
        body: { options: { requestedPolicyVersion: POLICY_VERSION } },
      }),
    write: (policy) => callApi('cloudresourcemanager', `${path}:setIamPolicy`, { body: { policy } }),
  }
}

/** Returns the `permissions` that the caller has in a project. */
export async function projectPermissions(projectId: string, permissions: readonly string[]): Promise<string[]> {
  const answer = await callApi<{ permissions?: string[] }>(
    'cloudresourcemanager',
    `v3/projects/${projectId}:testIamPermissions`,
    { body: { permissions } },
  )
  return answer.permissions ?? []
}
