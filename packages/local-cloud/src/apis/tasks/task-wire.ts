import { attemptMessage } from './delivery.ts'
import type { LastAttempt, NewTask, TaskRequest, TaskState } from './resources.ts'
import { retryToWire } from './queue-config.ts'
import { durationOfMs, timestampOfMicros } from '../../kernel/proto-time.ts'
import type { TaskView } from './wire.ts'

/**
 * A task in the wire form of both API versions. The BASIC view, which is the default, leaves the
 * body out (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.Task.View).
 */
export function taskToWire(
  queueName: string,
  task: TaskState & { id: string; request: TaskRequest; body: Buffer | null },
  view: TaskView,
): object {
  const { request, firstDispatchUs, lastAttempt } = task
  const isFull = view === 'FULL'
  return {
    name: `${queueName}/tasks/${task.id}`,
    httpRequest: {
      url: request.url,
      httpMethod: request.method,
      headers: request.headers,
      ...(isFull && task.body !== null ? { body: task.body } : {}),
      ...(request.oidc === null ? {} : { oidcToken: request.oidc }),
    },
    scheduleTime: timestampOfMicros(task.scheduleUs),
    // "create_time will be truncated to the nearest second."
    createTime: { seconds: Math.floor(task.createdMs / 1_000), nanos: 0 },
    dispatchDeadline: durationOfMs(request.deadlineMs),
    dispatchCount: task.dispatchCount,
    responseCount: task.responseCount,
    firstAttempt: firstDispatchUs === null ? null : { dispatchTime: timestampOfMicros(firstDispatchUs) },
    lastAttempt: lastAttempt === null ? null : attemptToWire(lastAttempt),
    view: isFull ? 'FULL' : 'BASIC',
    ...(request.retry === null ? {} : { retryConfig: retryToWire(request.retry) }),
  }
}

/** A task that was just created. */
export function newTaskToWire(queueName: string, task: NewTask, view: TaskView): object {
  const untried = { dispatchCount: 0, responseCount: 0, firstDispatchUs: null, lastAttempt: null }
  return taskToWire(queueName, { ...task, ...untried }, view)
}

function attemptToWire(attempt: LastAttempt): object {
  const times = {
    scheduleTime: timestampOfMicros(attempt.scheduleUs),
    dispatchTime: timestampOfMicros(attempt.dispatchUs),
  }
  if (attempt.responseUs === null) return times
  return {
    ...times,
    responseTime: timestampOfMicros(attempt.responseUs),
    responseStatus: { code: attempt.code, message: attemptMessage(attempt.code, attempt.httpStatus) },
  }
}
