import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostName, isLoopbackHost } from '../../kernel/http-server.ts'
import type { AccessTokens } from './access-tokens.ts'
import { accountId, type IdTokens } from './id-tokens.ts'
import type { IsOwnUser } from './own-user.ts'

/**
 * https://cloud.google.com/compute/docs/access/service-accounts#accesscopesiam: the scope that leaves access control to
 * IAM.
 */
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform']

const UNIVERSE_DOMAIN = 'googleapis.com'

const METADATA_ORIGIN = 'http://metadata.google.internal'

export interface MetadataServer {
  /** `127.0.0.1:port`, the value for GCE_METADATA_HOST. */
  host: string
  stop(): Promise<void>
}

export interface MetadataOptions {
  projectId: string
  projectNumber: string
  region: string
  accessTokens: AccessTokens
  idTokens: IdTokens
  /**
   * The users that get responses; undefined if the system does not show the user, and then every user of this machine
   * does.
   */
  isOwnUser: IsOwnUser | undefined
}

interface Answer {
  status: number
  type: 'application/text' | 'application/json' | 'text/html'
  body: string
}

/**
 * Metadata servers like those of workloads on Google Cloud
 * (https://cloud.google.com/run/docs/container-contract#metadata-server,
 * https://cloud.google.com/compute/docs/metadata/querying-metadata).
 */
export class MetadataServers {
  readonly #options: MetadataOptions
  readonly #running = new Set<MetadataServer>()
  readonly #shared = new Map<string, Promise<MetadataServer>>()

  constructor(options: MetadataOptions) {
    this.#options = options
  }

  /** Starts a server for one service account; each Cloud Run service has its own. */
  serve(email: string): Promise<MetadataServer> {
    return this.#start(email, undefined)
  }

  /**
   * Returns the server of an account that users act as, started at the first call and then kept. It serves the
   * user of this process, and a guest if given: the numeric ID of another user of the machine.
   */
  shared(email: string, guest?: number): Promise<MetadataServer> {
    const key = `${email} ${guest ?? ''}`
    const known = this.#shared.get(key) ?? this.#start(email, guest)
    this.#shared.set(key, known)
    known.catch(() => this.#shared.delete(key))
    return known
  }

  /** Stops the servers that still run. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((server) => server.stop()))
  }

  async #start(email: string, guest: number | undefined): Promise<MetadataServer> {
    const server = await listen(this.#options, email, guest)
    const registered: MetadataServer = {
      host: server.host,
      stop: async () => {
        this.#running.delete(registered)
        await server.stop()
      },
    }
    this.#running.add(registered)
    return registered
  }
}

async function listen(options: MetadataOptions, email: string, guest?: number): Promise<MetadataServer> {
  const server = createServer((request, response) => {
    respond(options, { email, guest }, request).then(
      (found) => send(response, found),
      (error: unknown) => send(response, text(500, String(error))),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  // One connection that cannot be accepted must not end the others.
  server.on('error', (error) => console.error('a metadata server:', error))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  options: MetadataOptions,
  { email, guest }: { email: string; guest: number | undefined },
  request: IncomingMessage,
): Promise<Answer> {
  // Only the workload itself can reach its metadata server. A secret is not possible: Google's libraries
  // send none, and drop one from GCE_METADATA_HOST (docs/decisions/0013-whose-connection.md).
  if (options.isOwnUser && !(await options.isOwnUser(request.socket, guest))) return text(403, OTHER_USER)
  return refuse(request.method, request.headers) ?? answer(options, email, request.url ?? '/')
}

const OTHER_USER =
  'This local cloud gives tokens only to the user who started it, and this request comes from another user of the machine. ' +
  'Start your own: imagery local start'

/** The header and the absence of X-Forwarded-For prove that no web page or proxy is behind the request. */
function refuse(method: string | undefined, headers: Record<string, unknown>): Answer | undefined {
  if (!isLoopbackHost(hostName(headers['host'] as string | undefined))) return text(403, 'Host not allowed')
  if (headers['metadata-flavor'] !== 'Google') return text(403, "Missing required header 'Metadata-Flavor': 'Google'")
  if (headers['x-forwarded-for'] !== undefined) return text(403, 'X-Forwarded-For is not allowed')
  if (method !== 'GET') return text(405, 'Method not allowed')
  return undefined
}

async function answer(options: MetadataOptions, email: string, asked: string): Promise<Answer> {
  if (!URL.canParse(asked, METADATA_ORIGIN)) return text(400, 'Bad request')
  const url = new URL(asked, METADATA_ORIGIN)
  const parts = url.pathname.split('/').filter(Boolean)
  if (parts[0] !== 'computeMetadata' || parts[1] !== 'v1') return text(404, 'not found')
  // An account can be named by its email address instead of `default`.
  const key = parts
    .slice(2)
    .map((part) => (part === email ? 'default' : part))
    .join('/')
  const account = 'instance/service-accounts/default'
  const isRecursive = url.searchParams.get('recursive')?.toLowerCase() === 'true'
  const described = { aliases: ['default'], email, scopes: SCOPES }
  switch (key) {
    case '':
      return text(200, 'instance/\nproject/\nuniverse/\n')
    case 'project':
      return text(200, 'numeric-project-id\nproject-id\n')
    case 'project/project-id':
      return text(200, options.projectId)
    case 'project/numeric-project-id':
      return text(200, options.projectNumber)
    case 'universe/universe-domain':
    case 'universe/universe_domain':
      return text(200, UNIVERSE_DOMAIN)
    case 'instance':
      return text(200, 'id\nregion\nservice-accounts/\nzone\n')
    case 'instance/region':
      return text(200, `projects/${options.projectNumber}/regions/${options.region}`)
    case 'instance/zone':
      return text(200, `projects/${options.projectNumber}/zones/${options.region}-1`)
    case 'instance/id':
      return text(200, accountId(email))
    case 'instance/service-accounts':
      return isRecursive ? json({ default: described, [email]: described }) : text(200, `default/\n${email}/\n`)
    case account:
      return isRecursive ? json(described) : text(200, 'aliases\nemail\nidentity\nscopes\ntoken\n')
    case `${account}/email`:
      return text(200, email)
    case `${account}/aliases`:
      return text(200, 'default')
    case `${account}/scopes`:
      return text(200, `${SCOPES.join('\n')}\n`)
    case `${account}/token`: {
      const { token, expiresInS } = options.accessTokens.issue(email)
      return json({ access_token: token, expires_in: expiresInS, token_type: 'Bearer' })
    }
    case `${account}/identity`: {
      const audience = url.searchParams.get('audience')
      if (!audience) return text(400, 'non-empty audience parameter required')
      return {
        status: 200,
        type: 'text/html',
        body: await options.idTokens.issue(email, audience),
      }
    }
    default:
      return text(404, `${url.pathname} is not served by the local cloud's metadata server`)
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'application/text', body }
}

function json(value: object): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'metadata-flavor': 'Google',
    server: 'Metadata Server for VM',
  })
  response.end(body)
}
