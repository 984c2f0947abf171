import { get } from 'node:http'
import { connect } from 'node:net'
import { FRONT_DOOR_HEADER } from '../../contract/front-door.ts'
import type { Clock } from '../../kernel/clock.ts'
import { delay } from '../../kernel/delay.ts'
import type { Probe } from './resources.ts'

/** Increasing waits between tries of a refusing port within one probe. */
const RETRY_MIN_MS = 10
const RETRY_MAX_MS = 250
const RETRY_GROWTH = 1.3

/** Cloud Run's own startup probe (https://cloud.google.com/run/docs/configuring/healthchecks#tcp-default). */
const DEFAULT_STARTUP_PROBE: Probe = {
  initialDelaySeconds: 0,
  timeoutSeconds: 240,
  periodSeconds: 240,
  failureThreshold: 1,
  tcpSocket: { port: 0 },
}

/** The startup probe with the documented defaults in place of zeros. */
export function startupProbe(probe: Probe | null): Probe {
  return probe ? withDefaults(probe) : DEFAULT_STARTUP_PROBE
}

/** https://cloud.google.com/run/docs/configuring/healthchecks: 1 s timeout, every 10 s, three failures. */
export function withDefaults(probe: Probe): Probe {
  return {
    ...probe,
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    failureThreshold: probe.failureThreshold || 3,
  }
}

/** `HTTP`, `TCP`: as in Cloud Run's log lines. */
export function probeKind(probe: Probe): 'HTTP' | 'TCP' {
  return probe.httpGet ? 'HTTP' : 'TCP'
}

type Outcome = 'succeeded' | 'refused' | 'failed'

/** The address of an instance, and the secret that identifies Cloud Run. */
interface Target {
  port: number
  secret: string
}

/**
 * One check of an instance's process. A port that is not open yet is tried again until
 * the probe's timeout: Cloud Run's default probe is a single one of 240 s, and it succeeds as soon
 * as the container listens.
 */
export async function checkOnce(probe: Probe, target: Target, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const timeout = new AbortController()
  const cancelTimer = clock.after(probe.timeoutSeconds * 1_000, () => timeout.abort())
  const either = AbortSignal.any([signal, timeout.signal])
  try {
    for (let retryMs = RETRY_MIN_MS; !either.aborted; retryMs = Math.min(retryMs * RETRY_GROWTH, RETRY_MAX_MS)) {
      const outcome = await (probe.httpGet ? checkHttp(probe.httpGet, target, either) : checkTcp(target.port, either))
      if (outcome !== 'refused') return outcome === 'succeeded'
      await delay(clock, retryMs, either)
    }
    return false
  } finally {
    cancelTimer()
  }
}

/** Whether anything listens on `port` right now. */
export async function isListening(port: number): Promise<boolean> {
  return (await checkTcp(port)) === 'succeeded'
}

function checkTcp(port: number, signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ...(signal ? { signal } : {}) })
    socket.once('connect', () => {
      socket.destroy()
      resolve('succeeded')
    })
    socket.once('error', () => resolve('refused'))
  })
}

/** Any answer from 200 up to, but not including, 400 is a success. */
function checkHttp(
  action: NonNullable<Probe['httpGet']>,
  { port, secret }: Target,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const own = action.httpHeaders.map(({ name, value }) => [name, value] as const)
    const headers = { ...Object.fromEntries(own), [FRONT_DOOR_HEADER]: secret }
    const request = get(
      { host: '127.0.0.1', port, path: action.path || '/', headers, agent: false, signal },
      (answer) => {
        answer.resume()
        const status = answer.statusCode ?? 0
        resolve(status >= 200 && status < 400 ? 'succeeded' : 'failed')
      },
    )
    request.on('error', (error: Error & { code?: string }) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'failed'),
    )
  })
}
