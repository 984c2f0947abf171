import type { Demand } from './api.ts'

/** Of a call that whoever has a token may make: to ask what one may do, or for a method that is not emulated. */
export const NOTHING = (): readonly Demand[] => []

/** One demand: `permission` on `resource`. */
export function need(permission: string, resource: string): Demand[] {
  return [{ permission, resource }]
}

/** `projects/P` of any resource name. */
export function projectOf(resource: string): string {
  return resource.split('/', 2).join('/')
}

/**
 * What it takes to hand a service account to an API that will act as it: iam.serviceAccounts.actAs
 * (https://cloud.google.com/iam/docs/service-accounts-actas). Nothing when no account is named.
 *
 * @param resource any resource of the project whose account it is, unless the address says another
 * @param api whose words the refusal takes
 */
export function actAs(email: string | undefined, resource: string, api?: string): Demand[] {
  if (!email) return []
  const [, own] = /@([^.@]+)\.iam\.gserviceaccount\.com$/.exec(email) ?? []
  const project = own === undefined ? projectOf(resource) : `projects/${own}`
  const demand = { permission: 'iam.serviceAccounts.actAs', resource: `${project}/serviceAccounts/${email}` }
  return [api === undefined ? demand : { ...demand, api }]
}
