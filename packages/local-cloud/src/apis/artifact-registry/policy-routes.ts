import type { Context, Hono } from 'hono'
import { checkTestedPermissions, policyResource, type WantedPolicy } from '../iam/policy.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { bodyMessage, readQuery } from '../../kernel/rest-request.ts'
import { SET_POLICY, TEST_PERMISSIONS } from './messages.ts'
import { onRepository, repositoryOf } from './permissions.ts'
import type { RouteOptions } from './requests.ts'

/** Adds the IAM methods of the repositories under `base`. */
export function addPolicyRoutes(app: Hono, base: string, options: RouteOptions): void {
  const { repositories, policies, access, operation } = options
  const existing = (context: Context): string => repositories.get(repositoryOf(context)).name

  app.get(
    `${base}/:repository{[^/:]+:getIamPolicy}`,
    operation(
      'artifactregistry.repositories.getIamPolicy',
      (context) => {
        readQuery(context, ['options.requestedPolicyVersion'])
        return context.json(policyResource(policies.get(existing(context))))
      },
      { needs: onRepository('repositories.getIamPolicy') },
    ),
  )
  app.post(
    `${base}/:repository{[^/:]+:setIamPolicy}`,
    operation(
      'artifactregistry.repositories.setIamPolicy',
      async (context) => {
        const repository = existing(context)
        const { policy } = (await bodyMessage(context, SET_POLICY)) as {
          policy?: Partial<WantedPolicy> & { etag?: Buffer | string }
        }
        const wanted = policy && { bindings: [], ...policy, etag: Buffer.from(policy.etag ?? '').toString('base64') }
        return context.json(policyResource(policies.set(repository, wanted)))
      },
      { needs: onRepository('repositories.setIamPolicy') },
    ),
  )
  app.post(
    `${base}/:repository{[^/:]+:testIamPermissions}`,
    operation(
      'artifactregistry.repositories.testIamPermissions',
      async (context, principal) => {
        const repository = existing(context)
        const { permissions = [] } = (await bodyMessage(context, TEST_PERMISSIONS)) as { permissions?: string[] }
        checkTestedPermissions(permissions)
        const held = access.held(principal, permissions, repository)
        return context.json(held.length > 0 ? { permissions: held } : {})
      },
      { needs: NOTHING },
    ),
  )
}
