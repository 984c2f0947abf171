import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock, type Clock } from '../../src/kernel/clock.ts'
import { parseScript } from '../../src/apis/vertex/script.ts'
import {
  about,
  clientOf,
  IMAGE,
  MODEL,
  post,
  refusal,
  startVertex,
  type Refusal,
  type Vertex,
} from './vertex-fixture.ts'

let vertex: Vertex

afterEach(() => vertex.stop())

async function script(yaml: string, clock?: Clock): Promise<Vertex> {
  return (vertex = await startVertex({ script: yaml, ...(clock ? { clock } : {}) }))
}

const schema = {
  type: 'object',
  properties: {
    condition: { type: 'string', enum: ['good', 'bad'] },
    transformers: { type: 'integer', minimum: 0, maximum: 3 },
    notes: { type: 'array', items: { type: 'string' } },
  },
  required: ['condition', 'transformers'],
}
const json = { responseMimeType: 'application/json', responseJsonSchema: schema }

const uri = (index: number): string => `gs://street-images/${index}.jpg`

/** The outcome for each of `count` images: the HTTP status, and the finish reason of an answer. */
async function fates(count: number, config: object = json): Promise<string[]> {
  const { models } = clientOf(vertex)
  const ask = async (index: number): Promise<string> => {
    try {
      const { candidates, promptFeedback } = await models.generateContent({
        model: MODEL,
        contents: about(uri(index)),
        config,
      })
      return promptFeedback?.blockReason ?? candidates?.[0]?.finishReason ?? 'nothing'
    } catch (error) {
      return String((error as { status: number }).status)
    }
  }
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)))
}

function shareOf(all: readonly string[], fate: string): number {
  return all.filter((one) => one === fate).length / all.length
}

describe('a scripted answer', () => {
  it('is valid under the schema, and the same for the same images in any order', async () => {
    await script('seed: 7')
    const { models } = clientOf(vertex)
    const ask = async (...uris: string[]) =>
      (await models.generateContent({ model: MODEL, contents: about(...uris), config: json })).text
    const [first, again, other] = [await ask(uri(1), uri(2)), await ask(uri(2), uri(1)), await ask(uri(3))]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
    const value = JSON.parse(first ?? '') as Record<string, unknown>
    expect(['good', 'bad']).toContain(value['condition'])
    expect([0, 1, 2, 3]).toContain(value['transformers'])
    expect(vertex.api.calls.summary()).toMatchObject({ units: 2, calls: 3, maxCallsPerUnit: 2, billedCalls: 3 })
  })

  it('changes with the seed', async () => {
    const texts = new Set<string | undefined>()
    for (const seed of [1, 2]) {
      await script(`seed: ${seed}`)
      texts.add(
        (
          await clientOf(vertex).models.generateContent({
            model: MODEL,
            contents: about(IMAGE),
            config: { ...json, responseJsonSchema: { type: 'number', minimum: 0, maximum: 1_000 } },
          })
        ).text,
      )
      await vertex.stop()
    }
    expect(texts.size).toBe(2)
  })

  it('can be set as text or as JSON, with the images and the call in it', async () => {
    await script('answer: {note: "call {{call}} for {{images}}"}')
    const { text } = await clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE) })
    expect(text).toBe(`{"note":"call 1 for ${IMAGE}"}`)
  })

  // Tokens per image: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding
  it.each([
    [MODEL, undefined, 1_120],
    [MODEL, 'MEDIA_RESOLUTION_LOW', 280],
    [MODEL, 'MEDIA_RESOLUTION_MEDIUM', 560],
    [MODEL, 'MEDIA_RESOLUTION_HIGH', 1_120],
    ['gemini-2.5-flash', undefined, 258],
  ])('of %s at %s counts the documented tokens per image', async (model, mediaResolution, tokens) => {
    await script('answer: abcdefgh')
    const config = mediaResolution === undefined ? {} : { mediaResolution: mediaResolution as never }
    const { usageMetadata } = await clientOf(vertex).models.generateContent({
      model,
      contents: about(uri(1), uri(2)),
      config,
    })
    // "What is this?" is 13 characters, four to a token.
    expect(usageMetadata).toMatchObject({
      promptTokenCount: 4 + 2 * tokens,
      candidatesTokenCount: 2,
      totalTokenCount: 4 + 2 * tokens + 2,
      trafficType: 'ON_DEMAND',
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 4 },
        { modality: 'IMAGE', tokenCount: 2 * tokens },
      ],
    })
    const counted = await clientOf(vertex).models.countTokens({ model, contents: about(uri(1)) })
    // countTokens takes no media resolution.
    expect(counted.totalTokens).toBe(4 + (model === MODEL ? 1_120 : 258))
  })

  it('uses the media resolution of the part, if it has one', async () => {
    await script('seed: 1')
    const parts = [
      { text: 'What is this?' },
      {
        fileData: { fileUri: IMAGE, mimeType: 'image/jpeg' },
        mediaResolution: { level: 'MEDIA_RESOLUTION_ULTRA_HIGH' as never },
      },
    ]
    const { usageMetadata } = await clientOf(vertex).models.generateContent({
      model: MODEL,
      contents: [{ role: 'user', parts }],
    })
    expect(usageMetadata?.promptTokenCount).toBe(2_244)
  })

  it('reports the flex tier, and so does the usage count', async () => {
    await script('seed: 1')
    const client = clientOf(vertex, {
      httpOptions: {
        headers: { 'X-Vertex-AI-LLM-Request-Type': 'shared', 'X-Vertex-AI-LLM-Shared-Request-Type': 'flex' },
      },
    })
    const config = { mediaResolution: 'MEDIA_RESOLUTION_LOW' as never }
    const { usageMetadata } = await client.models.generateContent({ model: MODEL, contents: about(IMAGE), config })
    expect(usageMetadata?.trafficType).toBe('ON_DEMAND_FLEX')
    expect(vertex.api.calls.summary()).toMatchObject({
      tiers: { ON_DEMAND_FLEX: 1 },
      mediaResolutions: { LOW: 1 },
      transports: { gcs: 1 },
    })
  })

  it('has thinking tokens, and fewer with a smaller thinking budget', async () => {
    await script('{answer: ok, thought_tokens: 400}')
    const thoughts = async (thinkingConfig: object) =>
      (
        await clientOf(vertex).models.generateContent({
          model: MODEL,
          contents: about(IMAGE),
          config: { thinkingConfig },
        })
      ).usageMetadata?.thoughtsTokenCount
    expect([
      await thoughts({}),
      await thoughts({ thinkingLevel: 'LOW' }),
      await thoughts({ thinkingLevel: 'MINIMAL' }),
      await thoughts({ thinkingBudget: 50 }),
    ]).toEqual([400, 100, undefined, 50])
  })

  it('is truncated when thoughts and text exceed the output limit', async () => {
    await script(`{answer: ${'x'.repeat(400)}, thought_tokens: 60}`)
    const ask = (config: object) =>
      clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE), config })
    const short = await ask({ maxOutputTokens: 80 })
    expect(short.candidates?.[0]).toMatchObject({
      finishReason: 'MAX_TOKENS',
      content: { parts: [{ text: 'x'.repeat(80) }] },
    })
    expect(short.usageMetadata).toMatchObject({ thoughtsTokenCount: 60, candidatesTokenCount: 20 })
    expect((await ask({ maxOutputTokens: 160 })).candidates?.[0]?.finishReason).toBe('STOP')
  })
})

describe('scripted misbehavior', () => {
  it('happens at the configured rates, and the same way after every start', async () => {
    const yaml = 'seed: 3\nshares: {429: 0.2, 500: 0.05, 503: 0.1, truncate: 0.1, block: 0.1}'
    await script(yaml)
    const first = await fates(400)
    await vertex.stop()
    await script(yaml)
    expect(await fates(400)).toEqual(first)
    expect(shareOf(first, '429')).toBeCloseTo(0.2, 1)
    expect(shareOf(first, '500')).toBeCloseTo(0.05, 1)
    expect(shareOf(first, '503')).toBeCloseTo(0.1, 1)
    expect(shareOf(first, 'MAX_TOKENS')).toBeGreaterThan(0.02)
    expect(shareOf(first, 'SAFETY')).toBeGreaterThan(0.01)
    expect(shareOf(first, 'PROHIBITED_CONTENT')).toBeGreaterThan(0.01)
  })

  it('tells a throttled caller how long to wait, in the header and in the details', async () => {
    await script('{shares: {429: 1}, retry_after_s: 7}')
    const answer = await post(vertex, { contents: about(IMAGE) })
    expect(answer.headers.get('retry-after')).toBe('7')
    const { error } = (await answer.json()) as Refusal
    expect(error).toMatchObject({
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('Resource exhausted. Please try again later.') as string,
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7s' }],
    })
    expect(vertex.api.calls.summary()).toMatchObject({ calls: 1, billedCalls: 0, outcomes: { RESOURCE_EXHAUSTED: 1 } })
  })

  it('breaks JSON so that it does not parse, or parses and breaks the schema', async () => {
    await script('shares: {malformed: 1}')
    const text = async (index: number) =>
      (await clientOf(vertex).models.generateContent({ model: MODEL, contents: about(uri(index)), config: json }))
        .text ?? ''
    for (let index = 0; index < 20; index++) {
      const malformed = await text(index)
      expect(() => JSON.parse(malformed) as unknown).toThrow(SyntaxError)
    }
    await vertex.stop()
    await script('shares: {schema: 1}')
    expect(await text(1)).toContain('{"unexpected":[true]}')
  })

  it('hangs until the caller gives up, and then frees its slot', async () => {
    await script('{shares: {hang: 1}, concurrency: 1}')
    const hung = clientOf(vertex, { httpOptions: { timeout: 150 } }).models.generateContent({
      model: MODEL,
      contents: about(IMAGE),
    })
    await expect(hung).rejects.toMatchObject({ name: 'AbortError' })
    while (!vertex.api.calls.summary().outcomes['CANCELLED']) await new Promise((resolve) => setImmediate(resolve))
    const again = clientOf(vertex, { httpOptions: { timeout: 150 } }).models.generateContent({
      model: MODEL,
      contents: about(uri(2)),
    })
    await expect(again).rejects.toMatchObject({ name: 'AbortError' })
    expect(vertex.api.calls.summary()).toMatchObject({ calls: 2, billedCalls: 0 })
  })

  it('truncates an answer until the limit is raised', async () => {
    await script('shares: {truncate: 1}')
    const ask = async (maxOutputTokens: number) =>
      (
        await clientOf(vertex).models.generateContent({
          model: MODEL,
          contents: about(IMAGE),
          config: { ...json, maxOutputTokens },
        })
      ).candidates?.[0]?.finishReason
    expect([await ask(500), await ask(500), await ask(1_000), await ask(1_000)]).toEqual([
      'MAX_TOKENS',
      'MAX_TOKENS',
      'STOP',
      'STOP',
    ])
  })

  it('always blocks a unit for one model, but not for another', async () => {
    await script('{seed: 2, shares: {block: 0.5}}')
    const { models } = clientOf(vertex)
    const isBlocked = async (model: string, index: number) => {
      const { candidates, promptFeedback } = await models.generateContent({ model, contents: about(uri(index)) })
      return promptFeedback !== undefined || String(candidates?.[0]?.finishReason) === 'SAFETY'
    }
    const first: boolean[] = []
    const again: boolean[] = []
    const other: boolean[] = []
    for (let index = 0; index < 20; index++) {
      first.push(await isBlocked(MODEL, index))
      again.push(await isBlocked(MODEL, index))
      other.push(await isBlocked('gemini-3.5-flash', index))
    }
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect(first).toContain(true)
    expect(first).toContain(false)
  })

  it("returns Vertex AI's message for an unreadable image, and none for other finish reasons", async () => {
    await script('shares: {unreadable: 1}')
    const { status, error } = await refusal(
      clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE) }),
    )
    expect([status, error.message]).toEqual([400, expect.stringContaining('Unable to process input image.')])
    await vertex.stop()
    await script('shares: {other: 1}')
    const { text, candidates } = await clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE) })
    expect([text, candidates?.[0]?.finishReason]).toEqual([undefined, 'OTHER'])
  })
})

describe('the capacity of a scripted model', () => {
  it('is a number of calls at once', async () => {
    await script('{concurrency: 3, latency_ms: 200}')
    const all = await fates(10)
    expect(all.filter((fate) => fate === 'STOP')).toHaveLength(3)
    expect(all.filter((fate) => fate === '429')).toHaveLength(7)
    expect(vertex.api.calls.summary().mostAtOnce).toBeGreaterThanOrEqual(3)
  })

  it('is a rate that changes over time', async () => {
    const clock = new ManualClock()
    await script('rate: [{after_s: 0, per_second: 5}, {after_s: 10, per_second: 2}]', clock)
    const taken = async () => (await fates(10)).filter((fate) => fate === 'STOP').length
    expect(await taken()).toBe(5)
    expect(await taken()).toBe(0)
    await clock.advance(1_000)
    expect(await taken()).toBe(5)
    await clock.advance(20_000)
    expect(await taken()).toBe(2)
  })

  it('is as slow as its percentiles say', async () => {
    const clock = new ManualClock()
    await script('latency_ms: {p50: 500, p99: 2000}', clock)
    const all = fates(200)
    const answered = () => vertex.api.calls.summary().billedCalls
    while (vertex.api.calls.summary().calls < 200) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(500)
    expect(answered() / 200).toBeCloseTo(0.5, 1)
    await clock.advance(1_500)
    expect(answered()).toBeGreaterThanOrEqual(194)
    await clock.advance(60_000)
    expect(await all).toHaveLength(200)
  })
})

it('treats images by the first case that matches one of them', async () => {
  await script(`
shares: {other: 1}
cases:
  - {images: gs://street-images/1.jpg, shares: {}, answer: sharp}
  - {images: gs://street-images/2.jpg, answer: sharp}
  - {images: gs://street-images/*, shares: {429: 1}}
`)
  const ask = async (...uris: string[]): Promise<unknown> => {
    const { text, candidates } = await clientOf(vertex).models.generateContent({
      model: MODEL,
      contents: about(...uris),
    })
    return text ?? candidates?.[0]?.finishReason
  }
  expect(await ask(uri(1))).toBe('sharp')
  // Settings that a case does not name come from the rest of the script.
  expect(await ask(uri(2))).toBe('OTHER')
  expect(await ask('gs://other-images/1.jpg')).toBe('OTHER')
  await expect(ask(uri(3))).rejects.toMatchObject({ status: 429 })
  await expect(ask('gs://other-images/4.jpg', uri(4))).rejects.toMatchObject({ status: 429 })
})

it('refuses a contradictory script', async () => {
  await script('')
  for (const yaml of [
    'shares: {429: 1.5}',
    'shares: {429: 0.6, hang: 0.6}',
    'latency_ms: {p50: 10, p99: 1}',
    'sead: 1',
    'concurrency: 0',
    'cases: [{shares: {429: 1}}]',
    'cases: [{images: "*", rate: 1}]',
  ]) {
    expect(() => parseScript(yaml)).toThrow()
  }
  await expect(startVertex({ script: 'sead: 1' })).rejects.toMatchObject({
    code: 'INVALID_GEMINI',
    message: expect.stringContaining('sead') as string,
  })
})
