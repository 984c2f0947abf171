import { Hono, type Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Comparison } from '@imagery/viewer/contract/comparison'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { ReviewPlan } from '@imagery/viewer/contract/review'
import type { ExportFormat, ImageSize, ResultsSource } from '@imagery/viewer/contract/source'
import type * as z from 'zod'
import { errorAnswer } from './error-answer.ts'
import type { ShownImage } from './images.ts'
import { InvalidRequest } from './invalid-request.ts'
import { drawAsked, exportAsked, imageAsked, markAsked, pageAsked, pointsAsked, summaryAsked } from './requests.ts'

type Shared =
  | 'run'
  | 'summary'
  | 'page'
  | 'points'
  | 'onChange'
  | 'marks'
  | 'saveMark'
  | 'clearMark'
  | 'reviewProgress'
  | 'drawReview'

/** What the server answers from. */
export interface Viewed extends Pick<ResultsSource, Shared> {
  /** Returns undefined for a unit that the run does not have. */
  unit(unitId: string): Promise<Awaited<ReturnType<ResultsSource['unit']>> | undefined>
  /** Returns an image of a unit, or undefined if the run has no such unit or image. @throws ImageFailure */
  image(unitId: string, index: number, size: ImageSize): Promise<ShownImage | undefined>
  /** Yields the pieces of a file. @throws InvalidRequest at once, for a column that is not there */
  exportRows(format: ExportFormat, filter: Filter, columns: readonly string[]): AsyncGenerator<string>
  exportMarks(format: ExportFormat): Promise<string>
  /** Returns undefined without a second run. */
  comparison(): Promise<Comparison | undefined>
}

export interface ApiOptions {
  viewed: Viewed
  /** Ends open streams. */
  signal: AbortSignal
}

/** The requests of the app (`packages/viewer/src/contract/http.ts`). */
export function viewApi({ viewed, signal }: ApiOptions): Hono {
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
    return unit ? context.json(unit) : notThere(context, `asset ${id}`)
  })
  api.get('image', async (context) => {
    const { unit, index, size } = parsed(imageAsked, context.req.query())
    const image = await viewed.image(unit, index, size)
    if (!image) return notThere(context, `image ${index} of asset ${unit}`)
    return context.body(new Uint8Array(image.bytes), 200, {
      'content-type': image.type,
      // The browser of this user may keep it for as long as a review takes.
      'cache-control': 'private, max-age=3600',
    })
  })
  reviewRequests(api, viewed)
  api.get('export', (context) => {
    const { format, filter, columns } = parsed(exportAsked, {
      ...context.req.query(),
      filter: jsonOf(context.req.query('filter') ?? '[]'),
      columns: jsonOf(context.req.query('columns') ?? '[]'),
    })
    return download(context, format, 'results', viewed.exportRows(format, filter as Filter, columns))
  })
  api.get('compare', async (context) => {
    // Null, and not an error, so that the console of the browser stays empty.
    return context.json((await viewed.comparison()) ?? null)
  })
  api.get('events', (context) => changes(context, viewed, signal))
  return api
}

function reviewRequests(api: Hono, viewed: Viewed): void {
  api.get('marks', async (context) => context.json(await viewed.marks()))
  api.put('marks', async (context) => context.json(await viewed.saveMark(await bodyOf(context, markAsked))))
  api.delete('marks', async (context) => context.json(await viewed.clearMark(context.req.query('id') ?? '')))
  api.get('marks/export', async (context) => {
    const format = context.req.query('format') === 'jsonl' ? 'jsonl' : 'csv'
    const text = await viewed.exportMarks(format)
    return download(context, format, 'reviews', [text])
  })
  api.get('review', async (context) => context.json(await viewed.reviewProgress()))
  api.post('review', async (context) => {
    const plan: ReviewPlan = await bodyOf(context, drawAsked)
    return context.json({ units: await viewed.drawReview(plan) })
  })
}

const FILE_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson; charset=utf-8',
}

/** Sends a file to be saved, never shown. */
function download(
  context: Context,
  format: ExportFormat,
  name: string,
  pieces: AsyncIterable<string> | Iterable<string>,
): Response {
  const stream = ReadableStream.from(pieces).pipeThrough(new TextEncoderStream())
  return context.body(stream, 200, {
    'content-type': FILE_TYPES[format],
    'content-disposition': `attachment; filename="${name}.${format}"`,
  })
}

/** Comments keep a stream's connection open, and show that the browser has gone. */
const KEEP_ALIVE_MS = 30_000

function changes(context: Context, viewed: Viewed, signal: AbortSignal): Response {
  return streamSSE(context, async (stream) => {
    const ended = Promise.withResolvers<void>()
    const end = (): void => ended.resolve()
    stream.onAbort(end)
    signal.addEventListener('abort', end, { once: true })
    const unsubscribe = viewed.onChange(() => void stream.writeSSE({ event: 'changed', data: '' }))
    const alive = setInterval(() => void stream.write(': \n\n'), KEEP_ALIVE_MS)
    try {
      // The headers are sent with the first bytes.
      await stream.write(': \n\n')
      if (!signal.aborted) await ended.promise
    } finally {
      clearInterval(alive)
      unsubscribe()
      signal.removeEventListener('abort', end)
    }
  })
}

/** A request is no longer than this. */
const MOST_BODY_BYTES = 1024 * 1024

/** @throws InvalidRequest */
async function bodyOf<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.infer<Schema>> {
  if (Number(context.req.header('content-length') ?? 0) > MOST_BODY_BYTES)
    throw new InvalidRequest('the request is longer than 1 MiB')
  const text = await context.req.text()
  if (text.length > MOST_BODY_BYTES) throw new InvalidRequest('the request is longer than 1 MiB')
  return parsed(schema, jsonOf(text))
}

/** @throws InvalidRequest */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidRequest('the request is not JSON')
  }
}

/** @throws InvalidRequest */
function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const found = schema.safeParse(value)
  if (found.success) return found.data
  const [issue] = found.error.issues
  throw new InvalidRequest(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`)
}

function notThere(context: Context, what: string): Response {
  const message = `This run has no ${what.slice(0, 200)}`
  return errorAnswer(context, { status: 404, code: 'ASSET_NOT_FOUND', message })
}
