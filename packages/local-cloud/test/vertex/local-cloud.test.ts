import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseGeminiChoice } from '../../src/contract/gemini-choice.ts'
import { SUPPORT } from '../../src/apis/vertex/support.ts'
import { forwardedModel, userCredentials } from '../../src/apis/vertex/forwarded-model.ts'
import type { GeminiCall } from '../../src/apis/vertex/behavior.ts'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { accessToken, admin, callApi, LocalClouds, stateOf } from '../host/local-cloud-fixture.ts'
import { about, clientOf, JPEG, MODEL, refusal, type Refusal } from './vertex-fixture.ts'

const clouds = new LocalClouds()
const RECORDING = path.resolve(import.meta.dirname, '../../../../test/fixtures/road-signs/answers.jsonl')
const RECORDED = 'gs://own-recording/signs/o1:0001.jpg'

describe('Vertex AI in a local cloud', () => {
  it("answers the official client with the metadata server's token, and lists its calls", async () => {
    const cloud = await clouds.start({ gemini: `replay:${RECORDING}` })
    const client = clientOf(
      { url: cloud.locator.http },
      { project: cloud.locator.projectId, token: `Bearer ${await accessToken(cloud)}` },
    )
    const answer = await client.models.generateContent({ model: MODEL, contents: about(RECORDED) })
    expect(answer.usageMetadata?.totalTokenCount).toBe(453)
    const summary = { units: 1, calls: 1, billedCalls: 1, maxCallsPerUnit: 1, promptTokens: 412, answerTokens: 41 }
    expect((await admin(cloud, 'GET', 'gemini')).body).toMatchObject({
      summary,
      units: [{ model: MODEL, images: [RECORDED], calls: 1, outcomes: { recorded: 1 } }],
    })
    expect(await stateOf(cloud)).toMatchObject({
      gemini: summary,
      calls: { 'aiplatform.generateContent': 1 },
      apis: { aiplatform: { calls: 1 } },
    })
    expect(cloud.locator.gemini).toBe(`replay:${RECORDING}`)
  })

  it('reads images from the local Cloud Storage', async () => {
    const cloud = await clouds.start({ gemini: `replay:${RECORDING}` })
    await callApi(cloud, '/storage/v1/b?project=imagery-local', {
      method: 'POST',
      body: JSON.stringify({ name: 'own-recording' }),
    })
    await allowAgent(cloud, [await agentOf(cloud)])
    const client = clientOf(
      { url: cloud.locator.http },
      { project: cloud.locator.projectId, token: `Bearer ${await accessToken(cloud)}` },
    )
    const ask = () => client.models.generateContent({ model: MODEL, contents: about(RECORDED) })
    expect(await refusal(ask())).toMatchObject({ status: 404 })
    const upload = `/upload/storage/v1/b/own-recording/o?uploadType=media&name=${encodeURIComponent('signs/o1:0001.jpg')}`
    await callApi(cloud, upload, { method: 'POST', body: 'no image' })
    expect(await refusal(ask())).toMatchObject({ status: 400 })
    await callApi(cloud, upload, { method: 'POST', body: new Uint8Array(JPEG) })
    await allowAgent(cloud, [])
    expect(await refusal(ask())).toMatchObject({
      status: 403,
      error: { status: 'PERMISSION_DENIED', message: 'Permission denied while accessing input file.' },
    })
    await allowAgent(cloud, [await agentOf(cloud)])
    expect((await ask()).usageMetadata?.totalTokenCount).toBe(453)
  })

  it('does not start with an invalid script, and leaves nothing running', async () => {
    await expect(clouds.start({ gemini: 'script:/nowhere.yaml' })).rejects.toMatchObject({ code: 'INVALID_GEMINI' })
    expect((await clouds.start()).locator.gemini).toBeUndefined()
  })
})

/** Lets these accounts read the bucket, besides its project's owners. Returns the refusal, or undefined. */
async function allowAgent(cloud: LocalCloud, emails: readonly string[]): Promise<string | undefined> {
  const members = emails.map((email) => `serviceAccount:${email}`)
  const owners = [`projectOwner:${cloud.locator.projectId}`]
  const bindings = [
    { role: 'roles/storage.legacyBucketOwner', members: owners },
    ...(members.length > 0 ? [{ role: 'roles/storage.objectViewer', members }] : []),
  ]
  const body = JSON.stringify({ bindings })
  const answer = await callApi(cloud, '/storage/v1/b/own-recording/iam', { method: 'PUT', body })
  return answer.ok ? undefined : ((await answer.json()) as Refusal).error.message
}

/** https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services/generateServiceIdentity */
async function agentOf(cloud: LocalCloud): Promise<string> {
  const { projectId } = cloud.locator
  const route = `/v1beta1/projects/${projectId}/services/aiplatform.googleapis.com:generateServiceIdentity`
  const answer = await callApi(cloud, route, { method: 'POST', body: '{}' })
  return ((await answer.json()) as { response: { email: string } }).response.email
}

describe("Vertex AI's service agent", () => {
  it('can be named in a policy only after it was created', async () => {
    const cloud = await clouds.start({ allServicesEnabled: false })
    const create = '/storage/v1/b?project=imagery-local'
    await callApi(cloud, create, { method: 'POST', body: JSON.stringify({ name: 'own-recording' }) })
    const agent = `service-${cloud.locator.projectNumber}@gcp-sa-aiplatform.iam.gserviceaccount.com`
    expect(await allowAgent(cloud, [agent])).toContain(`${agent} does not exist`)
    expect(await agentOf(cloud)).toBe(agent)
    expect(await allowAgent(cloud, [agent])).toBeUndefined()
  })
})

describe('forwarded calls', () => {
  const call = (body: Record<string, unknown>): GeminiCall => ({
    request: { location: 'global', model: { id: MODEL } } as GeminiCall['request'],
    body,
    apiVersion: 'v1',
    headers: { 'x-vertex-ai-llm-shared-request-type': 'flex', 'x-goog-api-client': 'test' },
    unit: '',
    nth: 1,
    signal: new AbortController().signal,
  })

  async function withGoogle(
    status: number,
    answer: object,
    work: (endpoint: string, seen: { request?: IncomingMessage; body: unknown }) => Promise<void>,
  ): Promise<void> {
    const seen: { request?: IncomingMessage; body: unknown } = { body: undefined }
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        Object.assign(seen, { request, body: JSON.parse(text) as unknown })
        response.writeHead(status, { 'retry-after': '9' }).end(JSON.stringify(answer))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  const credentials = { projectId: 'real-project', accessToken: async () => 'real-token' }
  const readLocalObject = async (uri: string) => (uri.startsWith('gs://own-images/') ? JPEG : undefined)

  it('go to the user’s project with the user’s token, and inline the images from the local Cloud Storage', async () => {
    const answer = { candidates: [], usageMetadata: { totalTokenCount: 5 } }
    await withGoogle(200, answer, async (endpoint, seen) => {
      const behavior = forwardedModel({ credentials, readLocalObject, endpoint: () => endpoint })
      const body = { contents: about('gs://own-images/a.jpg', 'gs://public/b.jpg') }
      expect(await behavior.generate(call(body))).toEqual({ body: answer, outcome: 'forwarded' })
      expect(seen.request?.url).toBe(
        `/v1/projects/real-project/locations/global/publishers/google/models/${MODEL}:generateContent`,
      )
      expect(seen.request?.headers).toMatchObject({
        authorization: 'Bearer real-token',
        'x-vertex-ai-llm-shared-request-type': 'flex',
      })
      expect(seen.body).toMatchObject({
        contents: [
          {
            parts: [
              { text: 'What is this?' },
              { inlineData: { mimeType: 'image/jpeg', data: JPEG.toString('base64') } },
              { fileData: { fileUri: 'gs://public/b.jpg' } },
            ],
          },
        ],
      })
    })
  })

  it('pass on the error and its retry delay', async () => {
    const error = { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED', details: [{ a: 1 }] }
    await withGoogle(429, { error }, async (endpoint) => {
      const behavior = forwardedModel({ credentials, readLocalObject, endpoint: () => endpoint })
      await expect(behavior.generate(call({}))).rejects.toMatchObject({
        status: 'RESOURCE_EXHAUSTED',
        http: 429,
        retryAfterS: 9,
        message: 'Resource exhausted.',
      })
    })
  })

  it('need credentials', async () => {
    await expect(userCredentials({ CLOUDSDK_CONFIG: '/nowhere' })).rejects.toThrow('there are no credentials')
    await expect(userCredentials({ GOOGLE_APPLICATION_CREDENTIALS: '/nowhere.json' })).rejects.toThrow(
      '/nowhere.json is not there',
    )
  })
})

it('a choice has an absolute file path', () => {
  expect(parseGeminiChoice('replay:a.jsonl')).toEqual({ kind: 'replay', file: path.resolve('a.jsonl') })
  expect(parseGeminiChoice('forward')).toEqual({ kind: 'forward' })
  for (const text of ['replay:', 'forward:x', 'a.jsonl', '']) expect(parseGeminiChoice(text)).toBeUndefined()
})

it('the support matrix lists each line once, with a note wherever something is missing', () => {
  expect(new Set(SUPPORT.map(({ method }) => method)).size).toBe(SUPPORT.length)
  expect(SUPPORT.filter(({ state, note }) => state === 'partly' && note === '')).toEqual([])
})
