import type { TaskPayload } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { AttemptFailure } from '../models/model.ts'

/** Cloud Tasks' headers about a delivery. */
export interface Delivery {
  /** Number of earlier deliveries (`X-CloudTasks-TaskRetryCount`). */
  retryCount: number
  /** Number of earlier deliveries with a response other than 5xx (`X-CloudTasks-TaskExecutionCount`). */
  executionCount: number
  trace: string | undefined
}

/**
 * Deliver again: 429 and 503 slow the queue
 * (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#retryconfig).
 */
export interface RetryLater {
  kind: 'retry'
  http: 429 | 503
  code: string
  message: string
  retryAfterSeconds: number
}

/** The longest wait requested from Cloud Tasks when the model did not set one. */
const LONGEST_RETRY_AFTER_SECONDS = 60

/** Whether a failure leaves the unit pending. The queue has no limit of its own: it delivers a task until it is answered 2xx. */
export function mayTryAgain(failure: AttemptFailure, spec: RunSpec, delivery: Delivery): boolean {
  return failure.retryable && (isFree(failure) || countedTries(delivery) + 1 < spec.limits.max_attempts)
}

/** Costs nothing and uses up no try. A billed answer before it counts, because paying again and again must end. */
export function isFree({ countsAsTry, known }: AttemptFailure): boolean {
  return !countsAsTry && known.usage === undefined
}

/**
 * The number of earlier tries. Free ones are answered 429, as Cloud Run answers for lack of an instance. All others end
 * with a 5xx or without a response, which Cloud Tasks leaves out of the execution count
 * (https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler, stackkit/laravel-google-cloud-tasks-queue#55).
 */
function countedTries({ retryCount, executionCount }: Delivery): number {
  return Math.max(0, retryCount - executionCount)
}

/**
 * Whether the unit may have been billed and recorded already.
 *
 * A task of a later generation can follow a task of an earlier one that was still alive, so it looks, unless it has
 * just looked.
 * In generation 0, a first delivery has none before it. If every earlier delivery got a response other than
 * 5xx, each was a 429 from imagery or Cloud Run and left no row. So retries of throttled tasks, the most
 * common ones, cost no query. A delivery that ended with a killed instance counts as no response or as a
 * 503. Measuring costs nothing.
 */
export function mayBePaidFor(spec: RunSpec, task: TaskPayload, delivery: Delivery, hasJustLooked: boolean): boolean {
  return spec.gemini !== null && ((task.generation > 0 && !hasJustLooked) || countedTries(delivery) > 0)
}

export function retry(
  http: 429 | 503,
  code: string,
  message: string,
  { retryCount }: Delivery,
  retryAfterMs = Math.min(LONGEST_RETRY_AFTER_SECONDS, 2 ** retryCount) * 1_000,
): RetryLater {
  return { kind: 'retry', http, code, message, retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)) }
}
