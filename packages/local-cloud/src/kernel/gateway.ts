import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context, Handler } from 'hono'
import type { Access, Demand, Principal } from './api.ts'
import { systemClock, type Clock } from './clock.ts'
import { errorBody, GoogleError } from './errors.ts'
import type { FaultEffect, Faults } from './faults.ts'
import { methodMatcher } from './method-glob.ts'
import { unexpectedError } from './unexpected-error.ts'

export interface GatewayCall {
  /** `bigquery.tables.insert`, `google.cloud.tasks.v2.CloudTasks/CreateTask`: the name in fault rules and logs. */
  method: string
  /** The request's Authorization header. */
  authorization: string | undefined
  /** The project that the caller wants the call to count against: the header `x-goog-user-project`. */
  quotaProject?: string | undefined
  /** The request's URL is the credential: a resumable upload session. */
  isUrlCredential?: boolean
  /** The call requests a token, so it has none; the handler checks its body. */
  isTokenRequest?: boolean
  /** The path of an HTTP request, for the call log. */
  path?: string
  /** The permissions that the caller needs. */
  needs(): readonly Demand[]
}

/**
 * The single entry of every emulated API, for all transports: checks the access token, applies scripted
 * faults, counts the call. Rejects with GoogleError when the call is refused.
 */
export type Gateway = <Result>(
  call: GatewayCall,
  handler: (principal: Principal) => Promise<Result> | Result,
) => Promise<Result>

/** Returns a hono handler for one API method, with the gateway's checks and errors in Google's JSON format. */
export type Operation = (
  method: string,
  handler: (context: Context, principal: Principal) => Promise<Response> | Response,
  options: Pick<GatewayCall, 'isUrlCredential' | 'isTokenRequest'> & { needs: (context: Context) => readonly Demand[] },
) => Handler

/** A scripted fault broke the call's connection. HTTP sockets are closed; gRPC calls end with UNAVAILABLE. */
export class ConnectionDropped extends GoogleError {
  constructor(method: string) {
    super('UNAVAILABLE', `connection dropped during ${method} (scripted fault)`)
  }
}

/** One line of the call log. */
export interface CallRecord {
  method: string
  /** The path of an HTTP request. */
  path?: string
  /** Undefined when the token was refused. */
  email: string | undefined
  /** `OK` or the error's status. */
  status: string
  durationMs: number
}

export interface GatewayOptions {
  /** Returns the owner of a token; throws GoogleError UNAUTHENTICATED. */
  authenticate: (authorization: string | undefined) => Principal
  /** Without it, every valid token has all permissions: for tests of a single API. */
  access?: Pick<Access, 'check'>
  faults: Faults
  clock?: Clock
  /** Delay before each call, as if the caller were in another region; for benchmarks. */
  addedLatencyMs?: number
  log?: (record: CallRecord) => void
}

/** @param quotaProject the project that the caller names; undefined for the resource's own */
type ProjectCheck = (method: string, principal: Principal, quotaProject: string | undefined) => void

export interface GatewayControl {
  gateway: Gateway
  /** Calls per method since the start, including refused ones. */
  counts: () => Record<string, number>
  /** Adds a check for each later call, which throws GoogleError if the project that it counts against does not accept it. */
  require(check: ProjectCheck): void
  /** From now on, methods that match the pattern return UNAVAILABLE, because their API is stopping. */
  refuse(pattern: string): void
}

/** https://cloud.google.com/docs/quotas/set-quota-project#set-project-rest */
export const QUOTA_PROJECT_HEADER = 'x-goog-user-project'

/** Anyone with the URL of an upload session can write to it. */
const URL_BEARER: Principal = { email: 'bearer-of-the-url' }

const TOKEN_REQUESTER: Principal = { email: 'asks-for-a-token' }

export function createGateway(options: GatewayOptions): GatewayControl {
  const { authenticate, access, faults, clock = systemClock, addedLatencyMs = 0, log } = options
  const counts = new Map<string, number>()
  const refused: ((method: string) => boolean)[] = []
  const required: ProjectCheck[] = []

  const admit = (call: GatewayCall): Principal => {
    counts.set(call.method, (counts.get(call.method) ?? 0) + 1)
    if (refused.some((matches) => matches(call.method))) {
      throw new GoogleError('UNAVAILABLE', 'the local cloud is shutting down')
    }
    if (call.isUrlCredential) return URL_BEARER
    const principal = call.isTokenRequest ? TOKEN_REQUESTER : authenticate(call.authorization)
    // Before permissions, as on Google: a disabled API does not reveal permissions.
    for (const check of required) check(call.method, principal, call.quotaProject)
    if (!call.isTokenRequest) access?.check(principal, call.needs())
    return principal
  }

  const pass: Gateway = async (call, handler) => {
    const principal = admit(call)
    if (addedLatencyMs > 0) await wait(clock, addedLatencyMs)
    const effects = faults.take(call.method)
    if (effects.length === 0) return handler(principal)
    return applyFaults(call.method, effects, clock, async () => handler(principal))
  }

  const passLogged: Gateway = async (call, handler) => {
    const startedMs = clock.now()
    let email: string | undefined
    let status = 'OK'
    try {
      return await pass(call, (principal) => {
        email = principal.email
        return handler(principal)
      })
    } catch (error) {
      status = error instanceof GoogleError ? error.status : 'INTERNAL'
      throw error
    } finally {
      const path = call.path === undefined ? {} : { path: call.path }
      log?.({ method: call.method, ...path, email, status, durationMs: clock.now() - startedMs })
    }
  }

  return {
    gateway: log ? passLogged : pass,
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b))),
    require: (check) => required.push(check),
    refuse: (pattern) => refused.push(methodMatcher(pattern)),
  }
}

/** Runs `work` with the effects of fault rules. Rejects with GoogleError if a rule requires it. */
export async function applyFaults<Result>(
  method: string,
  effects: readonly FaultEffect[],
  clock: Clock,
  work: () => Promise<Result>,
): Promise<Result> {
  let isAnswerLost = false
  let isDuplicated = false
  for (const effect of effects) {
    switch (effect.kind) {
      case 'delay':
        await wait(clock, effect.delayMs)
        break
      case 'error':
        throw scriptedError(method, effect)
      case 'drop':
        throw new ConnectionDropped(method)
      case 'lose-answer':
        isAnswerLost = true
        break
      case 'duplicate':
        isDuplicated = true
        break
    }
  }
  const [first] = await Promise.allSettled([work()])
  // The outcome of the copy is dropped, as with a request that the network repeated.
  if (isDuplicated) await Promise.allSettled([work()])
  if (isAnswerLost) throw new ConnectionDropped(method)
  if (first.status === 'rejected') throw first.reason
  return first.value
}

function scriptedError(method: string, effect: Extract<FaultEffect, { kind: 'error' }>): GoogleError {
  const { status, message = `${method} failed (scripted fault)`, reason, retryAfterS } = effect
  const isErrorInfo = reason !== undefined && /^[A-Z_]+$/.test(reason)
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com', metadata: {} }
  return new GoogleError(status, message, {
    ...(isErrorInfo ? { details: [info] } : reason === undefined ? {} : { reason }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  })
}

function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve))
}

/** Binds `Operation` to a gateway; route modules receive the result. `respond` formats errors. */
export function httpOperations(gateway: Gateway, respond = errorResponse): Operation {
  return (method, handler, options) => async (context) => {
    try {
      const { path } = context.req
      const { needs, ...rest } = options
      const call = {
        method,
        path,
        authorization: context.req.header('authorization'),
        quotaProject: context.req.header(QUOTA_PROJECT_HEADER),
        ...rest,
        needs: () => needs(context),
      }
      return await gateway(call, (principal) => handler(context, principal))
    } catch (error) {
      return error instanceof ConnectionDropped ? cutConnection(context) : respond(error)
    }
  }
}

function cutConnection(context: Context): Response {
  // Without a socket (a test that calls the app directly) there is nothing to close; the caller gets a
  // 503.
  const bindings = context.env as Partial<HttpBindings> | undefined
  if (!bindings?.outgoing) return Response.json({}, { status: 503 })
  bindings.outgoing.destroy()
  return RESPONSE_ALREADY_SENT
}

/** Converts any thrown value to Google's JSON error response. Anything but a GoogleError is a bug: 500 INTERNAL. */
export function errorResponse(error: unknown): Response {
  const known = knownError(error)
  // "Not Modified" is a response without a body (https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5).
  if (known.http === 304) return new Response(null, { status: 304 })
  return Response.json(errorBody(known), {
    status: known.http,
    headers: known.retryAfterS === undefined ? {} : { 'retry-after': String(Math.ceil(known.retryAfterS)) },
  })
}

/** The same in AIP-193's format only (https://google.aip.dev/193), for APIs that started as gRPC. */
export function statusResponse(error: unknown): Response {
  const { status, message, http, retryAfterS, details = [] } = knownError(error)
  const options = { http, details, ...(retryAfterS === undefined ? {} : { retryAfterS }) }
  return errorResponse(new GoogleError(status, message, options))
}

/** Any thrown value as an error of an API. */
export function knownError(error: unknown): GoogleError {
  if (error instanceof GoogleError) return error
  console.error(error)
  return unexpectedError(error)
}
