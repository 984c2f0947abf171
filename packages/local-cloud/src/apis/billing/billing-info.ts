/** The billing account of the local project; three groups of six hex digits, like Google's. */
const BILLING_ACCOUNT = 'billingAccounts/000000-000000-000000'

/** https://cloud.google.com/billing/docs/reference/rest/v1/ProjectBillingInfo */
export function billingInfo(projectId: string, hasBilling: boolean): object {
  return {
    name: `projects/${projectId}/billingInfo`,
    projectId,
    billingAccountName: hasBilling ? BILLING_ACCOUNT : '',
    billingEnabled: hasBilling,
  }
}
