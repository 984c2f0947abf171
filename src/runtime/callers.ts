import { timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { FRONT_DOOR_HEADER } from '@imagery/local-cloud/contract/front-door'
import { localCloud } from '../google/transport/environment.ts'
import { tokenCheck, type TokenCheck } from '../google/auth/identity-tokens.ts'
import { tokenRules, type CallerEnvironment } from './environment.ts'

/** Who may call a service at its own port. Empty where the host checks all of it, as Cloud Run does. */
export interface Callers {
  /** Asked before every request but GET /healthz. */
  checkToken?: TokenCheck | undefined
  /** A request that brings it has been checked by the local front door. */
  frontDoorSecret?: string | undefined
  /** The host names that a request may be for; any without them. */
  hosts?: readonly string[] | undefined
}

/** Names of this machine alone. */
const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost']

/**
 * The rules that the environment gives. Beside a local cloud the port is on a machine where web pages
 * are read: one that has its own DNS name lead here (DNS rebinding) still names itself in `Host`.
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

/** Where a service listens: Cloud Run wants all interfaces (https://cloud.google.com/run/docs/container-contract#port), a user's machine none but its own. */
export function listenAddress(): string {
  return localCloud() ? '127.0.0.1' : '0.0.0.0'
}

/** Why a request's host is refused, if it is. */
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
