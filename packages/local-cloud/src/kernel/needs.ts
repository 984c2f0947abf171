import type { Demand } from './api.ts'

/**
 * The requirement of a call that every valid token can make: to test permissions, or for a method that is not emulated.
 */
export const NOTHING = (): readonly Demand[] => []

/** One demand: `permission` on `resource`. */
export function need(permission: string, resource: string): Demand[] {
  return [{ permission, resource }]
}

/** Returns `projects/P` from any resource name. */
export function projectOf(resource: string): string {
  return resource.split('/', 2).join('/')
}

/**
 * Returns the permission to attach a service account to a resource: iam.serviceAccounts.actAs
 * (https://cloud.google.com/iam/docs/service-accounts-actas). Nothing when there is no account.
 *
 * @param resource any resource of the account's project, unless the address names another project
 * @param api the API whose message the denial uses
 */
export function actAs(email: string | undefined, resource: string, api?: string): Demand[] {
  if (!email) return []
  const [, own] = /@([^.@]+)\.iam\.gserviceaccount\.com$/.exec(email) ?? []
  const project = own === undefined ? projectOf(resource) : `projects/${own}`
  const demand = { permission: 'iam.serviceAccounts.actAs', resource: `${project}/serviceAccounts/${email}` }
  return [api === undefined ? demand : { ...demand, api }]
}
