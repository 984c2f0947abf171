import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { askGemini, GeminiRefused, type GeminiRequest } from '../../src/google/gemini.ts'

/** A stand-in for both the metadata server and Vertex AI. */
let server: Server
let base: string
let answer: { status: number; body: unknown; headers?: Record<string, string> } | 'hang' | 'reset'
let asked: { path: string; headers: IncomingHttpHeaders; body: Record<string, unknown> }[]

const WHOLE = {
  candidates: [
    {
      content: { role: 'model', parts: [{ text: 'hm', thought: true }, { text: '{"a": ' }, { text: '1}' }] },
      finishReason: 'STOP',
    },
  ],
  usageMetadata: {
    promptTokenCount: 7,
    candidatesTokenCount: 5,
    thoughtsTokenCount: 3,
    totalTokenCount: 15,
    trafficType: 'ON_DEMAND_FLEX',
  },
  modelVersion: 'gemini-3.5-flash-lite',
}

beforeEach(async () => {
  asked = []
  answer = { status: 200, body: WHOLE }
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('metadata-flavor', 'Google')
      if (request.url?.startsWith('/computeMetadata')) {
        response.setHeader('content-type', 'application/json')
        return response.end(JSON.stringify({ access_token: 'local-token', expires_in: 3_600, token_type: 'Bearer' }))
      }
      asked.push({
        path: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>,
      })
      if (answer === 'hang') return undefined
      if (answer === 'reset') return request.socket.destroy()
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      return response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  base = `http://${host}`
  process.env['GCE_METADATA_HOST'] = host
  useLocalCloud({
    version: 1,
    pid: 1,
    projectId: 'demo',
    projectNumber: '1',
    region: 'us-central1',
    http: base,
    grpc: { host: '127.0.0.1', port: 1 },
    caFile: '/nowhere',
    metadataHost: host,
    adminToken: '',
    startedAt: '',
  })
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function request(changes: Partial<GeminiRequest> = {}): GeminiRequest {
  return {
    // A client is cached per project, so each test has its own, like its server.
    projectId: `p-${new URL(base).port}`,
    location: 'global',
    endpoint: null,
    model: 'gemini-3.5-flash-lite',
    tier: 'standard',
    parts: [{ gcsUri: 'gs://bucket/1.jpg', mimeType: 'image/jpeg' }, { text: 'What?' }],
    responseSchema: { type: 'OBJECT', properties: { a: { type: 'INTEGER' } }, propertyOrdering: ['a'] },
    mediaResolution: null,
    temperature: null,
    maxOutputTokens: null,
    thinking: null,
    labels: { 'imagery-run': '261123-9f3c1a7b' },
    timeoutMs: 60_000,
    ...changes,
  }
}

const ask = (changes?: Partial<GeminiRequest>, signal = new AbortController().signal) =>
  askGemini(request(changes), signal)

async function refusal(changes?: Partial<GeminiRequest>, signal?: AbortSignal): Promise<GeminiRefused> {
  const error = await ask(changes, signal).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof GeminiRefused) return error
  throw new Error('not refused', { cause: error })
}

describe('on the wire', () => {
  test("a request is as documented, to v1, with the metadata server's token", async () => {
    await ask()
    expect(asked).toHaveLength(1)
    expect(asked[0]?.path).toMatch(
      /^\/v1\/projects\/p-\d+\/locations\/global\/publishers\/google\/models\/gemini-3\.5-flash-lite:generateContent$/,
    )
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer local-token', 'x-server-timeout': '60' })
    expect(asked[0]?.headers).not.toHaveProperty('x-vertex-ai-llm-shared-request-type')
    expect(asked[0]?.body).toEqual({
      contents: [
        {
          role: 'user',
          parts: [{ fileData: { fileUri: 'gs://bucket/1.jpg', mimeType: 'image/jpeg' } }, { text: 'What?' }],
        },
      ],
      generationConfig: {
        responseMimeType: 'application/json',
        responseSchema: { type: 'OBJECT', properties: { a: { type: 'INTEGER' } }, propertyOrdering: ['a'] },
      },
      labels: { 'imagery-run': '261123-9f3c1a7b' },
    })
  })

  // https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo
  test('tier, resolution, limits, thinking and inline images are in the documented fields', async () => {
    await ask({
      tier: 'flex',
      timeoutMs: 1_740_000,
      mediaResolution: 'low',
      temperature: 0,
      maxOutputTokens: 100,
      thinking: 'minimal',
      parts: [{ bytes: Buffer.from('abc'), mimeType: 'image/png' }],
    })
    expect(asked[0]?.headers).toMatchObject({
      'x-vertex-ai-llm-shared-request-type': 'flex',
      'x-server-timeout': '1740',
    })
    expect(asked[0]?.body).toMatchObject({
      contents: [{ role: 'user', parts: [{ inlineData: { data: 'YWJj', mimeType: 'image/png' } }] }],
      generationConfig: {
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
        temperature: 0,
        maxOutputTokens: 100,
        thinkingConfig: { thinkingLevel: 'MINIMAL' },
      },
    })
  })

  // https://cloud.google.com/vertex-ai/generative-ai/docs/thinking#budget
  test.each([
    ['gemini-2.5-flash', 'minimal', 0],
    ['gemini-2.5-pro', 'minimal', 128],
    ['gemini-2.5-flash-lite', 'high', 24_576],
  ] as const)('%s uses thinking level %s as a budget of %i', async (model, thinking, thinkingBudget) => {
    await ask({ model, thinking })
    expect(asked[0]?.body).toMatchObject({ generationConfig: { thinkingConfig: { thinkingBudget } } })
  })

  test('a user’s own endpoint is called instead', async () => {
    await ask({ endpoint: `${base}/proxy/` })
    expect(asked[0]?.path).toMatch(/^\/proxy\/v1\/projects\//)
  })
})

describe('an answer', () => {
  test('is its text without thoughts, with tokens, version and traffic type', async () => {
    expect(await ask()).toEqual({
      text: '{"a": 1}',
      finishReason: 'STOP',
      message: undefined,
      blockReason: undefined,
      usage: { promptTokens: 7, outputTokens: 5, thoughtTokens: 3 },
      modelVersion: 'gemini-3.5-flash-lite',
      trafficType: 'ON_DEMAND_FLEX',
    })
  })

  // Seen in answers of Vertex AI: neuron-core/neuron-ai#443.
  test.each([
    ['the thoughts', { promptTokenCount: 7, candidatesTokenCount: 5, totalTokenCount: 15 }, [7, 5, 3]],
    ['thoughts that there are not', { promptTokenCount: 7, candidatesTokenCount: 5, totalTokenCount: 12 }, [7, 5, 0]],
    ['the answer', { promptTokenCount: 7, thoughtsTokenCount: 3, totalTokenCount: 15 }, [7, 5, 3]],
    ['the answer and thoughts', { promptTokenCount: 7, totalTokenCount: 15 }, [7, 8, 0]],
    ['the prompt', { candidatesTokenCount: 5, thoughtsTokenCount: 3, totalTokenCount: 15 }, [7, 5, 3]],
    ['the total and the answer', { promptTokenCount: 7 }, [7, null, 0]],
    ['the total and the prompt', { candidatesTokenCount: 5 }, [null, 5, 0]],
    ['all but the total', { totalTokenCount: 15 }, [null, null, null]],
    ['every count', { trafficType: 'ON_DEMAND' }, [null, null, null]],
  ])('whose usage lacks %s gets it from the total, or does not know it', async (_what, usageMetadata, counts) => {
    answer = { status: 200, body: { ...WHOLE, usageMetadata } }
    const [promptTokens, outputTokens, thoughtTokens] = counts
    expect((await ask()).usage).toEqual({ promptTokens, outputTokens, thoughtTokens })
  })

  test('that was blocked says why', async () => {
    answer = {
      status: 200,
      body: {
        promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'no' },
        usageMetadata: { promptTokenCount: 7 },
      },
    }
    expect(await ask()).toMatchObject({
      text: '',
      blockReason: 'SAFETY',
      message: 'no',
      usage: { promptTokens: 7, outputTokens: 0 },
    })
  })

  const SAFETY = { candidates: [{ finishReason: 'SAFETY' }] }
  test.each([
    ['an answer withheld', { ...SAFETY, usageMetadata: { promptTokenCount: 7 } }, [7, 0, 0]],
    [
      'an answer withheld after thoughts',
      { ...SAFETY, usageMetadata: { promptTokenCount: 7, totalTokenCount: 9 } },
      [7, 0, 2],
    ],
    ['an answer withheld, with a total only', { ...SAFETY, usageMetadata: { totalTokenCount: 7 } }, [7, 0, 0]],
    [
      'an answer withheld, without counts',
      { ...SAFETY, usageMetadata: { trafficType: 'ON_DEMAND' } },
      [null, null, null],
    ],
    ['an answer withheld, without usage', SAFETY, [null, null, null]],
    ['a response without anything', {}, [null, null, null]],
    ['a prompt that the model never got', { promptFeedback: { blockReason: 'OTHER' } }, undefined],
  ])('without text: the cost of %s is what is known', async (_what, body, counts) => {
    answer = { status: 200, body }
    const usage = counts && { promptTokens: counts[0], outputTokens: counts[1], thoughtTokens: counts[2] }
    expect(await ask()).toMatchObject({ text: '', usage })
  })
})

describe('a refusal', () => {
  const exhausted = (details: unknown[] = []) => ({
    error: { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED', details },
  })

  test("is not retried, and has Google's message", async () => {
    answer = { status: 429, body: exhausted() }
    expect(await refusal()).toMatchObject({
      message: 'Resource exhausted.',
      sign: { http: 429 },
      retryAfterMs: undefined,
    })
    expect(asked).toHaveLength(1)
  })

  test('has the retry delay, from the header or the details', async () => {
    answer = { status: 429, body: exhausted(), headers: { 'retry-after': '7' } }
    expect(await refusal()).toMatchObject({ retryAfterMs: 7_000 })
    answer = {
      status: 429,
      body: exhausted([{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' }]),
    }
    expect(await refusal()).toMatchObject({ retryAfterMs: 1_500 })
  })

  test('by a proxy’s page is shown unchanged', async () => {
    const body = '<html>Bad gateway</html>'
    answer = { status: 502, body, headers: { 'content-type': 'text/html' } }
    const { sign, message } = await refusal()
    expect(sign).toMatchObject({ http: 502 })
    expect(message).toContain('Bad gateway')
    answer = { status: 503, body, headers: { 'retry-after': '2' } }
    expect(await refusal()).toMatchObject({ sign: { http: 503 }, retryAfterMs: 2_000 })
  })

  test('after the deadline, ours or the request’s, is a timeout', async () => {
    answer = 'hang'
    const ours = new AbortController()
    setTimeout(() => ours.abort(), 50)
    expect((await refusal({}, ours.signal)).sign).toEqual({ problem: 'deadline' })
    expect((await refusal({ timeoutMs: 50 })).sign).toEqual({ problem: 'deadline' })
  })

  test('with an oversized body is not read to its end', async () => {
    answer = { status: 200, body: ' '.repeat(40 * 1024 * 1024) }
    expect(await refusal()).toMatchObject({
      sign: { problem: 'connection' },
      message: expect.stringContaining('larger than') as string,
    })
  })

  test('by a broken connection is a refusal', async () => {
    answer = 'reset'
    expect((await refusal()).sign).toEqual({ problem: 'connection' })
  })
})
