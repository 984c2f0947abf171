import { callApi } from '../rest/rest.ts'

/**
 * Whether billing is enabled for a project
 * (https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo).
 */
export async function isBillingEnabled(projectId: string): Promise<boolean> {
  const info = await callApi<{ billingEnabled?: boolean }>('cloudbilling', `v1/projects/${projectId}/billingInfo`)
  return info.billingEnabled === true
}
