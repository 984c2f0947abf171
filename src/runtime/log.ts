import { redacted } from '../contracts/redaction.ts'
import { cutText } from './row-size.ts'

/**
 * Cloud Logging's severities that the runtime uses, lowest first
 * (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity).
 */
export const SEVERITIES = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const

export type Severity = (typeof SEVERITIES)[number]

/**
 * Cloud Logging refuses entries of more than 256 KB (https://cloud.google.com/logging/quotas#log-limits); messages are
 * for people, so they stay shorter.
 */
const MAX_MESSAGE_CHARACTERS = 4_000
const MAX_STACK_CHARACTERS = 16_000
const MAX_FIELD_CHARACTERS = 1_000

/** The subject of an event. Run and asset become labels, which Cloud Logging can search. */
export interface LogFields {
  run_id?: string | undefined
  asset_id?: string | undefined
  /** `projects/<project>/traces/<id>`: groups the lines of one request. */
  trace?: string | undefined
  /** Its message, and at ERROR its stack, are added to the line. */
  error?: unknown
  [field: string]: unknown
}

export type Logger = Record<Lowercase<Severity>, (message: string, fields?: LogFields) => void>

/**
 * Returns a logger that writes one JSON object per line, in the format that Cloud Run passes to Cloud
 * Logging (https://cloud.google.com/logging/docs/structured-logging#special-payload-fields). Every line
 * has a limited length and contains no token, key or signature.
 *
 * @param options.level events below it are dropped
 * @param options.write receives one line including its newline
 */
export function createLogger(options: { level: Severity; write: (line: string) => void; now: () => number }): Logger {
  const lowest = SEVERITIES.indexOf(options.level)
  const at =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}) => {
      if (SEVERITIES.indexOf(severity) < lowest) return
      options.write(`${JSON.stringify(logEntry(severity, message, fields, options.now()))}\n`)
    }
  return { debug: at('DEBUG'), info: at('INFO'), warning: at('WARNING'), error: at('ERROR') }
}

function logEntry(severity: Severity, message: string, fields: LogFields, nowMs: number): object {
  const { run_id, asset_id, trace, error, ...rest } = fields
  return {
    severity,
    message: shown(message, MAX_MESSAGE_CHARACTERS),
    time: new Date(nowMs).toISOString(),
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, shownField(value)])),
    ...(error === undefined ? {} : describeError(error, severity)),
    ...(trace === undefined ? {} : { 'logging.googleapis.com/trace': trace }),
    ...(run_id === undefined && asset_id === undefined
      ? {}
      : { 'logging.googleapis.com/labels': { run_id: shownField(run_id), asset_id: shownField(asset_id) } }),
  }
}

function describeError(error: unknown, severity: Severity): object {
  if (!(error instanceof Error)) return { error: shown(String(error), MAX_MESSAGE_CHARACTERS) }
  return {
    error: shown(error.message, MAX_MESSAGE_CHARACTERS),
    ...(severity === 'ERROR' ? { stack_trace: shown(stackOf(error), MAX_STACK_CHARACTERS) } : {}),
  }
}

/**
 * The text is cut before the search for secrets, so that no line takes long. The beginning of a cut secret is still
 * found.
 */
function shown(text: string, maxCharacters: number): string {
  return redacted(cutText(text, maxCharacters))
}

function shownField(value: unknown): unknown {
  if (typeof value === 'string') return shown(value, MAX_FIELD_CHARACTERS)
  if (typeof value !== 'object' || value === null) return value
  const json = JSON.stringify(value)
  return json.length <= MAX_FIELD_CHARACTERS
    ? (JSON.parse(redacted(json)) as unknown)
    : shown(json, MAX_FIELD_CHARACTERS)
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error)
  return error.cause instanceof Error ? `${stack}\nCaused by: ${stackOf(error.cause)}` : stack
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/
/** https://cloud.google.com/trace/docs/trace-context#legacy-http-header */
const CLOUD_TRACE_CONTEXT = /^([0-9a-f]{32})(?:\/|$)/

/** Returns the trace name of a request for Cloud Logging; undefined when the request has none. */
export function traceName(projectId: string, header: (name: string) => string | undefined): string | undefined {
  const id =
    TRACEPARENT.exec(header('traceparent') ?? '')?.[1] ??
    CLOUD_TRACE_CONTEXT.exec(header('x-cloud-trace-context') ?? '')?.[1]
  return id === undefined ? undefined : `projects/${projectId}/traces/${id}`
}
