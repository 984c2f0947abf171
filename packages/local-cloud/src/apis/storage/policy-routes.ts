import type { Context, Hono } from 'hono'
import type { Authorizer } from '../iam/authorizer.ts'
import { checkTestedPermissions } from '../iam/policy.ts'
import { wantedPolicy } from '../iam/requests.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { bucketResourceName, bucketPolicyResource, type BucketPolicies } from './bucket-policies.ts'
import type { StorageNeeds } from './permissions.ts'
import { jsonBody } from './requests.ts'

/** Adds https://cloud.google.com/storage/docs/json_api/v1/buckets/getIamPolicy and the related methods under `base`. */
export function addPolicyRoutes(
  app: Hono,
  base: string,
  services: { policies: BucketPolicies; access: Authorizer; needs: StorageNeeds },
  operation: Operation,
): void {
  const { policies, access, needs } = services
  const iam = `${base}/b/:bucket/iam`
  const bucket = (context: Context): string => context.req.param('bucket') ?? ''

  app.get(
    iam,
    operation(
      'storage.buckets.getIamPolicy',
      (context) => Response.json(bucketPolicyResource(bucket(context), policies.get(bucket(context)))),
      { needs: needs.buckets.getIamPolicy },
    ),
  )
  app.put(
    iam,
    operation(
      'storage.buckets.setIamPolicy',
      async (context) => {
        const policy = policies.set(bucket(context), wantedPolicy(await jsonBody(context)))
        return Response.json(bucketPolicyResource(bucket(context), policy))
      },
      { needs: needs.buckets.setIamPolicy },
    ),
  )
  app.get(
    `${iam}/testPermissions`,
    operation(
      'storage.buckets.testIamPermissions',
      (context, principal) => {
        policies.get(bucket(context))
        const permissions = context.req.queries('permissions') ?? []
        checkTestedPermissions(permissions)
        const held = access.held(principal, permissions, bucketResourceName(bucket(context)))
        return Response.json({
          kind: 'storage#testIamPermissionsResponse',
          ...(held.length > 0 ? { permissions: held } : {}),
        })
      },
      { needs: NOTHING },
    ),
  )
}
