import { randomFillSync } from 'node:crypto'
import type { Delivery, DeliveryAnswer, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { endToEndHeaders } from '../../kernel/headers.ts'
import { Admissions } from './admission.ts'
import type { AdmissionRules } from './admission.ts'
import { exchange, instanceAgent } from './exchange.ts'
import type { InstanceRequest } from './exchange.ts'
import type { Backend } from './fleet.ts'
import { HTTP1_BODY_MAX_BYTES } from './limits.ts'
import { notFoundPage, tooLargePage } from './pages.ts'

/** A service as the front door sees it. */
export interface Route {
  rules: AdmissionRules
  /** Whether only Google Cloud itself may reach it: Cloud Tasks, Pub/Sub (https://cloud.google.com/run/docs/securing/ingress). */
  isInternal: boolean
  /** Called for each request, because deployments change it. */
  backend(): Backend | undefined
}

export interface FrontDoorOptions {
  /** The service at this host. */
  route(host: string): Route | undefined
  verifyIdToken(token: string, audience: string): Promise<Principal>
  clock: Clock
  log: (line: string) => void
}

/** The entry for requests to `https://….run.app`: checks callers and forwards accepted requests. */
export class FrontDoor {
  readonly #options: FrontDoorOptions
  readonly #agent = instanceAgent()
  readonly #admissions: Admissions

  constructor(options: FrontDoorOptions) {
    const { clock, log } = options
    this.#options = options
    this.#admissions = new Admissions((token, audience) => options.verifyIdToken(token, audience), clock, log)
  }

  /** Whether the host is one of Cloud Run's. An unknown one of these gets 404. */
  serves(host: string): boolean {
    return withoutPort(host).endsWith('.run.app')
  }

  /** Rejects with GoogleError DEADLINE_EXCEEDED after the delivery's deadline; every other result is a response. */
  async handle(host: string, delivery: Delivery): Promise<DeliveryAnswer> {
    const { clock, log } = this.#options
    const hostName = withoutPort(host)
    const route = this.#options.route(hostName)
    const backend = route?.backend()
    if (!route || !backend || (route.isInternal && delivery.isFromInternet)) return notFoundPage()
    const headers = endToEndHeaders(delivery.headers)
    const path = pathOf(delivery.url)
    const decision = this.#admissions.decide(route.rules, headers, path)
    const admission = decision instanceof Promise ? await decision : decision
    if ('refusal' in admission) return admission.refusal
    if (delivery.body.byteLength > HTTP1_BODY_MAX_BYTES) return tooLargePage()
    if (admission.header) headers[admission.header[0]] = admission.header[1]
    addForwardingHeaders(headers, hostName)
    return exchange(backend, instanceRequest(delivery, path, headers), { delivery, clock, agent: this.#agent, log })
  }

  /** Ends the connections to the instances. */
  close(): void {
    this.#agent.destroy()
  }
}

function instanceRequest(delivery: Delivery, path: string, headers: Record<string, string>): InstanceRequest {
  const { method, body } = delivery
  if (body.byteLength > 0 || !['GET', 'HEAD'].includes(method)) headers['content-length'] = String(body.byteLength)
  return { method, path, headers, body }
}

/** https://cloud.google.com/run/docs/container-contract and https://cloud.google.com/trace/docs/trace-context */
function addForwardingHeaders(headers: Record<string, string>, host: string): void {
  headers['host'] = host
  // Answered by the front end; the whole body is here by now (https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1).
  delete headers['expect']
  const before = headers['x-forwarded-for']
  headers['x-forwarded-for'] = before === undefined ? CALLER : `${before},${CALLER}`
  headers['x-forwarded-proto'] = 'https'
  headers['forwarded'] = `for="${CALLER}";proto=https`
  const trace = traceId(headers)
  const span = randomHex(8)
  headers['traceparent'] = `00-${trace}-${span}-00`
  headers['x-cloud-trace-context'] = `${trace}/${BigInt(`0x${span}`)};o=0`
}

/** Everyone who reaches the local cloud is on this machine. */
const CALLER = '127.0.0.1'

/** Returns the caller's trace (https://www.w3.org/TR/trace-context/), or a new one. */
function traceId(headers: Record<string, string>): string {
  const given =
    /^00-([0-9a-f]{32})-/.exec(headers['traceparent'] ?? '') ??
    /^([0-9a-f]{32})(\/|$)/.exec(headers['x-cloud-trace-context'] ?? '')
  return given?.[1] ?? randomHex(16)
}

function randomHex(bytes: number): string {
  return randomFillSync(Buffer.allocUnsafe(bytes)).toString('hex')
}

/** Path and query of a URL, without the cost of parsing it. */
function pathOf(url: string): string {
  if (url.startsWith('/')) return url
  const start = url.indexOf('/', url.indexOf('//') + 2)
  return start === -1 ? '/' : url.slice(start).split('#', 1)[0] || '/'
}

function withoutPort(host: string): string {
  const colon = host.indexOf(':')
  return (colon === -1 ? host : host.slice(0, colon)).toLowerCase()
}
