import type { AuthClient, BaseExternalAccountClient, Compute, GoogleAuth, IdTokenProvider } from 'google-auth-library'
import { localCloud } from '../transport/environment.ts'
import { call, cloudError, CloudError, NoToken } from '../transport/errors.ts'
import { proxyOf, settleProxies } from '../transport/proxy.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

let metadataClient: Promise<Compute> | undefined

/**
 * In a local cloud, only the metadata server's account: the user's own Google credentials are never read
 * or sent. On Google, undefined: the clients then find Application Default Credentials themselves.
 */
async function localCredentials(): Promise<Compute | undefined> {
  // All code that creates a client calls this.
  settleProxies()
  if (!localCloud()) return undefined
  metadataClient ??= import('google-auth-library').then(({ Compute }) => new Compute({ scopes: [SCOPE] }))
  return metadataClient
}

/** Options of every gRPC client: the API's address and the caller's credentials. */
export async function grpcClientOptions(projectId: string): Promise<{
  projectId: string
  apiEndpoint?: string
  port?: number
  universeDomain?: string
  auth?: GoogleAuth
}> {
  const target = localCloud()
  const authClient = await localCredentials()
  if (!target) return { projectId }
  const { GoogleAuth } = await import('google-auth-library')
  const auth = new GoogleAuth({ ...(authClient ? { authClient } : {}), projectId }) as GoogleAuth
  return { projectId, apiEndpoint: target.grpc.host, port: target.grpc.port, universeDomain: 'googleapis.com', auth }
}

/**
 * Options of a generated client for calls by HTTP and JSON instead of gRPC
 * (https://github.com/googleapis/gax-nodejs/blob/main/client-libraries.md#http11-rest-api-mode).
 * Its start costs a third of the processor time, so it suits a few calls (docs/decisions/0024-cost-of-a-command.md).
 */
export async function jsonClientOptions(): Promise<{
  fallback: true
  auth: GoogleAuth
  protocol?: 'http'
  apiEndpoint?: string
  port?: number
}> {
  const [{ GoogleAuth }, authClient] = await Promise.all([import('google-auth-library'), localCredentials()])
  const auth = new GoogleAuth(authClient ? { authClient } : {}) as GoogleAuth
  adaptFetch(auth)
  const target = localCloud()
  if (!target) return { fallback: true, auth }
  const { hostname, port } = new URL(target.http)
  return { fallback: true, auth, protocol: 'http', apiEndpoint: hostname, port: Number(port) }
}

/**
 * Changes how the clients send JSON calls:
 * - They send them with an agent of their own, which knows no proxy
 *   (https://github.com/googleapis/gax-nodejs/blob/main/gax/src/fallbackServiceStub.ts, `agentOption`). Without an agent,
 *   gaxios takes the proxy of the environment.
 * - They repeat a call that has no token, such as when no metadata server answers, until its time is over, and then say only
 *   that. So the headers with the token are made first. The call then takes the same token from the library's memory.
 */
function adaptFetch(auth: GoogleAuth): void {
  const send = auth.fetch.bind(auth)
  auth.fetch = async (url: string, options: object) => {
    await auth.getRequestHeaders(url).catch((error: unknown) => {
      throw new NoToken(error)
    })
    const isDirect = proxyOf(new URL(url)) === undefined
    return send(url, isDirect ? options : { ...options, agent: undefined })
  }
}

/** Options of the BigQuery and Storage clients: the API's address and the caller's credentials. */
export async function restClientOptions(projectId: string): Promise<{
  projectId: string
  apiEndpoint?: string
  authClient?: Compute
}> {
  const target = localCloud()
  const authClient = await localCredentials()
  if (!target || !authClient) return { projectId }
  return { projectId, apiEndpoint: target.http, authClient }
}

/** Credentials for Gemini: in a local cloud, its metadata server's account; on Google, what the client finds. */
export async function localAuthOptions(
  projectId: string,
): Promise<{ authClient: Compute; projectId: string } | undefined> {
  const authClient = await localCredentials()
  return authClient && { authClient, projectId }
}

let adc: GoogleAuth | undefined

/** Application Default Credentials of every kind, found and read by Google's own library. */
async function defaultCredentials(): Promise<GoogleAuth> {
  if (adc) return adc
  const [{ GoogleAuth }, authClient] = await Promise.all([import('google-auth-library'), localCredentials()])
  adc = new GoogleAuth(authClient ? { authClient } : { scopes: [SCOPE] })
  return adc
}

/** Returns a client whose requests carry this process's access token. */
export async function accessClient(): Promise<AuthClient> {
  return (await defaultCredentials()).getClient()
}

/** Creates identity tokens for the given audiences. */
type IdentityTokens = Pick<IdTokenProvider, 'fetchIdToken'>

/**
 * The identity of this process when it calls one of imagery's services. A service account has its own identity tokens;
 * a person (`authorized_user`) or a federated identity has none for a chosen audience
 * (https://cloud.google.com/docs/authentication/get-id-token). A federated identity that impersonates a service account
 * can create that account's tokens (https://cloud.google.com/iam/docs/workload-identity-federation#impersonation).
 */
export async function identityClient(): Promise<
  { kind: 'service account'; client: IdentityTokens } | { kind: 'person' | 'federated'; client?: undefined }
> {
  const { BaseExternalAccountClient, Compute, GoogleAuth, Impersonated, JWT, UserRefreshClient } =
    await import('google-auth-library')
  const local = await localCredentials()
  const found = local ?? (await accessClient())
  // For a key, Google creates an access token if the request has scopes, and an identity token
  // otherwise.
  const client = found instanceof JWT ? await new GoogleAuth().getClient() : found
  if (client instanceof JWT || client instanceof Compute || client instanceof Impersonated)
    return { kind: 'service account', client }
  const email = client instanceof BaseExternalAccountClient ? client.getServiceAccountEmail() : null
  if (email) {
    // The account's own token does not work here, because accounts usually cannot impersonate
    // themselves.
    const { jsonContent } = await defaultCredentials()
    const federated = withoutImpersonation(client as BaseExternalAccountClient, jsonContent ?? {})
    return { kind: 'service account', client: { fetchIdToken: (audience) => idTokenOf(email, audience, federated) } }
  }
  return { kind: client instanceof UserRefreshClient ? 'person' : 'federated' }
}

/** Returns the same source, created by the library's own constructor, as the identity before impersonation. */
function withoutImpersonation(client: BaseExternalAccountClient, file: object): AuthClient {
  const Kind = client.constructor as new (options: object) => AuthClient
  return new Kind({ ...file, service_account_impersonation_url: undefined, scopes: [SCOPE] })
}

/**
 * Creates an identity token of an account through IAM
 * (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken).
 */
export async function idTokenOf(account: string, audience: string, client: AuthClient): Promise<string> {
  const base = localCloud()?.http ?? 'https://iamcredentials.googleapis.com'
  const answer = await client.request<{ token: string }>({
    url: `${base}/v1/projects/-/serviceAccounts/${account}:generateIdToken`,
    method: 'POST',
    data: { audience, includeEmail: true },
  })
  return answer.data.token
}

/** The message when neither the metadata server nor a key file names the account of the credentials. */
export const NO_ACCOUNT = "Could not read the account's email address"

/**
 * Returns the email address of the service account that this process uses; undefined for other identities. @throws
 * CloudError
 */
export async function callerAccount(): Promise<string | undefined> {
  const credentials = (await defaultCredentials()).getCredentials()
  const { client_email: account } = await call(credentials).catch((error: unknown) => {
    const { status, message } = cloudError(error)
    throw new CloudError(status, `${NO_ACCOUNT}: ${message}`, { cause: error })
  })
  return account
}
