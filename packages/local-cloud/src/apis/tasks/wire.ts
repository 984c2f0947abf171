import type { ProtoTime } from '../../kernel/proto-time.ts'

/**
 * Requests in proto-loader's format: unset messages are null, unset scalars are zero, members of a oneof
 * are absent unless set. v2 and v2beta3 differ only in a few fields; those are optional here.
 */
export interface WireRetryConfig {
  maxAttempts: number
  maxRetryDuration: ProtoTime | null
  minBackoff: ProtoTime | null
  maxBackoff: ProtoTime | null
  maxDoublings: number
}

export interface WireQueue {
  name: string
  rateLimits: { maxDispatchesPerSecond: number; maxBurstSize: number; maxConcurrentDispatches: number } | null
  retryConfig: WireRetryConfig | null
  stackdriverLoggingConfig: { samplingRatio: number } | null
  appEngineRoutingOverride?: object | null
  appEngineHttpQueue?: object
  httpTarget?: object | null
  taskTtl?: ProtoTime | null
  tombstoneTtl?: ProtoTime | null
  type?: string
}

export interface WireTask {
  name: string
  httpRequest?: {
    url: string
    httpMethod: string
    headers: Record<string, string>
    body: Buffer
    oidcToken?: { serviceAccountEmail: string; audience: string }
    oauthToken?: object
  }
  appEngineHttpRequest?: object
  pullMessage?: object
  scheduleTime: ProtoTime | null
  dispatchDeadline: ProtoTime | null
  retryConfig?: WireRetryConfig | null
}

export type TaskView = 'VIEW_UNSPECIFIED' | 'BASIC' | 'FULL'

export interface CreateTaskRequest {
  parent: string
  task: WireTask | null
  responseView: TaskView
}

export interface BatchCreateRequest {
  parent: string
  requests: CreateTaskRequest[]
  requestId: string
}

export interface BatchDeleteRequest {
  parent: string
  names: string[]
  requestId: string
}

/** The API version of a call. */
export type ApiVersion = 'v2' | 'v2beta3'
