import { memberToGrant } from './caller-member.ts'
import { accessClient, identityClient, idTokenOf } from './credentials.ts'
import { call, cloudError, CloudError } from '../transport/errors.ts'

/** One way to get an identity token for a private Cloud Run service. */
interface TokenWay {
  /** Whose token it is, for messages. */
  as: string
  fetch(audience: string): Promise<string>
}

/** None of the identities that this process can use may call a service. */
export class ServiceTokenError extends CloudError {
  /** Commands that grant the access. */
  readonly suggestions: readonly string[]

  constructor(message: string, suggestions: readonly string[]) {
    super('PERMISSION_DENIED', message)
    this.suggestions = suggestions
  }
}

let invoker: string | undefined
let ways: Promise<TokenWay[]> | undefined
const tokens = new Map<TokenWay, Map<string, { token: string; freshUntilMs: number }>>()

/**
 * Sets the account that may call the deployment's services. Identities without an identity token of
 * their own, or without access, impersonate it.
 */
export function callServicesThrough(invokerAccount: string): void {
  invoker = invokerAccount
  ways = undefined
  tokens.clear()
}

/**
 * Sends a request with an identity token that the service accepts. Service accounts (by key, metadata
 * server or impersonation) have their own tokens
 * (https://cloud.google.com/docs/authentication/get-id-token). People and workload identities without an
 * account have none: they create one for the deployment's invoker
 * (https://cloud.google.com/iam/docs/create-short-lived-credentials-direct#sa-credentials-oidc), or, for
 * people only, use gcloud's. If the service refuses a token, the next one is tried.
 *
 * @param audience the service's URL
 * @throws ServiceTokenError when the service accepts no token; CloudError when a token is temporarily
 * unavailable
 */
export async function withServiceToken<Answer extends { status: number }>(
  audience: string,
  send: (token: string) => Promise<Answer>,
): Promise<Answer> {
  ways ??= tokenSourcesOfCaller()
  const tried = await ways
  const reasons: string[] = []
  for (const way of tried) {
    let token: string
    try {
      token = await freshToken(way, audience)
    } catch (error) {
      const known = cloudError(error)
      if (known.retryable) throw known
      reasons.push(`${way.as}: ${known.message}`)
      continue
    }
    const answer = await send(token)
    if (answer.status !== 401 && answer.status !== 403) {
      // The way that worked is tried first from now on.
      ways = Promise.resolve([way, ...tried.filter((other) => other !== way)])
      return answer
    }
    reasons.push(`${way.as}: HTTP ${answer.status}`)
  }
  throw await refused(audience, reasons)
}

async function tokenSourcesOfCaller(): Promise<TokenWay[]> {
  const { kind, client } = await identityClient()
  const own: TokenWay[] = client
    ? [{ as: 'its own identity token', fetch: (audience) => call(client.fetchIdToken(audience)) }]
    : []
  const account = invoker
  const impersonated: TokenWay[] = account
    ? [{ as: `as ${account}`, fetch: async (audience) => call(idTokenOf(account, audience, await accessClient())) }]
    : []
  return [...own, ...impersonated, ...(kind === 'person' ? [OF_GCLOUD] : [])]
}

const GCLOUD_TIMEOUT_MS = 20_000

/**
 * Cloud Run accepts gcloud's own user tokens, whatever their audience
 * (https://cloud.google.com/run/docs/authenticating/developers).
 */
const OF_GCLOUD: TokenWay = {
  as: "gcloud's identity token",
  async fetch() {
    const { execa } = await import('execa')
    const result = await execa('gcloud', ['auth', 'print-identity-token'], {
      reject: false,
      stdin: 'ignore',
      timeout: GCLOUD_TIMEOUT_MS,
    })
    const token = result.failed ? '' : result.stdout.trim()
    if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token
    const said = result.code === 'ENOENT' ? 'gcloud is not installed' : lastLine(result.stderr)
    throw new CloudError('UNAUTHENTICATED', said || 'gcloud printed no token')
  },
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}

/** A token is renewed this long before it expires, because a call takes time to arrive. */
const SPARE_MS = 5 * 60_000

async function freshToken(way: TokenWay, audience: string): Promise<string> {
  let ofWay = tokens.get(way)
  if (!ofWay) tokens.set(way, (ofWay = new Map()))
  const known = ofWay.get(audience)
  if (known && Date.now() < known.freshUntilMs) return known.token
  const token = await way.fetch(audience)
  ofWay.set(audience, { token, freshUntilMs: endMs(token) - SPARE_MS })
  return token
}

/** Returns a token's expiry; now if it has none, so that it is not cached. */
function endMs(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { exp?: number }
    return (exp ?? 0) * 1_000
  } catch {
    return 0
  }
}

async function refused(audience: string, reasons: readonly string[]): Promise<ServiceTokenError> {
  const { host } = new URL(audience)
  const said = `${host} refused this account (${reasons.join('; ') || 'it has no identity token'})`
  if (invoker === undefined) return new ServiceTokenError(said, [])
  const account = `gcloud iam service-accounts add-iam-policy-binding ${invoker} --project ${projectOf(invoker)}`
  if (reasons.some((reason) => reason.startsWith(`as ${invoker}: HTTP`))) {
    // The invoker's own token was refused.
    return new ServiceTokenError(`${said}. ${invoker} needs roles/run.invoker on the service`, ['imagery deploy'])
  }
  const role = 'roles/iam.serviceAccountOpenIdTokenCreator'
  const member = await memberToGrant()
  return new ServiceTokenError(`${said}. This account needs ${role} on ${invoker}`, [
    `${account} --member ${member} --role ${role}`,
  ])
}

/** `name@project.iam.gserviceaccount.com`; for a domain-scoped project, project and domain are in reverse order. */
function projectOf(account: string): string {
  const [project = '', domain] = account
    .slice(account.indexOf('@') + 1)
    .replace(/\.iam\.gserviceaccount\.com$/, '')
    .split(/\.(.*)/s)
  return domain ? `${domain}:${project}` : project
}
