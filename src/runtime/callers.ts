import { timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { FRONT_DOOR_HEADER } from '@imagery/local-cloud/contract/front-door'
import { localCloud } from '../google/transport/environment.ts'
import { tokenCheck, type TokenCheck } from '../google/auth/identity-tokens.ts'
import { tokenRules, type CallerEnvironment } from './environment.ts'

/** Who may call a service at its own port. Empty if the host checks everything, as Cloud Run does. */
export interface Callers {
  /** Called before every request except GET /healthz. */
  checkToken?: TokenCheck | undefined
  /** A request with this secret was checked by the local front door. */
  frontDoorSecret?: string | undefined
  /** The allowed host names of a request; any if absent. */
  hosts?: readonly string[] | undefined
}

/** Names that only mean this machine. */
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost']

/**
 * Returns the rules from the environment. With a local cloud, the port is on a machine with a web
 * browser. A web page that points its own DNS name here (DNS rebinding) still sends that name in `Host`.
 *
 * @param now milliseconds since the Unix epoch
 */
export function callersOf(environment: CallerEnvironment, now: () => number): Callers {
  const rules = tokenRules(environment)
  const own = environment.IMAGERY_TOKEN_AUDIENCES ?? []
  return {
    checkToken: rules && tokenCheck(rules, now),
    ...(localCloud() && {
      frontDoorSecret: environment.IMAGERY_FRONT_DOOR_SECRET,
      hosts: [...LOOPBACK_HOSTS, ...own.map((url) => new URL(url).hostname)],
    }),
  }
}

/**
 * The address that a service listens on: all interfaces on Cloud Run
 * (https://cloud.google.com/run/docs/container-contract#port), only loopback on a user's machine.
 */
export function listenAddress(): string {
  return localCloud() ? '127.0.0.1' : '0.0.0.0'
}

/** Returns why a request's host is refused; undefined if it is allowed. */
export function foreignHost(context: Context, { hosts }: Callers): string | undefined {
  if (!hosts) return undefined
  const host = (context.req.header('host') ?? '').replace(/:\d+$/, '').toLowerCase()
  return hosts.includes(host) ? undefined : `this service does not answer for host "${host}"`
}

export function isFromFrontDoor(context: Context, { frontDoorSecret }: Callers): boolean {
  const sent = context.req.header(FRONT_DOOR_HEADER)
  if (!frontDoorSecret || sent === undefined) return false
  const [given, expected] = [Buffer.from(sent), Buffer.from(frontDoorSecret)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
