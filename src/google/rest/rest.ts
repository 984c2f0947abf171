import { localAuthOptions } from '../auth/credentials.ts'
import { localCloud } from '../transport/environment.ts'
import { CALL_DEADLINE_MS, cloudError, CloudError, httpError, repeatably } from '../transport/errors.ts'
import { patientFetch } from '../transport/patient-fetch.ts'
import { pausesNow } from '../transport/pauses.ts'
import { interruptiblePause } from '../transport/settle.ts'

/**
 * Google's APIs that imagery calls through JSON, by the first label of their host
 * (docs/decisions/0009-admin-apis-by-rest.md).
 */
export type RestApi =
  | 'artifactregistry'
  | 'bigquery'
  | 'cloudbilling'
  | 'cloudbuild'
  | 'cloudresourcemanager'
  | 'cloudtasks'
  | 'iam'
  | 'orgpolicy'
  | 'pubsub'
  | 'run'
  | 'serviceusage'
  | 'storage'

export interface RestCall {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  query?: Record<string, string | readonly string[]>
  body?: object
  headers?: Record<string, string>
  /** Time limit for each try. */
  deadlineMs?: number
}

let authorization: Promise<(url: string) => Promise<Headers>> | undefined

/** Headers that identify this process's account: its access token and quota project. */
export async function authorize(url: string): Promise<Headers> {
  authorization ??= Promise.all([import('google-auth-library'), localAuthOptions('')]).then(
    ([{ GoogleAuth }, options]) => {
      const auth = new GoogleAuth(options ?? { scopes: ['https://www.googleapis.com/auth/cloud-platform'] })
      return (target: string) => auth.getRequestHeaders(target)
    },
  )
  return (await authorization)(url)
}

/**
 * Calls a method of one of Google's JSON APIs as this process's account. Retries after transient
 * failures: every call through this function is repeatable, because creations use resource names and
 * changes carry an etag.
 *
 * @param path starts with the version, without a leading slash: `v1/projects/p/services`
 * @throws CloudError
 */
export async function callApi<Answer>(api: RestApi, path: string, call: RestCall = {}): Promise<Answer> {
  return repeatably(() => callApiOnce<Answer>(api, path, call))
}

/** Calls a method that must not be repeated without a look at what the first call did. @throws CloudError */
export async function callApiOnce<Answer>(api: RestApi, path: string, call: RestCall = {}): Promise<Answer> {
  const url = new URL(path, `${localCloud()?.http ?? `https://${api}.googleapis.com`}/`)
  for (const [name, value] of Object.entries(call.query ?? {})) {
    for (const each of [value].flat()) url.searchParams.append(name, each)
  }
  return callOnce<Answer>(url.href, call)
}

async function callOnce<Answer>(url: string, call: RestCall): Promise<Answer> {
  let response: Response
  let text: string
  try {
    const headers = new Headers(await authorize(url))
    for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value)
    if (call.body) headers.set('content-type', 'application/json')
    response = await patientFetch(url, {
      method: call.method ?? (call.body ? 'POST' : 'GET'),
      headers,
      ...(call.body ? { body: JSON.stringify(call.body) } : {}),
      signal: AbortSignal.timeout(call.deadlineMs ?? CALL_DEADLINE_MS),
    })
    text = await response.text()
  } catch (error) {
    throw connectionError(error, url)
  }
  const body = parsed(text)
  if (!response.ok) throw httpError(response.status, body)
  return body as Answer
}

function connectionError(error: unknown, url: string): CloudError {
  const { name, syscall, message } = error as NodeJS.ErrnoException
  const { host } = new URL(url)
  if (name === 'TimeoutError') return new CloudError('DEADLINE_EXCEEDED', `no response from ${host}`, { cause: error })
  // The socket's own error has an address at most.
  if (syscall !== undefined) return new CloudError('UNAVAILABLE', `${host}: ${message}`, { cause: error })
  return cloudError(error)
}

function parsed(text: string): unknown {
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A long-running operation in its JSON form (https://google.aip.dev/151). */
export interface RestOperation<Metadata = unknown, Result = unknown> {
  name: string
  done?: boolean
  error?: { code?: number; message?: string; details?: unknown[] }
  metadata?: Metadata
  response?: Result
}

/** Poll interval: enabling an API takes seconds, a build takes minutes. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** How to wait for something that takes seconds or minutes at Google. */
export interface Wait {
  /** Called before each pause with the time waited so far, in milliseconds. */
  waiting?: ((waitedMs: number) => void) | undefined
  /** Ends the wait, but not what is waited for. */
  signal?: AbortSignal | undefined
}

/** Something is still in progress at the end of its wait. The call that started it is not repeated: it would wait as long again. */
export class NotDoneInTime extends CloudError {
  override readonly retryable = false
}

/**
 * Waits until an operation is done, and returns it.
 *
 * @param options.version API version: `v1`
 * @param options.what what the operation does, for people
 * @throws CloudError with the operation's own error; NotDoneInTime; the reason of the signal
 */
export async function finishOperation<Metadata, Result>(
  api: RestApi,
  started: RestOperation<Metadata, Result>,
  options: Wait & { version: string; deadlineMs: number; what: string },
): Promise<RestOperation<Metadata, Result>> {
  const operation = await pollUntilDone(started, {
    ...options,
    isDone: ({ done }) => done === true,
    look: () => callApi<RestOperation<Metadata, Result>>(api, `${options.version}/${started.name}`),
  })
  if (operation.error) throw operationError(operation.error)
  return operation
}

/**
 * Polls until something is done, and returns it.
 *
 * @param options.watch called with every polled value
 * @throws NotDoneInTime; the reason of the signal
 */
export async function pollUntilDone<Thing>(
  first: Thing,
  options: Wait & {
    what: string
    look: () => Promise<Thing>
    isDone: (thing: Thing) => boolean
    deadlineMs: number
    watch?: (thing: Thing) => void
  },
): Promise<Thing> {
  const startedMs = pausesNow()
  let thing = first
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    options.watch?.(thing)
    if (options.isDone(thing)) return thing
    const waitedMs = pausesNow() - startedMs
    if (waitedMs > options.deadlineMs)
      throw new NotDoneInTime(
        'DEADLINE_EXCEEDED',
        `${options.what} is not done after ${options.deadlineMs / 60_000} min`,
      )
    options.waiting?.(waitedMs)
    await interruptiblePause(pauseMs, options.signal)
    thing = await options.look()
  }
}

/** An operation's error has a number where an answer's has a name: cloudError reads it as a gRPC code. */
function operationError(error: NonNullable<RestOperation['error']>): CloudError {
  const info = (error.details as { reason?: string; metadata?: object }[] | undefined)?.find(
    (detail) => detail.metadata !== undefined,
  )
  return cloudError({
    code: error.code,
    message: error.message,
    ...(info ? { reason: info.reason, errorInfoMetadata: info.metadata } : {}),
  })
}
