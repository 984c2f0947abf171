/** Queues and tasks, independent of the API version. Times ending in Us are µs since the epoch. */

export interface RetryConfig {
  /** -1 for no limit. */
  maxAttempts: number
  /** 0 for no limit. */
  maxRetryDurationMs: number
  minBackoffMs: number
  maxBackoffMs: number
  maxDoublings: number
}

export interface RateLimits {
  maxDispatchesPerSecond: number
  maxBurstSize: number
  maxConcurrentDispatches: number
}

export interface QueueConfig {
  rate: RateLimits
  retry: RetryConfig
  taskTtlMs: number
  tombstoneTtlMs: number
  /** Stored and returned; the local cloud writes no operation logs. */
  logSamplingRatio: number | null
}

export interface Queue {
  id: number
  name: string
  config: QueueConfig
  isPaused: boolean
  purgeUs: number | null
}

/** A task's HTTP request without its body. */
export interface TaskRequest {
  url: string
  method: string
  headers: Record<string, string>
  /** The audience is empty when the caller gave none; it is then the URL. */
  oidc: { serviceAccountEmail: string; audience: string } | null
  deadlineMs: number
  /** v2beta3 only: settings of this task that replace the queue's. */
  retry: RetryConfig | null
}

/** A task that passed every check and is not stored yet. */
export interface NewTask {
  id: string
  /** Named by the caller: only then does its name leave a tombstone. */
  isNamed: boolean
  scheduleUs: number
  createdMs: number
  request: TaskRequest
  body: Buffer
}

export interface LastAttempt {
  scheduleUs: number
  dispatchUs: number
  /** Null while the attempt is in progress. */
  responseUs: number | null
  /** google.rpc.Code of the attempt. */
  code: number
  /** Null without a response. */
  httpStatus: number | null
}

export interface TaskState {
  scheduleUs: number
  createdMs: number
  dispatchCount: number
  responseCount: number
  firstDispatchUs: number | null
  lastAttempt: LastAttempt | null
}

export interface Task extends TaskState {
  seq: number
  queueId: number
  id: string
  isNamed: boolean
  request: TaskRequest
  /** Read only for the FULL view and for dispatch. */
  body: Buffer | null
}

/** A task whose attempt is being sent. */
export interface LaunchedTask {
  seq: number
  id: string
  /** This attempt included. */
  dispatchCount: number
  /** Responses so far other than 5xx. */
  executionCount: number
  scheduleUs: number
  firstDispatchUs: number
  /** HTTP status of the previous attempt; null without one or without a response. */
  previousStatus: number | null
  request: TaskRequest
  body: Buffer
}

/** The changes of an attempt to a task that stays. */
export interface AttemptResult {
  scheduleUs: number
  responseUs: number
  code: number
  httpStatus: number | null
}
