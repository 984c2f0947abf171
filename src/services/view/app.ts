import { Hono, type Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { z } from 'zod'
import { API_PATH } from '@imagery/viewer/contract/http'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { ResultsSource } from '@imagery/viewer/contract/source'
import { ImageryError } from '../../contracts/errors.ts'
import { guard, OPEN_PATH, openSession, securityHeaders, type Access } from './access.ts'
import { errorAnswer } from './error-answer.ts'
import { InvalidRequest } from './invalid-request.ts'
import { pageAsked, pointsAsked, summaryAsked } from './requests.ts'
import { staticFile } from './static-files.ts'

/** What the server answers from. */
export interface Viewed extends Pick<ResultsSource, 'run' | 'summary' | 'page' | 'points' | 'onChange'> {
  /** Returns undefined for a unit that the run does not have. */
  unit(unitId: string): Promise<Awaited<ReturnType<ResultsSource['unit']>> | undefined>
}

export interface AppOptions {
  access: () => Access
  viewed: Viewed
  /** The folder of the app's files. */
  folder: string
  /** Ends open streams. */
  signal: AbortSignal
  now: () => number
}

/** Comments keep a stream's connection open, and show that the browser has gone. */
const KEEP_ALIVE_MS = 30_000

/** The HTTP server of `imagery view` as a function of requests. */
export function viewApp({ access, viewed, folder, signal, now }: AppOptions): Hono {
  const app = new Hono()
  app.use(securityHeaders())
  app.use((context, next) => guard(access())(context, next))
  app.get(OPEN_PATH, (context) => openSession(context, access(), now()))
  const api = new Hono()
  api.get('run', async (context) => context.json(await viewed.run()))
  api.post('summary', async (context) => {
    const { filter } = await bodyOf(context, summaryAsked)
    return context.json(await viewed.summary(filter as Filter))
  })
  api.post('page', async (context) => {
    const request = await bodyOf(context, pageAsked)
    return context.json(await viewed.page({ ...request, filter: request.filter as Filter }))
  })
  api.post('points', async (context) => {
    const { filter, color } = await bodyOf(context, pointsAsked)
    return context.json(await viewed.points(filter as Filter, color))
  })
  api.get('unit', async (context) => {
    const id = context.req.query('id') ?? ''
    const unit = await viewed.unit(id)
    return unit ? context.json(unit) : unitNotFound(context, id)
  })
  api.get('events', (context) =>
    streamSSE(context, async (stream) => {
      const ended = Promise.withResolvers<void>()
      stream.onAbort(() => ended.resolve())
      const end = (): void => ended.resolve()
      signal.addEventListener('abort', end, { once: true })
      const unsubscribe = viewed.onChange(() => void stream.writeSSE({ event: 'changed', data: '' }))
      const alive = setInterval(() => void stream.write(': \n\n'), KEEP_ALIVE_MS)
      try {
        if (!signal.aborted) await ended.promise
      } finally {
        clearInterval(alive)
        unsubscribe()
        signal.removeEventListener('abort', end)
      }
    }),
  )
  app.route(API_PATH, api)
  app.get('*', (context) => appFile(context, folder))
  app.notFound((context) => errorAnswer(context, { status: 404, code: 'NOT_FOUND', message: 'There is no such page' }))
  app.onError((error, context) => failure(context, error))
  return app
}

/** A request is no longer than this. */
const MOST_BODY_BYTES = 1024 * 1024

/** @throws InvalidRequest */
export async function bodyOf<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.infer<Schema>> {
  const text = await context.req.text()
  if (text.length > MOST_BODY_BYTES) throw new InvalidRequest('the request is longer than 1 MiB')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidRequest('the request is not JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new InvalidRequest(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`)
}

export function unitNotFound(context: Context, id: string): Response {
  const message = `This run has no asset ${id.slice(0, 200)}`
  return errorAnswer(context, { status: 404, code: 'ASSET_NOT_FOUND', message })
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
  if (error instanceof ImageryError) {
    const { code, message, suggestions } = error
    return errorAnswer(context, { status: 502, code, message, suggestions })
  }
  const message = error instanceof Error ? error.message : String(error)
  return errorAnswer(context, { status: 500, code: 'BUG', message: `A bug in imagery: ${message}` })
}
