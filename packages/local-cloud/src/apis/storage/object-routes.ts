import type { Context, Hono } from 'hono'
import type { Access } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { Buckets } from './buckets.ts'
import type { ContentStore } from './content-store.ts'
import { objectPage, readLimit } from './listing.ts'
import { mediaResponse } from './media.ts'
import type { MetadataStore, ObjectRow } from './metadata-store.ts'
import { newObjectFields } from './object-fields.ts'
import type { Objects, Selector } from './objects.ts'
import { checkOverwrite } from './permissions.ts'
import type { StorageNeeds } from './permissions.ts'
import { readGeneration, readPreconditions } from './preconditions.ts'
import { jsonBody, originOf, refuseUnsupported } from './requests.ts'
import { objectResource } from './resource-wire.ts'

export interface ObjectServices {
  buckets: Buckets
  objects: Objects
  content: ContentStore
  store: MetadataStore
  access: Access
  needs: StorageNeeds['objects']
}

/** Adds the methods of https://cloud.google.com/storage/docs/json_api/v1/objects, except for uploads, under `base`. */
export function addObjectRoutes(app: Hono, base: string, services: ObjectServices, operation: Operation): void {
  const { buckets, objects, content, store, access, needs } = services
  const object = `${base}/b/:bucket/o/:object`
  const resource = (context: Context, row: ObjectRow): Response => Response.json(objectResource(row, originOf(context)))
  const change = (method: string, isUpdate: boolean) =>
    operation(
      method,
      async (context) => {
        refuseUnsupported(context)
        const body = await jsonBody(context)
        return resource(context, objects.change(selector(context), body, readPreconditions(query(context)), isUpdate))
      },
      { needs: needs.change },
    )

  app.get(
    `${base}/b/:bucket/o`,
    operation(
      'storage.objects.list',
      (context) => {
        refuseUnsupported(context)
        return list(context, buckets, store)
      },
      { needs: needs.list },
    ),
  )
  app.get(
    object,
    operation(
      'storage.objects.get',
      (context) => {
        refuseUnsupported(context)
        const isMedia = context.req.query('alt') === 'media' || base.startsWith('/download')
        return plainErrors(isMedia, () => {
          const row = objects.get(selector(context), readPreconditions(query(context)))
          return isMedia ? mediaResponse(context, row, content) : resource(context, row)
        })
      },
      { needs: needs.get },
    ),
  )
  app.patch(object, change('storage.objects.patch', false))
  app.put(object, change('storage.objects.update', true))
  app.delete(
    object,
    operation(
      'storage.objects.delete',
      (context) => {
        objects.delete(selector(context), readPreconditions(query(context)))
        return new Response(null, { status: 204 })
      },
      { needs: needs.delete },
    ),
  )

  const target = `${object}/:verb{copyTo|rewriteTo}/b/:targetBucket/o/:targetObject`
  app.post(target, (context, next) => {
    const isRewrite = context.req.param('verb') === 'rewriteTo'
    return operation(
      isRewrite ? 'storage.objects.rewrite' : 'storage.objects.copy',
      async (_, principal) => {
        const { bucket, name } = copyTarget(context)
        checkOverwrite(principal, access, store, { bucket, name })
        const row = await copy(context, objects)
        const copied = objectResource(row, originOf(context))
        if (!isRewrite) return Response.json(copied)
        const size = String(row.size)
        return Response.json({
          kind: 'storage#rewriteResponse',
          totalBytesRewritten: size,
          objectSize: size,
          done: true,
          resource: copied,
        })
      },
      { needs: needs.copy },
    )(context, next) as Promise<Response>
  })
}

type Query = (name: string) => string | undefined

function query(context: Context): Query {
  return (name) => context.req.query(name)
}

function selector(context: Context, generationParameter = 'generation'): Selector {
  return {
    bucket: context.req.param('bucket') ?? '',
    name: context.req.param('object') ?? '',
    generation: readGeneration(query(context), generationParameter),
  }
}

function list(context: Context, buckets: Buckets, store: MetadataStore): Response {
  const bucket = buckets.get(context.req.param('bucket') ?? '').name
  const parameter = query(context)
  const { rows, prefixes, nextPageToken } = objectPage(store, bucket, {
    prefix: parameter('prefix') ?? '',
    delimiter: parameter('delimiter') ?? '',
    startOffset: parameter('startOffset') ?? '',
    endOffset: parameter('endOffset') ?? '',
    includesTrailingDelimiter: parameter('includeTrailingDelimiter') === 'true',
    pageToken: parameter('pageToken') ?? '',
    limit: readLimit(parameter('maxResults')),
  })
  return Response.json({
    kind: 'storage#objects',
    ...(rows.length > 0 ? { items: rows.map((row) => objectResource(row, originOf(context))) } : {}),
    ...(prefixes.length > 0 ? { prefixes } : {}),
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
  })
}

function copyTarget(context: Context): { bucket: string; name: string } {
  return { bucket: context.req.param('targetBucket') ?? '', name: context.req.param('targetObject') ?? '' }
}

async function copy(context: Context, objects: Objects): Promise<ObjectRow> {
  refuseUnsupported(context)
  const body = await jsonBody(context)
  return objects.copy(
    selector(context, 'sourceGeneration'),
    readPreconditions(query(context), 'Source'),
    {
      ...copyTarget(context),
      fields: newObjectFields(body),
      conditions: readPreconditions(query(context)),
    },
    // With a body, the copy has the body's metadata and none of the source's.
    Object.keys(body).length > 0,
  )
}

/** Downloads return the caller's errors as plain text. */
function plainErrors(isMedia: boolean, work: () => Response): Response {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof GoogleError)) throw error
    if (!isMedia || error.http < 400 || error.http >= 500) throw error
    return new Response(error.message, {
      status: error.http,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
    })
  }
}
