import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ApiError, GoogleGenAI, type GoogleGenAIOptions } from '@google/genai'
import { systemClock, type Clock } from '../../src/kernel/clock.ts'
import { GoogleError } from '../../src/kernel/errors.ts'
import { createFaults } from '../../src/kernel/faults.ts'
import { createGateway, httpOperations } from '../../src/kernel/gateway.ts'
import { serveHttp } from '../../src/kernel/http-server.ts'
import { vertexApi, type VertexApi } from '../../src/apis/vertex/index.ts'

export const PROJECT = 'imagery-test'
export const MODEL = 'gemini-3.5-flash-lite'
const TOKEN = 'Bearer operator'

/** In a bucket that the local Cloud Storage does not have: its objects count as readable. */
export const IMAGE = 'gs://street-images/signs/o1:aa11.jpg'

/** Only a JPEG's first bytes, because nothing here decodes it. */
export const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46])

export interface Vertex {
  url: string
  api: VertexApi
  stop(): Promise<void>
}

export interface VertexOptions {
  /** A scripted model, as YAML; or what `--gemini` takes. */
  script?: string
  gemini?: string
  clock?: Clock
  /** The contents of the local Cloud Storage's only bucket, `gs://own-images`. */
  objects?: Map<string, Buffer>
  /** Whether the service agent may read that bucket. */
  mayRead?: () => boolean
  /** Service agents by address. Default: Vertex AI's. */
  agents?: Map<string, { createdMs: number }>
  agentDelayMs?: number
}

export const AGENT = 'service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com'

/** Vertex AI alone, on its own port, behind the gateway. */
export async function startVertex({
  script,
  gemini,
  clock = systemClock,
  objects = new Map(),
  mayRead = () => true,
  agents = new Map([[AGENT, { createdMs: 0 }]]),
  agentDelayMs = 0,
}: VertexOptions = {}): Promise<Vertex> {
  const directory = mkdtempSync(path.join(tmpdir(), 'imagery-vertex-'))
  const file = path.join(directory, 'model.yaml')
  if (script !== undefined) writeFileSync(file, script)
  const control = createGateway({
    authenticate(authorization) {
      if (authorization !== TOKEN) throw new GoogleError('UNAUTHENTICATED', 'no token')
      return { email: 'operator@imagery-test.iam.gserviceaccount.com' }
    },
    faults: createFaults(),
    clock,
  })
  try {
    const api = await vertexApi({
      clock,
      operation: httpOperations(control.gateway),
      projectId: PROJECT,
      projectNumber: '123456789012',
      gemini: script === undefined ? gemini : `script:${file}`,
      peekObject: (uri, bytes) => {
        if (!uri.startsWith('gs://own-images/')) return 'no bucket'
        const object = objects.get(uri)
        return object ? { size: object.byteLength, head: object.subarray(0, bytes) } : 'no object'
      },
      agents: {
        emailOf: () => AGENT,
        find: (email) => agents.get(email),
        create: (email) => agents.set(email, { createdMs: clock.now() }).get(email)!,
      },
      access: {
        has: ({ email }, { permission }) => email === AGENT && permission === 'storage.objects.get' && mayRead(),
      },
      agentDelayMs: () => agentDelayMs,
      readObject: async (uri) => objects.get(uri) ?? Buffer.alloc(0),
    })
    await api.start()
    const server = await serveHttp({ faces: api.http ? [api.http] : [], port: 0 })
    const stop = async (): Promise<void> => {
      await api.stop()
      await server.stop(0)
    }
    return { url: `http://127.0.0.1:${server.port}`, api, stop }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The official client, unmodified, with the operator's token. */
export function clientOf(
  { url }: Pick<Vertex, 'url'>,
  options: GoogleGenAIOptions & { token?: string } = {},
): GoogleGenAI {
  const { token = TOKEN, ...others } = options
  const authClient = { getRequestHeaders: async () => new Headers({ authorization: token }) }
  return new GoogleGenAI({
    vertexai: true,
    project: PROJECT,
    location: 'global',
    apiVersion: 'v1',
    googleAuthOptions: { authClient: authClient as never },
    ...others,
    httpOptions: { baseUrl: url, ...others.httpOptions },
  })
}

/** A prompt about images by their URIs. */
export function about(...uris: string[]): { role: string; parts: object[] }[] {
  const images = uris.map((fileUri) => ({ fileData: { fileUri, mimeType: 'image/jpeg' } }))
  return [{ role: 'user', parts: [{ text: 'What is this?' }, ...images] }]
}

/** The error of a refused call. */
export interface Refusal {
  status: number
  error: { code: number; message: string; status: string; details?: Record<string, unknown>[] }
}

/** The error that a call of the client ends with. Throws when it does not. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { status: error.status, ...(JSON.parse(error.message) as Pick<Refusal, 'error'>) }
  }
  throw new Error('the call was answered')
}

/** POSTs a body unchanged, bypassing the client's own request format. */
export async function post(
  { url }: Pick<Vertex, 'url'>,
  body: unknown,
  model = MODEL,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/v1/projects/${PROJECT}/locations/global/publishers/google/models/${model}:generateContent`, {
    method: 'POST',
    headers: { authorization: TOKEN, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
