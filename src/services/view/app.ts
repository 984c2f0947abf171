import { Hono, type Context } from 'hono'
import { API_PATH } from '@imagery/viewer/contract/http'
import { ImageryError } from '../../contracts/errors.ts'
import { guard, OPEN_PATH, openSession, securityHeaders, type Access } from './access.ts'
import { errorAnswer } from './error-answer.ts'
import { viewApi, type Viewed } from './api.ts'
import { ImageFailure } from './images.ts'
import { InvalidRequest } from './invalid-request.ts'
import { staticFile } from './static-files.ts'

export interface AppOptions {
  access: () => Access
  viewed: Viewed
  /** The folder of the app's files. */
  folder: string
  /** Ends open streams. */
  signal: AbortSignal
  now: () => number
}

/** The HTTP server of `imagery view` as a function of requests. */
export function viewApp({ access, viewed, folder, signal, now }: AppOptions): Hono {
  const app = new Hono()
  app.use(securityHeaders())
  app.use((context, next) => guard(access())(context, next))
  app.get(OPEN_PATH, (context) => openSession(context, access(), now()))
  app.route(API_PATH, viewApi({ viewed, signal }))
  app.get('*', (context) => appFile(context, folder))
  app.notFound((context) => errorAnswer(context, { status: 404, code: 'NOT_FOUND', message: 'There is no such page' }))
  app.onError((error, context) => failure(context, error))
  return app
}

async function appFile(context: Context, folder: string): Promise<Response> {
  const file = await staticFile(folder, context.req.path)
  if (file) {
    const cache = file.isHashed ? 'private, max-age=31536000, immutable' : 'no-cache'
    return context.body(file.bytes, 200, { 'content-type': file.type, 'cache-control': cache })
  }
  if (context.req.path !== '/')
    return errorAnswer(context, { status: 404, code: 'NOT_FOUND', message: 'There is no such page' })
  const message = `The files of the app are missing: there is no ${folder}/index.html. Build them with: npm run build -w @imagery/viewer`
  return errorAnswer(context, { status: 500, code: 'FILE_NOT_FOUND', message })
}

function failure(context: Context, error: unknown): Response {
  if (error instanceof InvalidRequest)
    return errorAnswer(context, { status: 400, code: 'INVALID_FILTER', message: error.message })
  if (error instanceof ImageFailure) {
    const { status, message, suggestions } = error
    return errorAnswer(context, { status, code: 'IMAGE_UNREADABLE', message, suggestions })
  }
  if (error instanceof ImageryError) {
    const { code, message, suggestions } = error
    return errorAnswer(context, { status: 502, code, message, suggestions })
  }
  const message = error instanceof Error ? error.message : String(error)
  return errorAnswer(context, { status: 500, code: 'BUG', message: `A bug in imagery: ${message}` })
}
