import type { Context, Hono } from 'hono'
import type { Access } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { readUploadRange } from './content-range.ts'
import { readBoundary, readMultipart } from './multipart.ts'
import type { MetadataStore } from './metadata-store.ts'
import { newObjectFields } from './object-fields.ts'
import type { NewObject, Objects } from './objects.ts'
import { checkOverwrite, type StorageNeeds } from './permissions.ts'
import { readPreconditions } from './preconditions.ts'
import { bodyChunks, jsonBody, originOf, readHashHeader, refuseUnsupported } from './requests.ts'
import { objectResource } from './resource-wire.ts'
import type { UploadProgress, Uploads } from './uploads.ts'

export interface UploadServices {
  objects: Objects
  uploads: Uploads
  store: Pick<MetadataStore, 'object'>
  access: Access
  needs: StorageNeeds['objects']
}

/** Checks that the caller can use the object's name. */
type Check = (object: NewObject) => NewObject

/** "The session URI acts as an authentication token" (https://cloud.google.com/storage/docs/resumable-uploads#session-uris). */
const SESSION_URL = { isUrlCredential: true, needs: NOTHING }

/** Adds https://cloud.google.com/storage/docs/json_api/v1/objects/insert in its three forms under `base`. */
export function addUploadRoutes(app: Hono, base: string, services: UploadServices, operation: Operation): void {
  const { objects, uploads, needs } = services
  const path = `${base}/b/:bucket/o`
  const answer = (context: Context, progress: UploadProgress): Response => {
    if ('object' in progress) return Response.json(objectResource(progress.object, originOf(context)))
    const { received } = progress
    return new Response(null, {
      status: 308,
      headers: received > 0 ? { range: `bytes=0-${received - 1}` } : {},
    })
  }

  app.post(
    path,
    operation(
      'storage.objects.insert',
      async (context, principal) => {
        refuseUnsupported(context)
        const check = (object: NewObject): NewObject => {
          checkOverwrite(principal, services.access, services.store, object)
          return object
        }
        const type = context.req.query('uploadType') ?? context.req.header('x-goog-upload-protocol')
        switch (type) {
          case 'media':
            return answer(context, { object: await insertMedia(context, objects, check) })
          case 'multipart':
            return answer(context, { object: await insertMultipart(context, objects, check) })
          case 'resumable':
            return beginResumable(context, base, uploads, check)
          default:
            throw new GoogleError('INVALID_ARGUMENT', `Upload type ${type ?? '(none)'} is not supported`, {
              reason: 'badRequest',
            })
        }
      },
      { needs: needs.insert },
    ),
  )
  app.put(
    path,
    operation(
      'storage.objects.insert',
      async (context) => {
        const range = readUploadRange(context.req.header('content-range'))
        const expected = readHashHeader(context.req.header('x-goog-hash'))
        return answer(context, await uploads.receive(uploadId(context), range, expected, await bodyChunks(context)))
      },
      SESSION_URL,
    ),
  )
  app.delete(
    path,
    operation(
      'storage.objects.cancelUpload',
      (context) => {
        uploads.cancel(uploadId(context))
        // https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
        return new Response(null, { status: 499 })
      },
      SESSION_URL,
    ),
  )
}

async function insertMedia(context: Context, objects: Objects, check: Check) {
  const contentType = context.req.header('content-type')
  const contentEncoding = context.req.query('contentEncoding')
  const metadata = {
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  }
  return objects.insert(check(newObject(context, metadata)), await bodyChunks(context))
}

async function insertMultipart(context: Context, objects: Objects, check: Check) {
  const boundary = readBoundary(context.req.header('content-type'))
  const { metadata, contentType, media } = await readMultipart(await bodyChunks(context), boundary)
  return objects.insert(
    check(newObject(context, { ...(contentType === undefined ? {} : { contentType }), ...metadata })),
    media,
  )
}

async function beginResumable(context: Context, base: string, uploads: Uploads, check: Check): Promise<Response> {
  const contentType = context.req.header('x-upload-content-type')
  const object = check(
    newObject(context, {
      ...(contentType === undefined ? {} : { contentType }),
      ...(await jsonBody(context)),
    }),
  )
  const id = uploads.begin(object)
  const bucket = encodeURIComponent(object.bucket)
  const parameters = new URLSearchParams({
    uploadType: 'resumable',
    name: object.name,
    upload_id: id,
  })
  return new Response(null, {
    status: 200,
    headers: {
      location: `${originOf(context)}${base}/b/${bucket}/o?${parameters.toString()}`,
      'x-guploader-uploadid': id,
    },
  })
}

function newObject(context: Context, metadata: Record<string, unknown>): NewObject {
  const expected = readHashHeader(context.req.header('x-goog-hash'))
  if (typeof metadata['md5Hash'] === 'string') expected.md5 = metadata['md5Hash']
  if (typeof metadata['crc32c'] === 'string') expected.crc32c = metadata['crc32c']
  const name = context.req.query('name') ?? metadata['name']
  return {
    bucket: context.req.param('bucket') ?? '',
    name: typeof name === 'string' ? name : '',
    fields: newObjectFields(metadata),
    conditions: readPreconditions((parameter) => context.req.query(parameter)),
    expected,
  }
}

function uploadId(context: Context): string {
  const id = context.req.query('upload_id')
  if (!id)
    throw new GoogleError('INVALID_ARGUMENT', 'Required parameter: upload_id', {
      reason: 'required',
    })
  return id
}
