import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { z } from 'zod'
import { redacted } from '../contracts/redaction.ts'
import { CloudError } from '../google/transport/errors.ts'
import { foreignHost, isFromFrontDoor, type Callers } from './callers.ts'
import { traceName, type Logger } from './log.ts'
import { RunGone } from './run-specs.ts'
import { SpecRefused } from './spec-rules.ts'

/** Ten times the largest body that a task or a shard message can have. */
const MAX_BODY_BYTES = 1024 * 1024

/** A body that is not what the door takes, and never will be. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/** A body that does not say that it is JSON. A web page may send such a one to any address, without asking (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). */
class NotJson extends Error {
  override readonly name = 'NotJson'
}

export interface HttpServiceOptions {
  log: Logger
  projectId: string
  /** Undefined where the host has checked who calls, as Cloud Run does. */
  callers?: Callers | undefined
}

/**
 * What both services share: GET /healthz for probes and /health for callers, who may call, the limit
 * on bodies, and errors as `{"error": {"code", "message"}}`: 400 for a malformed body, 401 and 403 for
 * callers that may not, 404 where there is nothing, 415 for a body that is not called JSON, 503 when Google asks to come again, 500 for the
 * rest. What is neither the caller's fault nor Google's is logged with its stack.
 */
export function httpService({ log, projectId, callers = {} }: HttpServiceOptions): Hono {
  const app = new Hono()
  const { checkToken, hosts } = callers
  if (hosts) {
    app.use((context, next) => {
      const reason = foreignHost(context, callers)
      return reason === undefined ? next() : Promise.resolve(refuse(context, 403, 'PERMISSION_DENIED', reason))
    })
  }
  app.get('/healthz', (context) => context.json({ status: 'ok' }))
  if (checkToken) {
    app.use(async (context, next) => {
      if (isFromFrontDoor(context, callers)) return next()
      const verdict = await checkToken(context.req.header('authorization'))
      if (!('refused' in verdict)) return next()
      const { refused, reason } = verdict
      log.warning(`refused a caller of ${context.req.path}: ${reason}`, { trace: requestTrace(context, projectId) })
      return refused === 401
        ? refuse(context, 401, 'UNAUTHENTICATED', reason, { 'www-authenticate': 'Bearer error="invalid_token"' })
        : refuse(context, 403, 'PERMISSION_DENIED', reason)
    })
  }
  const limitUnstated = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge })
  app.use((context, next) => {
    const stated = context.req.header('content-length')
    // The middleware for bodies of unstated length makes a web stream of every body, which costs as
    // much as all the rest of answering a request.
    if (stated === undefined || context.req.header('transfer-encoding') !== undefined)
      return limitUnstated(context, next)
    return Number(stated) > MAX_BODY_BYTES ? Promise.resolve(tooLarge(context)) : next()
  })
  // For callers from outside: Cloud Run keeps paths that end in z to itself, and /healthz answers
  // its probes only (https://cloud.google.com/run/docs/known-issues#ah).
  app.get('/health', (context) => context.json({ status: 'ok' }))
  app.notFound((context) => refuse(context, 404, 'NOT_FOUND', `no ${context.req.method} ${context.req.path} here`))
  app.onError((error, context) => {
    const where = { trace: requestTrace(context, projectId), path: context.req.path }
    if (error instanceof BadRequest) {
      log.error(`refused ${context.req.path}: ${error.message}`, where)
      return refuse(context, 400, 'BAD_REQUEST', error.message)
    }
    if (error instanceof NotJson) return refuse(context, 415, 'UNSUPPORTED_MEDIA_TYPE', error.message)
    if (error instanceof SpecRefused) {
      log.error(`refused ${context.req.path}: ${error.message}`, where)
      return refuse(context, 403, 'RUN_REFUSED', error.message)
    }
    if (error instanceof RunGone) return refuse(context, 404, 'RUN_NOT_FOUND', error.message)
    log.error(`${context.req.path} failed: ${error.message}`, { ...where, error })
    if (error instanceof CloudError) return refuse(context, error.retryable ? 503 : 500, error.status, error.message)
    return refuse(context, 500, 'INTERNAL', error.message)
  })
  return app
}

function tooLarge(context: Context): Response {
  return refuse(context, 413, 'BODY_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`)
}

export function refuse(
  context: Context,
  http: 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return context.json({ error: { code, message: redacted(message) } }, http, headers)
}

/**
 * The request's JSON body, checked.
 *
 * @throws NotJson unless the content type is JSON; BadRequest that names every fault
 */
export async function readBody<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.output<Schema>> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new NotJson(`the content type must be application/json, not "${type}"`)
  const text = await context.req.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new BadRequest('the body is not JSON', { cause: error })
  }
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new BadRequest(describeFaults(parsed.error))
  return parsed.data
}

/** Every fault that zod found, on one line. */
export function describeFaults(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ')
}

export function requestTrace(context: Context, projectId: string): string | undefined {
  return traceName(projectId, (name) => context.req.header(name))
}
