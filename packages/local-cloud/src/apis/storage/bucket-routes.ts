import type { Context, Hono } from 'hono'
import { GoogleError } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { Buckets } from './buckets.ts'
import { pageStart, readLimit } from './listing.ts'
import { encodePageToken } from '../../kernel/page-token.ts'
import type { BucketRow } from './metadata-store.ts'
import type { StorageNeeds } from './permissions.ts'
import { readPreconditions } from './preconditions.ts'
import { jsonBody, originOf, refuseUnsupported } from './requests.ts'
import { bucketResource } from './resource-wire.ts'

/** Adds the methods of https://cloud.google.com/storage/docs/json_api/v1/buckets under `base`. */
export function addBucketRoutes(
  app: Hono,
  base: string,
  services: { buckets: Buckets; projectNumber: string; needs: StorageNeeds['buckets'] },
  operation: Operation,
): void {
  const { buckets, projectNumber, needs } = services
  const resource = (context: Context, row: BucketRow): Response =>
    Response.json(bucketResource(row, projectNumber, originOf(context)))
  const name = (context: Context): string => context.req.param('bucket') ?? ''
  const conditions = (context: Context) => readPreconditions((key) => context.req.query(key))
  const change = (method: string, isUpdate: boolean) =>
    operation(
      method,
      async (context) => {
        refuseUnsupported(context)
        return resource(context, buckets.change(name(context), await jsonBody(context), conditions(context), isUpdate))
      },
      { needs: needs.change },
    )

  app.post(
    `${base}/b`,
    operation(
      'storage.buckets.insert',
      async (context) => {
        refuseUnsupported(context)
        return resource(context, buckets.insert(requiredProject(context), await jsonBody(context)))
      },
      { needs: needs.insert },
    ),
  )
  app.get(
    `${base}/b`,
    operation(
      'storage.buckets.list',
      (context) => {
        refuseUnsupported(context)
        const { rows, nextAfter } = buckets.list(requiredProject(context), {
          prefix: context.req.query('prefix') ?? '',
          after: pageStart(context.req.query('pageToken') ?? '') ?? '',
          limit: readLimit(context.req.query('maxResults')),
        })
        return Response.json({
          kind: 'storage#buckets',
          ...(rows.length > 0
            ? { items: rows.map((row) => bucketResource(row, projectNumber, originOf(context))) }
            : {}),
          ...(nextAfter === undefined ? {} : { nextPageToken: encodePageToken(nextAfter) }),
        })
      },
      { needs: needs.list },
    ),
  )
  app.get(
    `${base}/b/:bucket`,
    operation('storage.buckets.get', (context) => resource(context, buckets.get(name(context), conditions(context))), {
      needs: needs.get,
    }),
  )
  app.patch(`${base}/b/:bucket`, change('storage.buckets.patch', false))
  app.put(`${base}/b/:bucket`, change('storage.buckets.update', true))
  app.delete(
    `${base}/b/:bucket`,
    operation(
      'storage.buckets.delete',
      (context) => {
        buckets.delete(name(context), conditions(context))
        return new Response(null, { status: 204 })
      },
      { needs: needs.delete },
    ),
  )
}

function requiredProject(context: Context): string {
  const project = context.req.query('project')
  if (!project)
    throw new GoogleError('INVALID_ARGUMENT', 'Required parameter: project', {
      reason: 'required',
      location: 'project',
    })
  return project
}
