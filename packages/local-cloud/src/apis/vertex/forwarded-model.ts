import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { GoogleError, STATUS_CODES, type GoogleStatus } from '../../kernel/errors.ts'
import type { GeminiBehavior, GeminiCall } from './behavior.ts'
import { refused, vertexError } from './failures.ts'
import { MAX_INLINE_IMAGE_BYTES } from './limits.ts'

/** The credentials that pay for a forwarded call. */
export interface ForwardCredentials {
  projectId: string
  accessToken(): Promise<string>
}

export interface ForwardOptions {
  credentials: ForwardCredentials
  /** The bytes of an object in the local Cloud Storage; undefined when it does not have the bucket. */
  readLocalObject: (uri: string) => Promise<Buffer | undefined>
  /** @default the endpoint of the request's location (https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint) */
  endpoint?: (location: string) => string
}

/** The request's headers that are forwarded to Google. */
const PASSED_HEADERS = ['x-vertex-ai-llm-request-type', 'x-vertex-ai-llm-shared-request-type', 'x-server-timeout']

/**
 * Forwards calls to the real Vertex AI, with the user's own project and credentials. Images in the
 * local Cloud Storage, which Google cannot read, are sent inline.
 */
export function forwardedModel(options: ForwardOptions): GeminiBehavior {
  const { credentials, readLocalObject, endpoint = googleEndpoint } = options
  const send = async (call: GeminiCall, method: string): Promise<Record<string, unknown>> => {
    const { location, model } = call.request
    const resource = `projects/${credentials.projectId}/locations/${location}/publishers/google/models/${model.id}`
    const headers: Record<string, string> = {
      authorization: `Bearer ${await credentials.accessToken()}`,
      'content-type': 'application/json',
    }
    for (const name of PASSED_HEADERS) {
      const value = call.headers[name]
      if (value !== undefined) headers[name] = value
    }
    const answer = await fetch(`${endpoint(location)}/${call.apiVersion}/${resource}:${method}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(await withLocalImages(call.body, readLocalObject)),
      signal: call.signal,
    }).catch((error: unknown) => {
      throw vertexError('UNAVAILABLE', `Vertex AI cannot be reached from here: ${reason(error)}`)
    })
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>
    if (!answer.ok) throw forwardedError(answer, body)
    return body
  }
  return {
    generate: async (call) => ({ body: await send(call, 'generateContent'), outcome: 'forwarded' }),
    countTokens: (call) => send(call, 'countTokens'),
    stop: () => undefined,
  }
}

function googleEndpoint(location: string): string {
  return location === 'global' ? 'https://aiplatform.googleapis.com' : `https://${location}-aiplatform.googleapis.com`
}

function forwardedError(answer: Response, body: Record<string, unknown>): GoogleError {
  const { message, status, details } = (body['error'] ?? {}) as {
    message?: string
    status?: string
    details?: object[]
  }
  const known = status !== undefined && status in STATUS_CODES ? (status as GoogleStatus) : 'UNKNOWN'
  const retryAfterS = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return new GoogleError(known, message ?? `Vertex AI answered ${answer.status}`, {
    http: answer.status,
    details: details ?? [],
    ...(Number.isFinite(retryAfterS) ? { retryAfterS } : {}),
  })
}

async function withLocalImages(value: unknown, readLocalObject: ForwardOptions['readLocalObject']): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => withLocalImages(item, readLocalObject)))
  if (typeof value !== 'object' || value === null) return value
  const entries = await Promise.all(
    Object.entries(value).map(async ([name, member]): Promise<readonly [string, unknown]> => {
      if (name !== 'fileData' && name !== 'file_data') return [name, await withLocalImages(member, readLocalObject)]
      return inlined(name, member as Record<string, unknown>, readLocalObject)
    }),
  )
  return Object.fromEntries(entries)
}

async function inlined(
  name: string,
  file: Record<string, unknown>,
  readLocalObject: ForwardOptions['readLocalObject'],
): Promise<readonly [string, unknown]> {
  const uri = String(file['fileUri'] ?? file['file_uri'])
  const bytes = await readLocalObject(uri)
  if (!bytes) return [name, file]
  if (bytes.byteLength > MAX_INLINE_IMAGE_BYTES) {
    throw refused(`the image ${uri} is in the local Storage, has to go along in the request, and has more than 7 MB.`)
  }
  return ['inlineData', { mimeType: file['mimeType'] ?? file['mime_type'], data: bytes.toString('base64') }]
}

/** Where gcloud leaves a user's application default credentials (https://cloud.google.com/docs/authentication/application-default-credentials). */
function credentialsFile(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment['GOOGLE_APPLICATION_CREDENTIALS']
  if (named) return named
  const folder = environment['CLOUDSDK_CONFIG'] ?? path.join(homedir(), '.config', 'gcloud')
  const usual = path.join(folder, 'application_default_credentials.json')
  return existsSync(usual) ? usual : undefined
}

/**
 * The user's application default credentials, from their file only: this process can be configured
 * to use the local cloud's own metadata server. Rejects with Error when there are none.
 */
export async function userCredentials(environment: NodeJS.ProcessEnv = process.env): Promise<ForwardCredentials> {
  const file = credentialsFile(environment)
  if (file === undefined) throw new Error('there are no credentials for Google Cloud on this machine')
  if (!existsSync(file)) throw new Error(`the credentials file ${file} is not there`)
  const { GoogleAuth } = await import('google-auth-library')
  const auth = new GoogleAuth({ keyFilename: file, scopes: ['https://www.googleapis.com/auth/cloud-platform'] })
  const client = await auth.getClient()
  const projectId = environment['GOOGLE_CLOUD_PROJECT'] ?? client.quotaProjectId ?? client.projectId ?? undefined
  if (!projectId) throw new Error('the credentials name no project: set GOOGLE_CLOUD_PROJECT')
  return {
    projectId,
    async accessToken() {
      const { token } = await client.getAccessToken()
      if (!token) throw vertexError('UNAUTHENTICATED', `The credentials in ${file} gave no access token`)
      return token
    },
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}
