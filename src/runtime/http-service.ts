import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type * as z from 'zod'
import { redacted } from '../contracts/redaction.ts'
import { CloudError } from '../google/transport/errors.ts'
import { foreignHost, isFromFrontDoor, type Callers } from './callers.ts'
import { traceName, type Logger } from './log.ts'
import { RunNotFound } from './run-specs.ts'
import { RunStopped } from './run-stops.ts'
import { SpecError } from './spec-rules.ts'

/** Ten times the largest body of a task or a shard message. */
const MAX_BODY_BYTES = 1024 * 1024

/** A body that the route can never accept. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/**
 * A body without a JSON content type. A web page can send one to any address without a preflight request
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
 */
class NotJson extends Error {
  override readonly name = 'NotJson'
}

export interface HttpServiceOptions {
  log: Logger
  projectId: string
  /** Undefined when the host has checked the caller, as Cloud Run does. */
  callers?: Callers | undefined
}

/**
 * Shared by both services: GET /healthz for probes and /health for callers, the check of callers, the body limit, and
 * errors as `{"error": {"code", "message"}}`: 400 for a malformed body, 401 and 403 for a caller without access, 404
 * for an unknown route, 415 for a body without a JSON content type, 503 when Google asks to retry, 500 for the rest.
 * Errors that neither the caller nor Google caused are logged with their stack.
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
      log.warning(`refused a call to ${context.req.path}: ${reason}`, { trace: requestTrace(context, projectId) })
      return refused === 401
        ? refuse(context, 401, 'UNAUTHENTICATED', reason, { 'www-authenticate': 'Bearer error="invalid_token"' })
        : refuse(context, 403, 'PERMISSION_DENIED', reason)
    })
  }
  const limitUnstated = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge })
  app.use((context, next) => {
    const stated = context.req.header('content-length')
    // The middleware for bodies without a stated length turns every body into a web stream, which costs
    // as much as the rest of the request.
    if (stated === undefined || context.req.header('transfer-encoding') !== undefined)
      return limitUnstated(context, next)
    return Number(stated) > MAX_BODY_BYTES ? Promise.resolve(tooLarge(context)) : next()
  })
  // For outside callers: Cloud Run reserves paths that end in z, so /healthz answers only its probes
  // (https://cloud.google.com/run/docs/known-issues#ah).
  app.get('/health', (context) => context.json({ status: 'ok' }))
  app.notFound((context) =>
    refuse(context, 404, 'NOT_FOUND', `unknown route: ${context.req.method} ${context.req.path}`),
  )
  app.onError((error, context) => {
    const where = { trace: requestTrace(context, projectId), path: context.req.path }
    if (error instanceof BadRequest) {
      log.error(`refused ${context.req.path}: ${error.message}`, where)
      return refuse(context, 400, 'BAD_REQUEST', error.message)
    }
    if (error instanceof NotJson) return refuse(context, 415, 'UNSUPPORTED_MEDIA_TYPE', error.message)
    if (error instanceof SpecError) {
      log.error(`refused ${context.req.path}: ${error.message}`, where)
      return refuse(context, 403, 'RUN_REFUSED', error.message)
    }
    if (error instanceof RunNotFound) return refuse(context, 404, 'RUN_NOT_FOUND', error.message)
    if (error instanceof RunStopped) return refuse(context, 409, 'RUN_STOPPED', error.message)
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
  http: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return context.json({ error: { code, message: redacted(message) } }, http, headers)
}

/**
 * Returns the validated JSON body of a request.
 *
 * @throws NotJson unless the content type is JSON; BadRequest with every fault
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

/** Returns every fault that zod found, on one line. */
export function describeFaults(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ')
}

export function requestTrace(context: Context, projectId: string): string | undefined {
  return traceName(projectId, (name) => context.req.header(name))
}
