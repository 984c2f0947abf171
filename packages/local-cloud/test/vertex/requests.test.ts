import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  about,
  clientOf,
  IMAGE,
  JPEG,
  MODEL,
  post,
  PROJECT,
  refusal,
  startVertex,
  type Refusal,
  type Vertex,
} from './vertex-fixture.ts'

const objects = new Map<string, Buffer>()
let vertex: Vertex

beforeAll(async () => {
  vertex = await startVertex({ script: 'seed: 1', objects })
})

afterAll(() => vertex.stop())

async function refused(body: unknown, model = MODEL, headers: Record<string, string> = {}): Promise<Refusal> {
  const answer = await post(vertex, body, model, headers)
  return { status: answer.status, ...((await answer.json()) as Pick<Refusal, 'error'>) }
}

const contents = about(IMAGE)
const json = { responseMimeType: 'application/json' }

describe('a request whose JSON does not fit the message', () => {
  // https://github.com/googleapis/googleapis/blob/master/google/cloud/aiplatform/v1/content.proto; the words are
  // those of Google's frontend, as quoted in https://github.com/simonw/llm-gemini/issues/49.
  it.each([
    [
      { contents, generation: {} },
      undefined,
      'Invalid JSON payload received. Unknown name "generation": Cannot find field.',
    ],
    [
      { contents, generationConfig: { effortLevel: 'LOW' } },
      'generation_config',
      'Invalid JSON payload received. Unknown name "effortLevel" at \'generation_config\': Cannot find field.',
    ],
    [
      {
        contents,
        generationConfig: {
          ...json,
          responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING', const: 'x' } } },
        },
      },
      'generation_config.response_schema.properties[0].value',
      'Invalid JSON payload received. Unknown name "const" at \'generation_config.response_schema.properties[0].value\': Cannot find field.',
    ],
    [
      { contents, generationConfig: { mediaResolution: 'TINY' } },
      'generation_config.media_resolution',
      'Invalid value at \'generation_config.media_resolution\' (type.googleapis.com/google.cloud.aiplatform.v1.GenerationConfig.MediaResolution), "TINY"',
    ],
    [
      { contents, generationConfig: { temperature: 'warm' } },
      'generation_config.temperature',
      'Invalid value at \'generation_config.temperature\' (TYPE_FLOAT), "warm"',
    ],
    [
      { contents, generationConfig: { maxOutputTokens: 1.5 } },
      'generation_config.max_output_tokens',
      "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5",
    ],
    [
      { contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: '***' } }] }] },
      'contents[0].parts[0].inline_data.data',
      'Invalid value at \'contents[0].parts[0].inline_data.data\' (TYPE_BYTES), Base64 decoding failed for "***"',
    ],
    [
      { contents: [{ role: 'user', parts: [{ text: 'a', fileData: { fileUri: IMAGE, mimeType: 'image/jpeg' } }] }] },
      'contents[0].parts[0]',
      "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'fileData'",
    ],
    [
      { contents, systemInstruction: ['a'] },
      undefined,
      'Invalid JSON payload received. Unknown name "systemInstruction": Proto field is not repeating, cannot start list.',
    ],
  ])('is refused with the field and the reason: %j', async (body, field, description) => {
    const { status, error } = await refused(body)
    expect(status).toBe(400)
    const text = description.replace('"systemInstruction"', '"system_instruction"')
    expect(error).toEqual({
      code: 400,
      message: text,
      status: 'INVALID_ARGUMENT',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ ...(field ? { field } : {}), description: text }],
        },
      ],
    })
  })

  it('lists every fault at once', async () => {
    const { error } = await refused({ contents, a: 1, generationConfig: { b: 2 } })
    expect(error.message.split('\n')).toHaveLength(2)
    expect(error.details?.[0]?.['fieldViolations']).toHaveLength(2)
  })

  it("accepts snake_case and a single object for a list, as in Google's samples", async () => {
    const body = { contents: { role: 'user', parts: { text: 'hello' } }, generation_config: { max_output_tokens: 50 } }
    expect((await post(vertex, body)).status).toBe(200)
  })

  it('is refused if it is not JSON', async () => {
    const { error } = await refused('{"contents": ')
    expect(error).toMatchObject({
      code: 400,
      message: expect.stringContaining('Invalid JSON payload received.') as string,
    })
  })
})

describe('a request that the model does not accept', () => {
  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference and the model pages; the
  // sentences are quoted in public issues, e.g. agno-agi/agno#3964, agno-agi/agno#5843, envoyproxy/ai-gateway#2686.
  it.each([
    ['no contents', {}, 'at least one contents field is required'],
    [
      'no parts',
      { contents: [{ role: 'user', parts: [] }] },
      'it must include at least one parts field, which describes the prompt input',
    ],
    [
      'a role of its own',
      { contents: [{ role: 'system', parts: [{ text: 'a' }] }] },
      'Please use a valid role: user, model.',
    ],
    ['an empty text', { contents: [{ role: 'user', parts: [{ text: '' }] }] }, 'it has an empty text parameter'],
    [
      'the model speaking last',
      { contents: [...contents, { role: 'model', parts: [{ text: '{' }] }] },
      'Requests ending with a model turn are not supported.',
    ],
    [
      'a type that is no image',
      { contents: [{ role: 'user', parts: [{ fileData: { fileUri: IMAGE, mimeType: 'image/gif' } }] }] },
      'it has a mimeType parameter with value image/gif, which is not supported. Update the mimeType and try again.',
    ],
    [
      'an image without a type',
      { contents: [{ role: 'user', parts: [{ fileData: { fileUri: IMAGE } }] }] },
      'it must have a mimeType parameter',
    ],
    [
      'a malformed URI',
      { contents: [{ role: 'user', parts: [{ fileData: { fileUri: 'gs:/bucket/a.jpg', mimeType: 'image/jpeg' } }] }] },
      'Unsupported file uri: gs:/bucket/a.jpg',
    ],
    ['a bucket without an object', { contents: about('gs://bucket') }, 'Unsupported file uri: gs://bucket'],
    [
      'too many images',
      { contents: about(...Array.from({ length: 3_001 }, () => IMAGE)) },
      'the maximum number of images is 3000',
    ],
    [
      'a temperature above 2',
      { contents, generationConfig: { temperature: 2.1 } },
      'it has a temperature value of 2.1',
    ],
    [
      'too large an output',
      { contents, generationConfig: { maxOutputTokens: 65_537 } },
      'it has a maxOutputTokens value of 65537 but the supported range is from 1 (inclusive) to 65537 (exclusive). Update the value and try again.',
    ],
    [
      'six stop sequences',
      { contents, generationConfig: { stopSequences: ['a', 'b', 'c', 'd', 'e', 'f'] } },
      'it has 6 stopSequences',
    ],
    [
      'a mime type of an answer',
      { contents, generationConfig: { responseMimeType: 'text/html' } },
      'responseMimeType parameter with value text/html',
    ],
    [
      'two ways to think',
      { contents, generationConfig: { thinkingConfig: { thinkingBudget: 1, thinkingLevel: 'LOW' } } },
      'cannot be set together',
    ],
    ['a label in capitals', { contents, labels: { Run: 'a' } }, 'it has the label Run=a'],
    [
      'an inline image above 7 MB',
      {
        contents: [
          {
            role: 'user',
            parts: [
              { inlineData: { mimeType: 'image/jpeg', data: Buffer.alloc(7 * 1024 * 1024 + 1).toString('base64') } },
            ],
          },
        ],
      },
      'the maximum is 7340032 bytes (7 MB)',
    ],
    [
      'an inline image that is none',
      {
        contents: [
          {
            role: 'user',
            parts: [{ inlineData: { mimeType: 'image/jpeg', data: Buffer.from('<html>').toString('base64') } }],
          },
        ],
      },
      'Unable to process input image.',
    ],
  ])('%s', async (_, body, message) => {
    const { status, error } = await refused(body)
    expect({ status, code: error.code, name: error.status }).toEqual({
      status: 400,
      code: 400,
      name: 'INVALID_ARGUMENT',
    })
    expect(error.message).toContain(message)
  })

  it.each([
    ['a tool', { contents, tools: [{ googleSearch: {} }] }, 'tools'],
    ['a cache', { contents, cachedContent: 'projects/p/locations/l/cachedContents/1' }, 'cached_content'],
    ['two candidates', { contents, generationConfig: { candidateCount: 2 } }, 'More than one candidate'],
    [
      'a video',
      { contents: [{ role: 'user', parts: [{ fileData: { fileUri: 'gs://b12/a.mp4', mimeType: 'video/mp4' } }] }] },
      'video/mp4',
    ],
    ['a web address', { contents: about('https://example.com/a.jpg') }, 'an http or https address'],
  ])('but Google does is refused by name: %s', async (_, body, message) => {
    const { status, error } = await refused(body)
    expect([status, error.status]).toEqual([501, 'UNIMPLEMENTED'])
    expect(error.message).toContain(message)
  })

  it.each(['gemini-2.0-flash-001', 'gemini-1.5-pro-002', 'gemini-9-flash'])(
    'is answered NOT_FOUND when the model is retired or unknown: %s',
    async (model) => {
      const { status, error } = await refused({ contents }, model)
      expect([status, error.status]).toEqual([404, 'NOT_FOUND'])
      // Quoted in https://github.com/genkit-ai/genkit/issues/4688.
      expect(error.message).toContain(
        `Publisher Model \`projects/${PROJECT}/locations/global/publishers/google/models/${model}\` was not found or your project does not have access to it.`,
      )
    },
  )

  it('costs nothing and is counted separately', async () => {
    const before = vertex.api.calls.summary()
    await refused({})
    expect(vertex.api.calls.summary()).toEqual({ ...before, refusedCalls: before.refusedCalls + 1 })
  })
})

describe('an image in the local Cloud Storage', () => {
  function stored(name: string, body: Buffer): string {
    const uri = `gs://own-images/${name}`
    objects.set(uri, body)
    return uri
  }

  it('is read', async () => {
    expect((await post(vertex, { contents: about(stored('a.jpg', JPEG)) })).status).toBe(200)
  })

  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/api-errors
  it('that does not exist is NOT_FOUND', async () => {
    const { status, error } = await refused({ contents: about('gs://own-images/gone.jpg') })
    expect([status, error.status]).toEqual([404, 'NOT_FOUND'])
  })

  it('that is not an image is refused', async () => {
    expect((await refused({ contents: about(stored('a.txt', Buffer.from('hello'))) })).status).toBe(400)
  })

  it('of more than 30 MB is refused', async () => {
    const large = Buffer.alloc(30 * 1024 * 1024 + 1)
    JPEG.copy(large)
    const { error } = await refused({ contents: about(stored('large.jpg', large)) })
    expect(error.message).toContain('the maximum is 31457280 bytes (30 MB)')
  })
})

describe('authentication', () => {
  it('is refused without a token', async () => {
    const client = clientOf(vertex, { token: 'Bearer stub' })
    expect(await refusal(client.models.generateContent({ model: MODEL, contents: 'hi' }))).toMatchObject({
      status: 401,
    })
  })

  it('is refused for another project', async () => {
    const client = clientOf(vertex, { project: 'somebody-else' })
    const { status, error } = await refusal(client.models.generateContent({ model: MODEL, contents: 'hi' }))
    expect(status).toBe(403)
    expect(error.message).toContain(
      "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/somebody-else/",
    )
  })
})

it('streaming is refused by name', async () => {
  const client = clientOf(vertex)
  const { status, error } = await refusal(client.models.generateContentStream({ model: MODEL, contents: 'hi' }))
  expect(status).toBe(501)
  expect(error.message).toContain(':streamGenerateContent')
})

// https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo
describe('Flex PayGo', () => {
  const flex = { 'x-vertex-ai-llm-shared-request-type': 'flex' }

  it('is refused for a model that does not support it', async () => {
    const { error } = await refused({ contents }, 'gemini-2.5-flash', flex)
    expect(error.message).toContain('Flex PayGo is not supported for gemini-2.5-flash')
  })

  it('is refused outside the global endpoint', async () => {
    const client = clientOf(vertex, { location: 'us-central1', httpOptions: { headers: flex } })
    const { error } = await refusal(client.models.generateContent({ model: MODEL, contents: 'hi' }))
    expect(error.message).toContain('global endpoint only')
  })
})
