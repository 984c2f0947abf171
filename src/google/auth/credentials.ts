import type { AuthClient, BaseExternalAccountClient, Compute, GoogleAuth, IdTokenProvider } from 'google-auth-library'
import { localCloud } from '../transport/environment.ts'
import { call, cloudError, CloudError } from '../transport/errors.ts'
import { settleProxies } from '../transport/proxy.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

let metadataClient: Promise<Compute> | undefined

/**
 * In a local cloud, the metadata server's account and nothing else: the user's own Google
 * credentials are never read, let alone sent. On Google undefined: the clients then look for
 * Application Default Credentials themselves.
 */
async function localCredentials(): Promise<Compute | undefined> {
  // Whoever makes a client comes by here.
  settleProxies()
  if (!localCloud()) return undefined
  metadataClient ??= import('google-auth-library').then(({ Compute }) => new Compute({ scopes: [SCOPE] }))
  return metadataClient
}

/** Options that every gRPC client takes: where the API is and who calls. */
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

/** Options that the BigQuery and Storage clients take: where the API is and who calls. */
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

/** Who calls Gemini: in a local cloud its metadata server's account; on Google, what the client finds by itself. */
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

/** A client whose requests carry this process's access token. */
export async function accessClient(): Promise<AuthClient> {
  return (await defaultCredentials()).getClient()
}

/** Makes identity tokens for audiences of our choice. */
type IdentityTokens = Pick<IdTokenProvider, 'fetchIdToken'>

/**
 * Who this process is when it calls a service of ours: a service account has identity tokens of its
 * own, a person (`authorized_user`) or a federated identity has none for an audience of our choice
 * (https://cloud.google.com/docs/authentication/get-id-token). A federated identity that impersonates
 * a service account may have that account's made (https://cloud.google.com/iam/docs/workload-identity-federation#impersonation).
 */
export async function identityClient(): Promise<
  { kind: 'service account'; client: IdentityTokens } | { kind: 'person' | 'federated'; client?: undefined }
> {
  const { BaseExternalAccountClient, Compute, GoogleAuth, Impersonated, JWT, UserRefreshClient } =
    await import('google-auth-library')
  const local = await localCredentials()
  const found = local ?? (await accessClient())
  // Google makes a key either an access token, when it is asked with scopes, or an identity token.
  const client = found instanceof JWT ? await new GoogleAuth().getClient() : found
  if (client instanceof JWT || client instanceof Compute || client instanceof Impersonated)
    return { kind: 'service account', client }
  const email = client instanceof BaseExternalAccountClient ? client.getServiceAccountEmail() : null
  if (email) {
    // The account's own token would not do: nobody lets accounts speak for themselves.
    const { jsonContent } = await defaultCredentials()
    const federated = withoutImpersonation(client as BaseExternalAccountClient, jsonContent ?? {})
    return { kind: 'service account', client: { fetchIdToken: (audience) => idTokenOf(email, audience, federated) } }
  }
  return { kind: client instanceof UserRefreshClient ? 'person' : 'federated' }
}

/** The same source of the same kind, made by the library's own constructor of it, as the identity that it is before it impersonates. */
function withoutImpersonation(client: BaseExternalAccountClient, file: object): AuthClient {
  const Kind = client.constructor as new (options: object) => AuthClient
  return new Kind({ ...file, service_account_impersonation_url: undefined, scopes: [SCOPE] })
}

/**
 * An identity token of an account, by IAM
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

/** How it is said that the metadata server, or a key's file, did not tell whose credentials they are. */
export const NO_ACCOUNT = "Could not read the account's address"

/** The e-mail address of the account that this process calls Google with, when it is a service account. @throws CloudError */
export async function callerAccount(): Promise<string | undefined> {
  const credentials = (await defaultCredentials()).getCredentials()
  const { client_email: account } = await call(credentials).catch((error: unknown) => {
    const { status, message } = cloudError(error)
    throw new CloudError(status, `${NO_ACCOUNT}: ${message}`, { cause: error })
  })
  return account
}
