import { randomBytes } from 'node:crypto'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { USER_AGENT } from './delivery.ts'
import {
  DEFAULT_DISPATCH_DEADLINE_MS,
  MAX_DISPATCH_DEADLINE_MS,
  MAX_HEADER_BYTES,
  MAX_SCHEDULE_AHEAD_MS,
  MAX_TASK_BYTES,
  MAX_URL_LENGTH,
  MIN_DISPATCH_DEADLINE_MS,
} from './limits.ts'
import type { NewTask, TaskRequest } from './resources.ts'
import { checkNewTaskName } from './names.ts'
import { retryFromWire } from './queue-config.ts'
import { microsOfTimestamp, durationMs, type ProtoTime } from '../../kernel/proto-time.ts'
import type { WireTask } from './wire.ts'

const METHODS = new Set(['POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** "Some HTTP request headers will be ignored or replaced": HttpRequest.headers in target.proto. */
const IGNORED_HEADER = /^(host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudtasks-.*)$/i

/**
 * Checks a new task for `queueName` and adds Google's defaults
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.Task).
 * Throws INVALID_ARGUMENT, or UNIMPLEMENTED for kinds of tasks that the local cloud does not support.
 */
export function checkNewTask(wire: WireTask | null, queueName: string, nowMs: number): NewTask {
  if (!wire) throw invalid('Task is required.')
  if (wire.appEngineHttpRequest) throw notEmulated('an App Engine task (Task.appEngineHttpRequest)')
  if (wire.pullMessage) throw invalid('Task.pull_message cannot be set.')
  if (!wire.httpRequest) throw invalid('Task.payload_type is not set.')
  const isNamed = wire.name !== ''
  const task: NewTask = {
    id: isNamed ? checkNewTaskName(wire.name, queueName) : generatedId(),
    isNamed,
    scheduleUs: scheduleOf(wire.scheduleTime, nowMs),
    createdMs: nowMs,
    request: {
      ...requestOf(wire.httpRequest),
      deadlineMs: deadlineOf(wire.dispatchDeadline),
      retry: wire.retryConfig ? retryFromWire(wire.retryConfig) : null,
    },
    body: wire.httpRequest.body,
  }
  if (sizeOf(task, queueName) > MAX_TASK_BYTES) throw invalid('Task size too large')
  return task
}

function requestOf(http: NonNullable<WireTask['httpRequest']>): Omit<TaskRequest, 'deadlineMs' | 'retry'> {
  const { url, oidcToken } = http
  if (url === '') throw invalid('HttpRequest.url is required.')
  if (!/^https?:\/\//.test(url)) throw invalid("HttpTarget.url must start with 'http://' or 'https://'.")
  if (encodedLength(url) > MAX_URL_LENGTH)
    throw invalid(`HttpRequest.url must be at most ${MAX_URL_LENGTH} characters.`)
  const method = http.httpMethod === 'HTTP_METHOD_UNSPECIFIED' ? 'POST' : http.httpMethod
  if (!METHODS.has(method)) throw invalid('HttpRequest.http_method is invalid.')
  if (http.body.length > 0 && !METHODS_WITH_BODY.has(method)) {
    throw invalid(`HttpRequest.body is allowed only if the HTTP method is POST, PUT or PATCH, not ${method}.`)
  }
  if (http.oauthToken) throw notEmulated('a task with an OAuth token (HttpRequest.oauthToken)')
  if (oidcToken && !url.startsWith('https://')) {
    throw invalid("HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header")
  }
  if (oidcToken && oidcToken.serviceAccountEmail === '') {
    throw invalid('HttpRequest.oidc_token.service_account_email is required.')
  }
  const oidc = oidcToken ? { serviceAccountEmail: oidcToken.serviceAccountEmail, audience: oidcToken.audience } : null
  return { url, method, headers: headersOf(http.headers, oidc !== null), oidc }
}

function headersOf(given: Record<string, string>, isSigned: boolean): Record<string, string> {
  const headers: Record<string, string> = {}
  let bytes = 0
  for (const [name, value] of Object.entries(given)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
    // "If specified, all Authorization headers in the HttpRequest.headers field will be overridden."
    if (IGNORED_HEADER.test(name) || (isSigned && name.toLowerCase() === 'authorization')) continue
    if (!isSendable(name, value)) throw invalid(`HttpRequest.headers has an invalid header: ${JSON.stringify(name)}.`)
    headers[name] = value
  }
  if (bytes >= MAX_HEADER_BYTES) throw invalid('The size of HttpRequest.headers must be less than 80KB.')
  headers['User-Agent'] = USER_AGENT
  return headers
}

/** Field names are tokens, values have no control characters (https://www.rfc-editor.org/rfc/rfc9110#section-5). */
function isSendable(name: string, value: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)
}

/** "If schedule_time is not set or is in the past then Cloud Tasks will set it to the current time." */
function scheduleOf(time: ProtoTime | null, nowMs: number): number {
  const nowUs = nowMs * 1_000
  if (!time) return nowUs
  // "Truncated to the nearest microsecond" (task.proto).
  const scheduleUs = microsOfTimestamp(time)
  if (scheduleUs > nowUs + MAX_SCHEDULE_AHEAD_MS * 1_000) {
    const shown = new Date(Math.min(scheduleUs / 1_000, 8.64e15)).toISOString()
    throw invalid(
      `The Task.scheduleTime, ${shown}, is too far in the future. Schedule time must be no more than 720h in the future.`,
    )
  }
  return Math.max(nowUs, scheduleUs)
}

function deadlineOf(duration: ProtoTime | null): number {
  if (!duration) return DEFAULT_DISPATCH_DEADLINE_MS
  const millis = Math.floor(durationMs(duration))
  if (millis < MIN_DISPATCH_DEADLINE_MS || millis > MAX_DISPATCH_DEADLINE_MS) {
    throw invalid('Task.dispatchDeadline must be between [15s, 30m].')
  }
  return millis
}

/** "Cloud Tasks will encode some characters": the limit is on the encoded URL. */
function encodedLength(url: string): number {
  return URL.canParse(url) ? Math.max(url.length, new URL(url).href.length) : url.length
}

/** The task's own bytes: its name and the request with its headers, token and body. */
function sizeOf(task: NewTask, queueName: string): number {
  const { url, headers, oidc } = task.request
  let bytes = queueName.length + '/tasks/'.length + task.id.length + Buffer.byteLength(url) + task.body.length
  for (const name of Object.keys(headers)) bytes += name.length + Buffer.byteLength(headers[name] ?? '')
  return oidc ? bytes + oidc.serviceAccountEmail.length + oidc.audience.length : bytes
}

/** IDs that Cloud Tasks generates are long numbers. */
function generatedId(): string {
  return randomBytes(8).readBigUInt64BE().toString()
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message)
}
