import type { Hono } from 'hono'
import { notEmulated } from '../../kernel/errors.ts'
import type { BigQueryOperation } from './permissions.ts'
import type { Jobs } from './jobs.ts'
import { jobResource } from './resource-wire.ts'
import { parseBody, splitMultipart, type Uploads } from './uploads.ts'
import { segment } from './requests.ts'

const UPLOADS = ['/upload/bigquery/v2/projects/:project/jobs', '/resumable/upload/bigquery/v2/projects/:project/jobs']

/** Load jobs whose file comes with the request: https://cloud.google.com/bigquery/docs/reference/api-uploads */
export function uploadRoutes(app: Hono, operation: BigQueryOperation, jobs: Jobs, uploads: Uploads): void {
  for (const path of UPLOADS) {
    app.post(
      path,
      operation('bigquery.jobs.insert', async (context, principal) => {
        const type = context.req.query('uploadType')
        const raw = Buffer.from(await context.req.arrayBuffer())
        if (type === 'resumable') {
          const id = uploads.begin(parseBody(raw.toString('utf8')))
          const location = new URL(context.req.url)
          location.searchParams.set('upload_id', id)
          return context.body(null, 200, { location: location.href, 'x-guploader-uploadid': id })
        }
        if (type !== 'multipart') throw notEmulated(`uploadType ${String(type)}`)
        const { body, content } = splitMultipart(context.req.header('content-type') ?? '', raw)
        const upload = await uploads.stage(content)
        return context.json(
          jobResource(
            await jobs.insert({ project: segment(context, 'project'), email: principal.email, body, upload }),
          ),
        )
      }),
    )
    app.put(
      path,
      operation('bigquery.jobs.insert', async (context, principal) => {
        const raw = Buffer.from(await context.req.arrayBuffer())
        const received = uploads.receive(context.req.query('upload_id') ?? '', raw, context.req.header('content-range'))
        if ('received' in received) {
          const range = received.received > 0 ? { range: `bytes=0-${received.received - 1}` } : {}
          return new Response(null, { status: 308, headers: range })
        }
        const upload = await uploads.stage(received.content)
        return context.json(
          jobResource(
            await jobs.insert({
              project: segment(context, 'project'),
              email: principal.email,
              body: received.body,
              upload,
            }),
          ),
        )
      }),
    )
  }
}
