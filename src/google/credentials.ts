import type { Compute, GoogleAuth } from 'google-auth-library'
import { localCloud } from './environment.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

let metadataClient: Promise<Compute> | undefined

/**
 * In a local cloud, the metadata server's account and nothing else: the user's own Google
 * credentials are never read, let alone sent. On Google undefined: the clients then look for
 * Application Default Credentials themselves.
 */
async function localCredentials(): Promise<Compute | undefined> {
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
  if (!target) return { projectId }
  const { GoogleAuth } = await import('google-auth-library')
  const authClient = await localCredentials()
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

/**
 * An identity token of the caller for a Cloud Run service.
 *
 * @param audience the service's URL
 */
export async function identityToken(audience: string): Promise<string> {
  const local = await localCredentials()
  if (local) return local.fetchIdToken(audience)
  const { GoogleAuth } = await import('google-auth-library')
  const client = await new GoogleAuth().getIdTokenClient(audience)
  return client.idTokenProvider.fetchIdToken(audience)
}

/** The e-mail address of the account that this process calls Google with, when it is a service account. */
export async function callerAccount(): Promise<string | undefined> {
  const { GoogleAuth } = await import('google-auth-library')
  const authClient = await localCredentials()
  const credentials = await new GoogleAuth(authClient ? { authClient } : {}).getCredentials()
  return credentials.client_email
}
