import { memberToGrant } from './caller-member.ts'
import { accessClient, identityClient, idTokenOf } from './credentials.ts'
import { call, cloudError, CloudError } from '../transport/errors.ts'

/** One way to an identity token for a private Cloud Run service. */
interface TokenWay {
  /** Whose token it is, for messages. */
  as: string
  fetch(audience: string): Promise<string>
}

/** Nobody whom this process may speak for may call a service. */
export class CallRefused extends CloudError {
  /** Commands that would let it. */
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
 * Names the account that may call the services of the deployment this process works on: it is spoken
 * for by whoever has no identity token of their own, or is not let in with it.
 */
export function callServicesThrough(invokerAccount: string): void {
  invoker = invokerAccount
  ways = undefined
  tokens.clear()
}

/**
 * Sends a request with an identity token that the service lets in. Service accounts (by key, metadata
 * server or impersonation) have tokens of their own
 * (https://cloud.google.com/docs/authentication/get-id-token). People and workload identities without an
 * account have none: they have one made for the deployment's invoker
 * (https://cloud.google.com/iam/docs/create-short-lived-credentials-direct#sa-credentials-oidc), or,
 * people only, take the one of gcloud. A token that the service refuses gives way to the next.
 *
 * @param audience the service's URL
 * @throws CallRefused when no token is let in; CloudError when one cannot be had for the moment
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
      // What has worked is tried first from now on.
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

/** Cloud Run lets in gcloud's own tokens of people, whatever their audience (https://cloud.google.com/run/docs/authenticating/developers). */
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
    throw new CloudError('UNAUTHENTICATED', said || 'gcloud printed none')
  },
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}

/** A token is asked for anew this long before its end: a call may take a while to get there. */
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

/** When a token ends, by its own word; now when it does not say, so that it is not kept. */
function endMs(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { exp?: number }
    return (exp ?? 0) * 1_000
  } catch {
    return 0
  }
}

async function refused(audience: string, reasons: readonly string[]): Promise<CallRefused> {
  const { host } = new URL(audience)
  const said = `${host} does not let this account in (${reasons.join('; ') || 'it has no identity token'})`
  if (invoker === undefined) return new CallRefused(said, [])
  const account = `gcloud iam service-accounts add-iam-policy-binding ${invoker} --project ${projectOf(invoker)}`
  if (reasons.some((reason) => reason.startsWith(`as ${invoker}: HTTP`))) {
    // Whoever may call has been spoken for, and may not.
    return new CallRefused(`${said}. It takes roles/run.invoker for ${invoker} on the service`, ['imagery deploy'])
  }
  const role = 'roles/iam.serviceAccountOpenIdTokenCreator'
  const member = await memberToGrant()
  return new CallRefused(`${said}. It takes ${role} on ${invoker}`, [`${account} --member ${member} --role ${role}`])
}

/** `name@project.iam.gserviceaccount.com`; the project of a domain stands the other way round. */
function projectOf(account: string): string {
  const [project = '', domain] = account
    .slice(account.indexOf('@') + 1)
    .replace(/\.iam\.gserviceaccount\.com$/, '')
    .split(/\.(.*)/s)
  return domain ? `${domain}:${project}` : project
}
