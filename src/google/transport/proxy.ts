import type { Agent, AgentOptions } from 'node:http'

/** The first of these that is set names the proxy, in the order of Google's REST clients (https://github.com/googleapis/gaxios, `proxy`). */
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'] as const

/**
 * The variables that Google's gRPC clients read
 * (https://github.com/grpc/grpc/blob/master/doc/environment_variables.md).
 */
const GRPC_VARIABLES = ['grpc_proxy', 'https_proxy', 'http_proxy'] as const

/**
 * The addresses of metadata servers, which refuse requests that came through a proxy
 * (https://cloud.google.com/compute/docs/metadata/querying-metadata).
 */
const METADATA_HOSTS = ['metadata.google.internal', '169.254.169.254']

/**
 * Makes every client of this process use the same proxy, whichever spelling of the variables the user set.
 * Google's REST clients read both spellings, its gRPC clients only the lower-case one, and they interpret
 * NO_PROXY differently. `example.com` stands for its subdomains too, `*` for everything, as with curl
 * (https://everything.curl.dev/usingcurl/proxies/env.html). Calling it again has no further effect.
 */
export function settleProxies(environment: NodeJS.ProcessEnv = process.env): void {
  const proxy = configuredProxy(environment)
  if (proxy === undefined) return
  const rules = [environment['NO_PROXY'], environment['no_proxy']]
    .flatMap((list) => list?.split(',') ?? [])
    .map((rule) => rule.trim())
    .filter(Boolean)
  if (rules.includes('*')) {
    for (const name of [...PROXY_VARIABLES, 'grpc_proxy']) delete environment[name]
    return
  }
  if (!GRPC_VARIABLES.some((name) => environment[name])) environment['https_proxy'] = proxy
  const metadata = environment['GCE_METADATA_HOST']?.replace(/:\d+$/, '')
  const all = [...rules, ...METADATA_HOSTS, ...(metadata ? [metadata] : [])].flatMap((rule) => [rule, suffix(rule)])
  environment['NO_PROXY'] = [...new Set(all)].join(',')
  environment['no_proxy'] = environment['NO_PROXY']
}

/** Returns `.example.com` for a name that can have subdomains; leaves an address or a suffix unchanged. */
function suffix(rule: string): string {
  const name = rule.replace(/^\*(?=\.)/, '')
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]+$/i.test(name) ? `.${name}` : name
}

function configuredProxy(environment: NodeJS.ProcessEnv): string | undefined {
  return PROXY_VARIABLES.map((name) => environment[name]).find(Boolean)
}

/** Returns the proxy for a URL from the variables of this process; undefined for a direct connection. */
export function proxyOf(url: URL, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  settleProxies(environment)
  const proxy = configuredProxy(environment)
  if (proxy === undefined) return undefined
  const rules = (environment['NO_PROXY'] ?? '').split(',')
  const isExcepted = rules.some((rule) => (rule.startsWith('.') ? url.hostname.endsWith(rule) : rule === url.hostname))
  return isExcepted ? undefined : proxy
}

/**
 * A connection stays open for the next request, but closes after four seconds without one, as with Node's `fetch`
 * (https://undici.nodejs.org/#/docs/api/Client, keepAliveTimeout). Cloud Run gives an idle instance no processor time, so its
 * next call could use a connection that the other side has closed meanwhile, and fail (googleapis/google-cloud-node#2254).
 */
export const KEPT_OPEN: AgentOptions = { keepAlive: true, timeout: 4_000 }

const agents = new Map<string, Promise<Agent>>()

/**
 * Returns the agent for the proxy in this process's environment; undefined for a direct connection. It
 * is the package that Google's clients use, loaded only if there is a proxy.
 */
export async function proxyAgent(url: URL): Promise<Agent | undefined> {
  const proxy = proxyOf(url)
  if (proxy === undefined) return undefined
  let agent = agents.get(proxy)
  if (!agent) {
    agent = import('https-proxy-agent').then(({ HttpsProxyAgent }) => {
      const made = new HttpsProxyAgent(proxy, KEPT_OPEN)
      // It keeps none of these options, but Node's own part of it reads the time from here.
      return Object.assign(made, { options: { ...made.options, timeout: KEPT_OPEN.timeout } })
    })
    agents.set(proxy, agent)
  }
  return agent
}

/** A proxy's refusal: the proxy answers CONNECT itself instead of connecting to the server. */
export class ProxyRefused extends Error {
  override readonly name = 'ProxyRefused'
  /** Handled like the error codes of sockets that could not be opened. */
  readonly code = 'ECONNREFUSED'

  constructor(url: URL, httpStatus: number) {
    const proxy = new URL(proxyOf(url) ?? url).host
    const hint = httpStatus === 407 ? ': set its user and password in HTTPS_PROXY' : ''
    super(`the proxy ${proxy} refused the connection to ${url.host} with HTTP ${httpStatus}${hint}`)
  }
}
