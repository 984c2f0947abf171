import type { Authorizer } from '../iam/authorizer.ts'
import { checkTestedPermissions, replacedPolicy } from '../iam/policy.ts'
import type { RpcHandler } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { servicePolicyRules, wantedOf, wirePolicy } from './policies.ts'
import type { Policy } from './policies.ts'
import { parseServiceName } from './resources.ts'
import { pageOf, serviceNotFound } from './service-admin.ts'
import type { ServiceAdmin } from './service-admin.ts'
import type { RunStore, StoredService } from './store.ts'

/** The gRPC methods of google.cloud.run.v2; missing methods return UNIMPLEMENTED by name. */
export function runHandlers(
  admin: ServiceAdmin,
  store: RunStore,
  access: Authorizer,
  submitBuild: RpcHandler,
): Record<string, Record<string, RpcHandler>> {
  const existing = (name: string): StoredService => {
    parseServiceName(name)
    const stored = store.service(name)
    if (!stored) throw serviceNotFound(name)
    return stored
  }
  return {
    'google.cloud.run.v2.Services': {
      CreateService: (request, call) => admin.create(request, call),
      GetService: ({ name }: { name: string }) => admin.get(name),
      ListServices: (request) => admin.list(request),
      UpdateService: (request, call) => admin.update(request, call),
      DeleteService: (request, call) => admin.delete(request, call),
      GetIamPolicy: ({ resource }: { resource: string }) => wirePolicy(existing(resource).policy),
      SetIamPolicy({ resource, policy }: { resource: string; policy: Policy | null }) {
        const stored = existing(resource)
        const rules = servicePolicyRules((email) => access.accountFault(email))
        const replaced = replacedPolicy(stored.policy, wantedOf(policy), rules)
        store.putService({ ...stored, policy: replaced })
        access.policiesChanged({ resource, before: stored.policy.bindings, after: replaced.bindings })
        return wirePolicy(replaced)
      },
      TestIamPermissions({ resource, permissions }: { resource: string; permissions: string[] }, { principal }) {
        checkTestedPermissions(permissions)
        return { permissions: access.held(principal, permissions, existing(resource).service.name) }
      },
    },
    'google.cloud.run.v2.Revisions': {
      GetRevision({ name }: { name: string }) {
        const revision = store.revision(name)
        if (!revision) throw new GoogleError('NOT_FOUND', `Revision '${name}' was not found.`)
        return revision
      },
      ListRevisions(request: { parent: string; pageSize: number; pageToken: string }) {
        existing(request.parent)
        const page = pageOf(request, (after, count) => store.revisionsPage(request.parent, after, count))
        return { revisions: page.items, nextPageToken: page.nextPageToken }
      },
    },
    'google.cloud.run.v2.Builds': { SubmitBuild: submitBuild },
  }
}
