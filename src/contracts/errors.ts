import { redacted } from './redaction.ts'

/** Exit codes of the process (documented in the README; scripts can rely on them). */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  someAssetsFailed: 3,
  bug: 70,
  interrupted: 130,
} as const

/** Expected ways to fail. Codes are part of the public interface: scripts match on them. */
export const ERROR_CODES = [
  'ACCESS_DENIED',
  'AMBIGUOUS_RUN_ID',
  'ASSET_NOT_FOUND',
  'CANCELLED',
  'CLOUD_ERROR',
  'COLUMN_NOT_FOUND',
  'CONFIRMATION_NEEDED',
  'COST_LIMIT',
  'CREDENTIALS_NOT_FOUND',
  'DEPLOYMENT_FAILED',
  'DEPLOYMENT_NOT_FOUND',
  'FILE_NOT_FOUND',
  'FILE_NOT_WRITABLE',
  'INVALID_CONFIGURATION',
  'INVALID_FLAG',
  'INVALID_FILTER',
  'INVALID_PROFILE',
  'LOCAL_CLOUD_FAILED',
  'LOCAL_CLOUD_NOT_RUNNING',
  'NO_ASSETS',
  'NOT_AVAILABLE',
  'OUTPUT_EXISTS',
  'PREFLIGHT_FAILED',
  'PROFILE_NOT_FOUND',
  'PROJECT_NOT_SET',
  'RUN_NOT_FOUND',
  'RUN_NOT_COMPLETE',
  'RUNS_EXIST',
  'RUN_STALLED',
  'RUN_STOPPED',
  'RUN_TORN_DOWN',
  'SOURCE_NOT_FOUND',
  'SOURCE_UNSUPPORTED',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** Codes for a wrong command line or configuration file. They exit 2; all others exit 1. */
const USAGE_CODES: ReadonlySet<ErrorCode> = new Set([
  'AMBIGUOUS_RUN_ID',
  'COLUMN_NOT_FOUND',
  'CONFIRMATION_NEEDED',
  'CREDENTIALS_NOT_FOUND',
  'INVALID_CONFIGURATION',
  'INVALID_FLAG',
  'INVALID_FILTER',
  'INVALID_PROFILE',
  'PROFILE_NOT_FOUND',
  'PROJECT_NOT_SET',
  'SOURCE_UNSUPPORTED',
])

/**
 * An expected failure: what happened to which resource, and which command to run next. It does not
 * depend on a terminal: the base command prints it, and the runtime maps it to an HTTP response.
 */
export class ImageryError extends Error {
  override readonly name = 'ImageryError'
  readonly code: ErrorCode
  /** Commands or steps to try next, most likely first. */
  readonly suggestions: readonly string[]

  constructor(code: ErrorCode, message: string, options: { suggestions?: readonly string[]; cause?: unknown } = {}) {
    // The message can repeat another program's output.
    super(redacted(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.suggestions = (options.suggestions ?? []).map(redacted)
  }

  get exitCode(): number {
    if (this.code === 'CANCELLED') return EXIT_CODES.interrupted
    return USAGE_CODES.has(this.code) ? EXIT_CODES.usage : EXIT_CODES.failed
  }
}
