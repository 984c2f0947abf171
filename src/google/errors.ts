import { redacted } from '../contracts/redaction.ts'

/** Google's canonical status names (google/rpc/code.proto). */
export type GoogleStatus =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED'

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
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** The body of a failed call to any of Google's JSON APIs (https://google.aip.dev/193#http11json-representation). */
interface ErrorBody {
  error?: {
    message?: string
    status?: string
    errors?: { reason?: string }[]
    details?: { '@type'?: string; reason?: string; metadata?: { permission?: string; service?: string } }[]
  }
}

/** The failure that an HTTP answer of one of Google's JSON APIs tells of. */
export function httpError(httpStatus: number, body: unknown): CloudError {
  const error = typeof body === 'object' && body !== null ? (body as ErrorBody).error : undefined
  const info = error?.details?.find((detail) => detail['@type'] === 'type.googleapis.com/google.rpc.ErrorInfo')
  // The HTTP status alone cannot tell ABORTED from ALREADY_EXISTS, both 409.
  const named = GRPC_STATUS.find((status) => status !== undefined && status === error?.status)
  const status = named ?? HTTP_STATUS[httpStatus] ?? (httpStatus >= 500 ? 'INTERNAL' : 'UNKNOWN')
  return new CloudError(status, error?.message ?? (String(body) || `HTTP ${httpStatus}`), {
    reason: info?.reason ?? error?.errors?.[0]?.reason,
    permission: info?.metadata?.permission,
    service: info?.metadata?.service,
  })
}

/** Statuses after which the same call may be made again (https://cloud.google.com/apis/design/errors#error_retries). */
const RETRYABLE: ReadonlySet<GoogleStatus> = new Set([
  'RESOURCE_EXHAUSTED',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'ABORTED',
])

/** Any failure of a call to Google, whatever the transport: gRPC code, HTTP code, or no answer at all. */
export class CloudError extends Error {
  override readonly name = 'CloudError'
  readonly status: GoogleStatus
  /** The machine-readable reason of the older JSON APIs, e.g. `invalidQuery`, `notFound`. */
  readonly reason: string | undefined
  /** The permission that the caller lacks, e.g. `run.services.create`, where the answer names one. */
  readonly permission: string | undefined
  /** The API that the answer is about, e.g. `run.googleapis.com`: with reason SERVICE_DISABLED, the one to enable. */
  readonly service: string | undefined
  /** Whether the same call may succeed later. */
  readonly retryable: boolean

  constructor(status: GoogleStatus, message: string, options: CloudErrorOptions = {}) {
    // Proxies and gateways like to repeat the request that they refuse.
    super(redacted(message), { cause: options.cause })
    this.status = status
    this.reason = options.reason
    this.permission = options.permission ?? (status === 'PERMISSION_DENIED' ? permissionIn(message) : undefined)
    this.service = options.service
    this.retryable = RETRYABLE.has(status)
  }
}

interface CloudErrorOptions {
  reason?: string | undefined
  permission?: string | undefined
  service?: string | undefined
  cause?: unknown
}

/**
 * The permission that a refusal names. Most answers carry it in their text only: "Permission
 * 'run.services.create' denied on resource …", "… does not have storage.objects.get access …".
 */
function permissionIn(message: string): string | undefined {
  return /(?:permission|have|lacks?):? ['"]?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)\b/i.exec(message)?.[1]
}

interface ThrownByClient {
  code?: unknown
  status?: unknown
  message?: string
  /** Of a file that a client reads. */
  path?: unknown
  details?: unknown
  errors?: { reason?: string; message?: string }[]
  response?: { status?: number; data?: ErrorBody }
  /** What the gRPC clients read out of google.rpc.ErrorInfo. */
  reason?: unknown
  errorInfoMetadata?: { permission?: string; service?: string }
}

/** Node's error codes of a connection that could not be made or broke. */
const CONNECTION_CODES = /^(E(CONN|HOST|NET|PIPE|AI_|TIMEDOUT)|UND_ERR|ERR_STREAM_PREMATURE_CLOSE|ENOTFOUND)/

/**
 * One shape for what the official clients throw: gRPC clients put the gRPC code (5) into `code`,
 * BigQuery and Storage the HTTP code (404), gaxios an HTTP status, sockets a Node code.
 */
export function cloudError(thrown: unknown): CloudError {
  if (thrown instanceof CloudError) return thrown
  const { code, status, message, path, details, errors, response, reason, errorInfoMetadata } = (thrown ??
    {}) as ThrownByClient
  // Nobody but a proxy answers so (https://www.rfc-editor.org/rfc/rfc9110#status.407).
  if (response?.status === 407) {
    const message = 'the proxy refuses with HTTP 407: HTTPS_PROXY must carry its user and password'
    return new CloudError('UNAVAILABLE', message, { cause: thrown })
  }
  // Where a token endpoint answers like any other API, Google's libraries make this of its error.
  if (message?.includes('[object Object]') && response?.data?.error?.message !== undefined)
    return httpError(response.status ?? 0, response.data)
  const text = typeof details === 'string' && details ? details : (errors?.[0]?.message ?? message ?? String(thrown))
  const options = {
    reason: typeof reason === 'string' ? reason : errors?.[0]?.reason,
    permission: errorInfoMetadata?.permission,
    service: errorInfoMetadata?.service,
    cause: thrown,
  }
  const number = [code, status, response?.status].map(Number).find((value) => Number.isInteger(value) && value > 0)
  if (number !== undefined) {
    const known = number < GRPC_STATUS.length ? GRPC_STATUS[number] : HTTP_STATUS[number]
    return new CloudError(known ?? (number >= 500 ? 'INTERNAL' : 'UNKNOWN'), text, options)
  }
  // A file of a network's disk may time out, too: it is no service that did not answer.
  if (typeof path === 'string' && typeof code === 'string') return new CloudError('UNKNOWN', text, options)
  if (code === 'TimeoutError') return new CloudError('DEADLINE_EXCEEDED', text, options)
  if (typeof code === 'string' && CONNECTION_CODES.test(code)) return new CloudError('UNAVAILABLE', text, options)
  if ((thrown as Error | undefined)?.name === 'AbortError') return new CloudError('CANCELLED', text, options)
  return new CloudError('UNKNOWN', text, options)
}

/**
 * The longest that a call may take, token, connection and all the client's own repetitions
 * included. The gRPC clients have limits of their own, 10 to 60 s, and repeat what their API's
 * configuration names as safe. The REST clients make four tries but wait for ever for an answer to
 * any of them: their `timeout` option does not reach the `fetch` that they use.
 */
export const CALL_DEADLINE_MS = 120_000

/** The same for calls that do as much as they are given: many pages, a query, a file, a deployment. */
export const LONG_CALL_DEADLINE_MS = 15 * 60_000

/** Awaits a client's call; rejects with CloudError only, with DEADLINE_EXCEEDED after `deadlineMs`. */
export async function call<Result>(promise: Promise<Result>, deadlineMs = CALL_DEADLINE_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new CloudError('DEADLINE_EXCEEDED', `no answer within ${deadlineMs / 1_000} s`)),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([promise, late])
  } catch (error) {
    throw cloudError(error)
  } finally {
    clearTimeout(timer)
  }
}

/** Awaits a call whose resource may be absent (or, with `status`, be there already): `fallback` then. */
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

/** Tries of work that may be repeated, and the wait before the second; it doubles with each further one. */
const MOST_TRIES = 4
const FIRST_PAUSE_MS = 250

/**
 * Repeats work that fails in passing, for calls that the clients do not repeat by themselves
 * although our way of making them allows it: by name, or after reading what is there.
 */
export async function repeatably<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries === MOST_TRIES || !(error instanceof CloudError) || !error.retryable) throw error
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (tries - 1)))
    }
  }
}
