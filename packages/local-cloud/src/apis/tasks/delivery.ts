import type { Delivery } from '../../kernel/api.ts'
import { STATUS_CODES, type GoogleStatus } from '../../kernel/errors.ts'
import type { LaunchedTask } from './resources.ts'
import { lastSegment } from './names.ts'

export const USER_AGENT = 'Google-Cloud-Tasks'

/**
 * The HTTP request of one attempt, with the headers about the attempt
 * (https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler).
 */
export function deliveryOf(task: LaunchedTask, queueName: string): Delivery {
  const { url, method, headers, oidc, deadlineMs } = task.request
  return {
    method,
    url,
    headers: { ...headers, ...attemptHeaders(task, queueName) },
    body: task.body,
    deadlineMs,
    // "If not specified, the URI specified in target will be used" (target.proto, OidcToken.audience).
    ...(oidc === null
      ? {}
      : { oidc: { serviceAccountEmail: oidc.serviceAccountEmail, audience: oidc.audience || url } }),
  }
}

function attemptHeaders(task: LaunchedTask, queueName: string): Record<string, string> {
  const headers: Record<string, string> = {
    'X-CloudTasks-QueueName': lastSegment(queueName),
    'X-CloudTasks-TaskName': task.id,
    'X-CloudTasks-TaskRetryCount': String(task.dispatchCount - 1),
    'X-CloudTasks-TaskExecutionCount': String(task.executionCount),
    'X-CloudTasks-TaskETA': secondsText(task.scheduleUs),
  }
  if (task.previousStatus !== null) {
    headers['X-CloudTasks-TaskPreviousResponse'] = String(task.previousStatus)
    // Google documents the header, but not its values; for HTTP targets it was observed to be empty.
    headers['X-CloudTasks-TaskRetryReason'] = ''
  }
  return headers
}

/** µs as seconds with a fraction of six digits, without rounding. */
function secondsText(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  return `${seconds}.${String(micros - seconds * 1_000_000).padStart(6, '0')}`
}

/** Returns the google.rpc.Code of an HTTP status, from the mapping in google/rpc/code.proto. */
const STATUS_OF_HTTP: Record<number, GoogleStatus> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

export function codeOfHttpStatus(status: number): number {
  if (status >= 200 && status <= 299) return 0
  return STATUS_CODES[STATUS_OF_HTTP[status] ?? 'UNKNOWN'].grpc
}

/** The message of `lastAttempt.responseStatus`. */
export function attemptMessage(code: number, httpStatus: number | null): string {
  const name = Object.entries(STATUS_CODES).find(([, codes]) => codes.grpc === code)?.[0] ?? 'OK'
  return httpStatus === null ? `${name}(${code}): no response` : `${name}(${code}): HTTP status code ${httpStatus}`
}
