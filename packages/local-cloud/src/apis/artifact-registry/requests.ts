import type { Authorizer } from '../iam/authorizer.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { RestOperations } from '../../kernel/rest-operations.ts'
import type { RepositoryPolicies } from './policies.ts'
import type { Repositories } from './repositories.ts'
import type { RegistryStore } from './store.ts'

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories/list */
export const PAGE_SIZES = { standard: 100, most: 1_000 }

export interface RouteOptions {
  repositories: Repositories
  policies: RepositoryPolicies
  access: Pick<Authorizer, 'held'>
  store: RegistryStore
  operations: RestOperations
  operation: Operation
  projectId: string
  projectNumber: string
}

/** Listings are in the order of names. A filter is refused, because ignoring it would return too much. */
export function refuseOrder({ filter, orderBy }: { filter?: string[]; orderBy?: string[] }): void {
  if (filter?.[0]) throw notEmulated('the filter of a listing of Artifact Registry')
  if (orderBy?.[0]) throw notEmulated('the orderBy of a listing of Artifact Registry')
}
