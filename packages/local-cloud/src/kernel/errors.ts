/** Google's canonical status names with their gRPC code and HTTP code (google/rpc/code.proto). */
export const STATUS_CODES = {
  CANCELLED: { grpc: 1, http: 499 },
  UNKNOWN: { grpc: 2, http: 500 },
  INVALID_ARGUMENT: { grpc: 3, http: 400 },
  DEADLINE_EXCEEDED: { grpc: 4, http: 504 },
  NOT_FOUND: { grpc: 5, http: 404 },
  ALREADY_EXISTS: { grpc: 6, http: 409 },
  PERMISSION_DENIED: { grpc: 7, http: 403 },
  RESOURCE_EXHAUSTED: { grpc: 8, http: 429 },
  FAILED_PRECONDITION: { grpc: 9, http: 400 },
  ABORTED: { grpc: 10, http: 409 },
  OUT_OF_RANGE: { grpc: 11, http: 400 },
  UNIMPLEMENTED: { grpc: 12, http: 501 },
  INTERNAL: { grpc: 13, http: 500 },
  UNAVAILABLE: { grpc: 14, http: 503 },
  DATA_LOSS: { grpc: 15, http: 500 },
  UNAUTHENTICATED: { grpc: 16, http: 401 },
} as const

export type GoogleStatus = keyof typeof STATUS_CODES

export interface GoogleErrorOptions {
  /** The machine-readable reason of the older JSON APIs, e.g. `notFound`, `duplicate`, `invalidQuery`. */
  reason?: string
  /** Overrides the status's usual HTTP code (Storage answers 412 for a failed precondition). */
  http?: number
  /** Location of the fault in the request; BigQuery uses `q` or a parameter's name. */
  location?: string
  /** Requested wait: the Retry-After header of HTTP responses. */
  retryAfterS?: number
  /**
   * The `details` of an API that uses only AIP-193's format (https://google.aip.dev/193), without the older `errors`
   * list.
   */
  details?: readonly object[]
  cause?: unknown
}

/** The error of an emulated API. Thrown by models, rendered by the transports. */
export class GoogleError extends Error {
  override readonly name: string = 'GoogleError'
  readonly status: GoogleStatus
  readonly http: number
  readonly grpc: number
  readonly reason: string | undefined
  readonly location: string | undefined
  readonly retryAfterS: number | undefined
  readonly details: readonly object[] | undefined

  constructor(status: GoogleStatus, message: string, options: GoogleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.http = options.http ?? STATUS_CODES[status].http
    this.grpc = STATUS_CODES[status].grpc
    this.reason = options.reason
    this.location = options.location
    this.retryAfterS = options.retryAfterS
    this.details = options.details
  }
}

/** The JSON error body of Google's APIs: AIP-193, with the `errors` list of older APIs if an error has no `details`. */
export function errorBody(error: GoogleError): object {
  if (error.details !== undefined) {
    const { http, message, status, details } = error
    return { error: { code: http, message, status, ...(details.length > 0 ? { details } : {}) } }
  }
  const detail = {
    message: error.message,
    domain: 'global',
    reason: error.reason ?? DEFAULT_REASONS[error.status] ?? 'backendError',
    ...(error.location === undefined ? {} : { location: error.location }),
  }
  return { error: { code: error.http, message: error.message, status: error.status, errors: [detail] } }
}

const DEFAULT_REASONS: Partial<Record<GoogleStatus, string>> = {
  INVALID_ARGUMENT: 'invalid',
  FAILED_PRECONDITION: 'failedPrecondition',
  NOT_FOUND: 'notFound',
  ALREADY_EXISTS: 'duplicate',
  PERMISSION_DENIED: 'forbidden',
  UNAUTHENTICATED: 'authError',
  RESOURCE_EXHAUSTED: 'rateLimitExceeded',
  UNIMPLEMENTED: 'notImplemented',
}

/** A method or option of Google's that the local cloud does not have: refused by name, never guessed. */
export function notEmulated(what: string): GoogleError {
  return new GoogleError(
    'UNIMPLEMENTED',
    `${what} is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md`,
  )
}
