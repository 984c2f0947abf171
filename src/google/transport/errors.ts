import { redacted } from '../../contracts/redaction.ts'
import { statusByReason } from './error-reasons.ts'
import type { GoogleStatus } from './google-status.ts'
import { pause } from './pauses.ts'

export type { GoogleStatus } from './google-status.ts'

const GRPC_STATUS: readonly (GoogleStatus | undefined)[] = [
  undefined,
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

const HTTP_STATUS: Record<number, GoogleStatus> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  // Of the request, not of a quota: a smaller one can succeed.
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Fields of google.rpc.ErrorInfo's metadata (https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto). */
interface ErrorMetadata {
  permission?: string
  service?: string
  consumer?: string
}

/** The body of a failed call to any of Google's JSON APIs (https://google.aip.dev/193#http11json-representation). */
interface ErrorBody {
  error?: {
    message?: string
    status?: string
    errors?: { reason?: string }[]
    details?: { '@type'?: string; reason?: string; metadata?: ErrorMetadata }[]
  }
}

/** Returns the failure in an HTTP response from one of Google's JSON APIs. */
export function httpError(httpStatus: number, body: unknown): CloudError {
  const error = typeof body === 'object' && body !== null ? (body as ErrorBody).error : undefined
  const info = error?.details?.find((detail) => detail['@type'] === 'type.googleapis.com/google.rpc.ErrorInfo')
  // The HTTP status alone cannot tell ABORTED from ALREADY_EXISTS, both 409.
  const named = GRPC_STATUS.find((status) => status !== undefined && status === error?.status)
  const coded = named ?? HTTP_STATUS[httpStatus] ?? (httpStatus >= 500 ? 'INTERNAL' : 'UNKNOWN')
  const message = error?.message ?? bodyText(body) ?? `HTTP ${httpStatus}`
  const reason = info?.reason ?? error?.errors?.[0]?.reason
  return new CloudError(statusByReason(coded, reason, message), message, {
    reason,
    permission: info?.metadata?.permission,
    service: info?.metadata?.service,
    consumer: info?.metadata?.consumer,
  })
}

/** The text of a body in another form, such as a gateway's; undefined if it is empty. */
function bodyText(body: unknown): string | undefined {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return ['', '{}', '[]', 'null', undefined].includes(text) ? undefined : text
}

/** Returns the answer of a call to Google, or undefined if what it asks for does not exist. */
export async function ifFound<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}

/** Returns whether a call to Google succeeded: false if it was refused with one of these statuses. */
export async function succeeds(call: Promise<unknown>, ...refusals: GoogleStatus[]): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof CloudError && refusals.includes(error.status)) return false
    throw error
  }
}

/** Statuses after which the same call can be retried (https://cloud.google.com/apis/design/errors#error_retries). */
const RETRYABLE: ReadonlySet<GoogleStatus> = new Set([
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'ABORTED',
])

/** Any failure of a call to Google, whatever the transport: gRPC code, HTTP code, or no response at all. */
export class CloudError extends Error {
  override readonly name = 'CloudError'
  readonly status: GoogleStatus
  /** The machine-readable reason of the older JSON APIs, e.g. `invalidQuery`, `notFound`. */
  readonly reason: string | undefined
  /** The permission that the caller lacks, e.g. `run.services.create`, if the response names one. */
  readonly permission: string | undefined
  /** The API of the response, e.g. `run.googleapis.com`; with reason SERVICE_DISABLED, the API to enable. */
  readonly service: string | undefined
  /** The project that the call counts against, `projects/NUMBER` or `projects/ID`, if the response names one. */
  readonly consumer: string | undefined
  /** Whether the same call can succeed later. */
  readonly retryable: boolean

  constructor(status: GoogleStatus, message: string, options: CloudErrorOptions = {}) {
    // Proxies and gateways often repeat the refused request in their response.
    super(redacted(message), { cause: options.cause })
    this.status = status
    // The clients of BigQuery and Storage keep the text of this refusal only.
    const disabled = status === 'PERMISSION_DENIED' ? DISABLED.exec(message) : null
    this.reason = disabled ? 'SERVICE_DISABLED' : options.reason
    this.permission = options.permission ?? (status === 'PERMISSION_DENIED' ? permissionIn(message) : undefined)
    this.service = options.service ?? disabled?.[2]
    this.consumer = options.consumer ?? (disabled ? `projects/${disabled[1]}` : undefined)
    this.retryable = RETRYABLE.has(status)
  }
}

interface CloudErrorOptions {
  reason?: string | undefined
  permission?: string | undefined
  service?: string | undefined
  consumer?: string | undefined
  cause?: unknown
}

/** The text for an API that is not enabled in a project (https://cloud.google.com/apis/docs/troubleshooting#api_not_enabled). */
const DISABLED = /has not been used in project (\S+) before or it is disabled.*\/apis\/api\/([a-z0-9.-]+)\//s

/**
 * Returns the permission that a denial names. Most responses have it only in their text: "Permission
 * 'run.services.create' denied on resource …", "… does not have storage.objects.get access …", "… a custom role with the
 * serviceusage.services.use permission …".
 */
function permissionIn(message: string): string | undefined {
  const [, after, before] =
    /(?:permission|have|lacks?):? ['"]?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)\b|\b([a-z]+\.[A-Za-z]+\.[A-Za-z]+) permission\b/i.exec(
      message,
    ) ?? []
  return after ?? before
}

/** A call was not sent, because its token could not be got; `cause` says why. */
export class NoToken extends Error {
  override readonly name = 'NoToken'
  /** Keeps the clients from repeating the call: as far as they know, its caller is unknown. */
  readonly status = 401

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

interface ThrownByClient {
  cause?: unknown
  code?: unknown
  status?: unknown
  message?: string
  /** Set by errors of a file that a client reads. */
  path?: unknown
  details?: unknown
  errors?: { reason?: string; message?: string }[]
  response?: { status?: number; data?: ErrorBody }
  /** Fields that the gRPC clients read from google.rpc.ErrorInfo. */
  reason?: unknown
  errorInfoMetadata?: ErrorMetadata
}

/** Node's error codes for a connection that could not be opened or was lost. */
const CONNECTION_CODES = /^(E(CONN|HOST|NET|PIPE|AI_|TIMEDOUT)|UND_ERR|ERR_STREAM_PREMATURE_CLOSE|ENOTFOUND)/

/** A proxy closed the connection before it answered. Its package gives this error no code (TooTallNate/proxy-agents). */
const CLOSED_BY_PROXY = /Proxy connection ended before receiving CONNECT response/

/**
 * Converts what the official clients throw to one type: gRPC clients put the gRPC code (5) into `code`,
 * BigQuery and Storage the HTTP code (404), gaxios an HTTP status, sockets a Node code.
 */
export function cloudError(thrown: unknown): CloudError {
  if (thrown instanceof CloudError) return thrown
  const { cause, code, status, message, path, details, errors, response, reason, errorInfoMetadata } = (thrown ??
    {}) as ThrownByClient
  if (cause instanceof NoToken) return cloudError(cause.cause)
  // Only a proxy answers with this status (https://www.rfc-editor.org/rfc/rfc9110#status.407).
  if (response?.status === 407) {
    const message = 'the proxy refused the request with HTTP 407: set its user and password in HTTPS_PROXY'
    return new CloudError('UNAVAILABLE', message, { cause: thrown })
  }
  // Google's libraries produce this text when a token endpoint returns the usual API error format.
  if (message?.includes('[object Object]') && response?.data?.error?.message !== undefined)
    return httpError(response.status ?? 0, response.data)
  const text = typeof details === 'string' && details ? details : (errors?.[0]?.message ?? message ?? String(thrown))
  const options = {
    reason: typeof reason === 'string' ? reason : errors?.[0]?.reason,
    permission: errorInfoMetadata?.permission,
    service: errorInfoMetadata?.service,
    consumer: errorInfoMetadata?.consumer,
    cause: thrown,
  }
  const number = [code, status, response?.status].map(Number).find((value) => Number.isInteger(value) && value > 0)
  if (number !== undefined) {
    const known = number < GRPC_STATUS.length ? GRPC_STATUS[number] : HTTP_STATUS[number]
    const coded = known ?? (number >= 500 ? 'INTERNAL' : 'UNKNOWN')
    return new CloudError(statusByReason(coded, options.reason, text), text, options)
  }
  // A file on a network disk can time out too; that is not a service that did not respond.
  if (typeof path === 'string' && typeof code === 'string') return new CloudError('UNKNOWN', text, options)
  if (code === 'TimeoutError') return new CloudError('DEADLINE_EXCEEDED', text, options)
  if ((typeof code === 'string' && CONNECTION_CODES.test(code)) || CLOSED_BY_PROXY.test(text))
    return new CloudError('UNAVAILABLE', text, options)
  if ((thrown as Error | undefined)?.name === 'AbortError') return new CloudError('CANCELLED', text, options)
  return new CloudError('UNKNOWN', text, options)
}

/**
 * Time limit for one call, including the token, the connection and all of the client's own retries. The
 * gRPC clients have their own limits, 10 to 60 s, and retry the methods that their API's configuration
 * marks as safe. The REST clients make four tries but wait forever for each response: their `timeout`
 * option does not reach the `fetch` that they use.
 */
export const CALL_DEADLINE_MS = 120_000

/** Time limit for calls whose duration depends on their input: many pages, a query, a file, a deployment. */
export const LONG_CALL_DEADLINE_MS = 15 * 60_000

/** The local cloud stopped while this process used it. No call gets a response after that, and none is retried. */
export class LocalCloudLost extends CloudError {
  constructor() {
    super('CANCELLED', 'the local cloud stopped while this command used it')
  }
}

let lost: LocalCloudLost | undefined

/** The calls that wait for a response. A set, because each race with one long-lived promise would stay in memory. */
const waiting = new Set<(error: LocalCloudLost) => void>()

/** Ends every call that waits for the local cloud, and every later one. The clients alone would retry for minutes. */
export function markLocalCloudLost(): void {
  lost ??= new LocalCloudLost()
  for (const reject of waiting) reject(lost)
}

/** @throws LocalCloudLost after `markLocalCloudLost` */
export function needCloud(): void {
  if (lost) throw lost
}

/** Awaits a client's call. Rejects only with CloudError, and with DEADLINE_EXCEEDED after `deadlineMs`. */
export async function call<Result>(promise: Promise<Result>, deadlineMs = CALL_DEADLINE_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  let end: (error: LocalCloudLost) => void = () => undefined
  const noAnswer = new Promise<never>((_resolve, reject) => {
    end = reject
    if (lost) reject(lost)
    else waiting.add(end)
    timer = setTimeout(
      () => reject(new CloudError('DEADLINE_EXCEEDED', `no response within ${deadlineMs / 1_000} s`)),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([promise, noAnswer])
  } catch (error) {
    throw lost ?? cloudError(error)
  } finally {
    clearTimeout(timer)
    waiting.delete(end)
  }
}

/**
 * Awaits a call whose resource can be absent (or, with `status`, already exist) and returns `fallback` in that case.
 */
export async function callUnless<Result, Fallback>(
  status: GoogleStatus,
  promise: Promise<Result>,
  fallback: Fallback,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<Result | Fallback> {
  try {
    return await call(promise, deadlineMs)
  } catch (error) {
    const known = cloudError(error)
    if (known.status === status) return fallback
    throw known
  }
}

/** Number of tries for repeatable work, and the wait before the second try, which doubles with each further try. */
const MOST_TRIES = 4
const FIRST_PAUSE_MS = 250

/**
 * Retries work after transient failures. For calls that the clients do not retry themselves although
 * imagery's use is repeatable: they create by name, or read the current state first.
 */
export async function repeatably<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      needCloud()
      if (tries === MOST_TRIES || !(error instanceof CloudError) || !error.retryable) throw error
      await pause(FIRST_PAUSE_MS * 2 ** (tries - 1))
    }
  }
}
