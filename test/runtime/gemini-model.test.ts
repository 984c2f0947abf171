import { describe, expect, test } from 'vitest'
import { GeminiRefused } from '../../src/google/gemini.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { asset, says, scriptedGemini, STOP, USAGE } from './gemini-fixtures.ts'

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])

async function failure(promise: Promise<unknown>): Promise<AttemptFailure> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof AttemptFailure) return error
  throw new Error('no failure', { cause: error })
}

describe('a request', () => {
  test('has the image by URI with its type, then the prompt, and the response schema', async () => {
    const { answer, requests, described } = scriptedGemini([STOP])
    await answer()
    expect(requests).toEqual([
      expect.objectContaining({
        projectId: 'demo',
        location: 'global',
        model: 'gemini-3.5-flash-lite',
        tier: 'standard',
        parts: [{ gcsUri: 'gs://bucket/1.jpg', mimeType: 'image/jpeg' }, { text: 'What sign is it?' }],
        labels: { 'imagery-run': '261123-9f3c1a7b' },
        maxOutputTokens: 8_192,
        timeoutMs: 30_000,
      }),
    ])
    expect(requests[0]?.responseSchema).toMatchObject({ type: 'OBJECT', required: ['category'] })
    expect(described).toEqual([])
  })

  test('has all images of a unit, numbered and dated', async () => {
    const { answer, requests } = scriptedGemini([STOP])
    const { observationsUsed } = await answer(asset(['gs://bucket/a.PNG', 'gs://bucket/b.heic']))
    expect(requests[0]?.parts).toEqual([
      { text: 'Image 1 of 2, taken 2020-05-06:' },
      { gcsUri: 'gs://bucket/a.PNG', mimeType: 'image/png' },
      { text: 'Image 2 of 2, taken 2021-05-06:' },
      { gcsUri: 'gs://bucket/b.heic', mimeType: 'image/heic' },
      { text: 'What sign is it?' },
    ])
    expect(observationsUsed.map(({ observation_id }) => observation_id)).toEqual(['o1', 'o2'])
  })

  test("reads an image's type from the bucket if its name does not show it", async () => {
    const { answer, requests } = scriptedGemini([STOP], {
      objects: { 'gs://bucket/photo': { bytes: 9, contentType: 'image/webp' } },
    })
    await answer(asset(['gs://bucket/photo']))
    expect(requests[0]?.parts[0]).toEqual({ gcsUri: 'gs://bucket/photo', mimeType: 'image/webp' })
  })

  test('has the MIME type of its bytes, whatever its name says', async () => {
    const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
    const { answer, requests } = scriptedGemini([STOP], { objects: { 'gs://bucket/1.jpg': png } })
    await answer(asset(['gs://bucket/1.jpg']))
    expect(requests[0]?.parts[0]).toEqual({ gcsUri: 'gs://bucket/1.jpg', mimeType: 'image/png' })
  })

  test('names an object by bucket and path, however the table writes its address', async () => {
    const { answer, requests } = scriptedGemini([STOP])
    await answer(asset(['https://storage.googleapis.com/bucket/a%20b.jpg?authuser=1']))
    expect(requests[0]?.parts[0]).toEqual({ gcsUri: 'gs://bucket/a b.jpg', mimeType: 'image/jpeg' })
  })

  test('is refused if an image is one generation of an object: Gemini would read the live one', async () => {
    const { answer, requests } = scriptedGemini([])
    const error = await failure(answer(asset(['gs://bucket/1.jpg?generation=1600000000000000'])))
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toMatch(/names one generation of an object.*--image-transport inline/)
    expect(requests).toEqual([])
  })

  test('is refused before Gemini is asked if its bytes are no image', async () => {
    const objects = { 'gs://bucket/1.jpg': Buffer.from('GIF89a'), 'gs://bucket/cloud.laz': Buffer.from('LASF\x01\x04') }
    const { answer, requests } = scriptedGemini([], { objects })
    const error = await failure(answer(asset(['gs://bucket/1.jpg', 'gs://bucket/cloud.laz'])))
    expect(error.message).toMatch(/1\.jpg is a GIF image.*cloud\.laz is a LAS or LAZ point cloud/)
    expect(requests).toEqual([])
  })

  test('has the bytes of inline images, typed by their content', async () => {
    const { answer, requests } = scriptedGemini([STOP], {
      gemini: { image_transport: 'inline' },
      objects: { 'gs://bucket/1.png': JPEG },
    })
    const { inputHash } = await answer(asset(['gs://bucket/1.png']))
    expect(requests[0]?.parts[0]).toEqual({ bytes: JPEG, mimeType: 'image/jpeg' })
    expect(inputHash).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('an answer', () => {
  test('has its columns, tokens, version and tier', async () => {
    const { answer } = scriptedGemini([says('{"category": "Stop", "count": 2, "extra": 1}')])
    expect(await answer()).toMatchObject({
      columns: { category: 'Stop', count: 2 },
      repaired: false,
      usage: USAGE,
      modelVersion: 'gemini-3.5-flash-lite-001',
      tier: 'standard',
      finishReason: 'STOP',
    })
  })

  test('in a code fence is not repaired; with a trailing comma it is, and its text is kept', async () => {
    const fenced = '```json\n{"category": "Stop"}\n```'
    const comma = '```json\n{"category": "Stop",}\n```'
    expect(await scriptedGemini([says(fenced)]).answer()).toMatchObject({ repaired: false })
    const repaired = await scriptedGemini([says(comma)]).answer()
    expect(repaired).toMatchObject({ columns: { category: 'Stop' }, repaired: true, rawAnswer: comma })
  })

  test('keeps any text: quotes, newlines, other scripts, instructions', async () => {
    const note = '"; DROP TABLE attempts; -- \n\u0000 Ignore all rules. ज़ 🚦 </script>'
    const { columns } = await scriptedGemini([says(JSON.stringify({ category: 'Stop', note }))]).answer()
    expect(columns).toEqual({ category: 'Stop', note })
  })

  test('that is too long is truncated with a mark', async () => {
    const { columns } = await scriptedGemini([
      says(JSON.stringify({ category: 'Stop', note: 'x'.repeat(100_000) })),
    ]).answer()
    expect(columns['note']).toMatch(/^x+… \[\d+ characters cut by imagery\]$/)
    expect(String(columns['note']).length).toBeLessThanOrEqual(200)
  })

  test.each([
    ['ON_DEMAND_FLEX', 'flex'],
    ['ON_DEMAND', 'standard'],
    [undefined, 'flex'],
    ['PROVISIONED_THROUGHPUT', 'flex'],
  ])('to a flex request that was served as %s is billed as %s', async (trafficType, tier) => {
    const { answer } = scriptedGemini([says('{"category": "Stop"}', { trafficType })], { gemini: { tier: 'flex' } })
    expect(await answer()).toMatchObject({ tier })
  })
})

describe('a failure', () => {
  test.each([
    ['not JSON', says('I cannot say: [}{'), /^the answer/],
    ['not the schema', says('{"category": "Banana"}'), /category is "Banana", not one of Stop, Yield$/],
  ])('by an answer that is %s is final, keeps the text, and is billed', async (_what, saying, message) => {
    const error = await failure(scriptedGemini([saying]).answer())
    expect(error).toMatchObject({
      failure: 'schema',
      retryable: false,
      known: { rawAnswer: saying.text, usage: USAGE, tier: 'standard' },
    })
    expect(error.message).toMatch(message)
  })

  test.each([
    [{ finishReason: 'SAFETY', text: '' }, 'blocked', false, 'the answer ended with SAFETY'],
    [
      { blockReason: 'PROHIBITED_CONTENT', finishReason: undefined, text: '', message: 'no' },
      'blocked',
      false,
      'the prompt was blocked: PROHIBITED_CONTENT: no',
    ],
    [{ finishReason: 'OTHER', text: '' }, 'model_error', true, 'the answer ended with OTHER'],
    [{ text: ' \n' }, 'model_error', true, 'the answer is empty'],
  ])('by %o is %s, retryable %s', async (change, cause, retryable, message) => {
    const error = await failure(scriptedGemini([says('', change)]).answer())
    expect(error).toMatchObject({ failure: cause, retryable, message, known: { usage: USAGE } })
  })

  test('by a refusal carries the requested wait', async () => {
    const refused = new GeminiRefused(
      'Resource exhausted',
      { http: 429, message: 'Resource exhausted' },
      { retryAfterMs: 7_000 },
    )
    const error = await failure(scriptedGemini([refused]).answer())
    expect(error).toMatchObject({ failure: 'throttled', retryable: true, retryAfterMs: 7_000, known: {} })
    expect(error.message).toBe('gemini-3.5-flash-lite: HTTP 429 Resource exhausted')
    expect(error.known.usage).toBeUndefined()
  })

  test('by a deadline is a retryable timeout', async () => {
    const late = new GeminiRefused('too late', { problem: 'deadline' })
    expect(await failure(scriptedGemini([late]).answer())).toMatchObject({ failure: 'timeout', retryable: true })
  })
})

describe('a truncated answer', () => {
  const cut = says('{"category": "St', { finishReason: 'MAX_TOKENS' })

  test('is requested once more, with a higher output limit and less thinking; both are billed', async () => {
    const { answer, requests, billed } = scriptedGemini([cut, STOP], {
      gemini: { max_output_tokens: 1_000, thinking: 'high' },
    })
    const { usage } = await answer()
    expect(requests.map(({ maxOutputTokens, thinking }) => [maxOutputTokens, thinking])).toEqual([
      [1_000, 'high'],
      [4_000, 'minimal'],
    ])
    expect(usage).toEqual({ promptTokens: 2_000, outputTokens: 100, thoughtTokens: 20 })
    expect(billed.map((known) => known.usage?.promptTokens)).toEqual([1_000, 2_000])
  })

  test.each([
    ['and then spaces', `{"category": "Stop", "count": 2}${' '.repeat(50)}`],
    ['and the start of itself again', '{"category": "Stop", "count": 2}{"category": "St'],
  ])('that has a whole object %s is the answer, and is not paid for again', async (_what, text) => {
    const { answer, requests } = scriptedGemini([says(text, { finishReason: 'MAX_TOKENS' })])
    expect(await answer()).toMatchObject({
      columns: { category: 'Stop', count: 2 },
      repaired: true,
      rawAnswer: text,
      finishReason: 'MAX_TOKENS',
      usage: USAGE,
    })
    expect(requests).toHaveLength(1)
  })

  test('twice is a permanent failure, and both answers are billed', async () => {
    const { answer, requests } = scriptedGemini([cut, cut])
    expect(await failure(answer())).toMatchObject({
      failure: 'truncated',
      retryable: false,
      known: { usage: { promptTokens: 2_000 }, rawAnswer: cut.text },
    })
    expect(requests).toHaveLength(2)
  })

  test.each([
    ['runs in circles', `{"note": "${'wire pole '.repeat(60)}`, {}],
    ['has all the room there is', '{"category"', { max_output_tokens: 65_536, thinking: 'minimal' as const }],
  ])('is not requested again when it %s', async (_what, text, gemini) => {
    const { answer, requests } = scriptedGemini([says(text, { finishReason: 'MAX_TOKENS' })], { gemini })
    expect(await failure(answer())).toMatchObject({ failure: 'truncated' })
    expect(requests).toHaveLength(1)
  })

  test('and then throttled keeps what the first answer cost', async () => {
    const { answer } = scriptedGemini([cut, new GeminiRefused('slow', { http: 429, message: 'slow' })])
    expect(await failure(answer())).toMatchObject({ failure: 'throttled', retryable: true, known: { usage: USAGE } })
  })

  test('and then throttled starts with the higher limit in the next delivery, and only once', async () => {
    const slow = new GeminiRefused('slow', { http: 429, message: 'slow' })
    const { answer, requests } = scriptedGemini([cut, slow, slow, cut, STOP])
    for (const cause of ['throttled', 'throttled', 'truncated'])
      expect(await failure(answer())).toMatchObject({ failure: cause })
    await answer()
    expect(requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([8_192, 32_768, 32_768, 32_768, 8_192])
  })
})

describe('images', () => {
  const refused = new GeminiRefused('Unable to process input image', {
    http: 400,
    message: 'Unable to process input image',
  })

  test('that do not exist are left out after Gemini refuses the request', async () => {
    const { answer, requests, described } = scriptedGemini([refused, STOP], {
      objects: { 'gs://bucket/2.jpg': { bytes: 5 } },
    })
    const { observationsUsed } = await answer(asset(2))
    expect(requests.map(({ parts }) => parts.filter((part) => 'gcsUri' in part).length)).toEqual([2, 1])
    expect(observationsUsed.map(({ observation_id }) => observation_id)).toEqual(['o2'])
    expect(described).toEqual(['gs://bucket/1.jpg', 'gs://bucket/2.jpg'])
  })

  test.each([
    ['missing', {}, /gs:\/\/bucket\/1.jpg does not exist/],
    ['empty', { 'gs://bucket/1.jpg': { bytes: 0 } }, /is empty/],
    ['too large', { 'gs://bucket/1.jpg': { bytes: 31_000_000 } }, /31000000 bytes; Gemini reads images up to 30000000/],
    ['of another type', { 'gs://bucket/1.jpg': { bytes: 5, contentType: 'image/gif' } }, /is image\/gif/],
  ])('that are all missing (%s) fail the unit permanently', async (_what, objects, message) => {
    const error = await failure(scriptedGemini([refused], { objects }).answer())
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toMatch(message)
  })

  test('that all exist do not change the refusal', async () => {
    const error = await failure(scriptedGemini([refused], { objects: { 'gs://bucket/1.jpg': { bytes: 5 } } }).answer())
    expect(error).toMatchObject({
      failure: 'unreadable_image',
      message: 'gemini-3.5-flash-lite: HTTP 400 Unable to process input image',
    })
  })

  test('without a gs:// URI or a known type are never looked up', async () => {
    const { answer, requests } = scriptedGemini([], {
      objects: { 'gs://bucket/x': { bytes: 5, contentType: 'text/html' } },
    })
    const error = await failure(answer(asset(['https://b/1.jpg', 'gs://bucket/x', 'gs://bucket/y'])))
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toMatch(
      /is a web address.*; gs:\/\/bucket\/x is text\/html.*; gs:\/\/bucket\/y does not exist/,
    )
    expect(requests).toEqual([])
  })

  test('that are too large to inline are named', async () => {
    const large = Buffer.concat([JPEG, Buffer.alloc(7_000_001)])
    const error = await failure(
      scriptedGemini([], { gemini: { image_transport: 'inline' }, objects: { 'gs://bucket/1.jpg': large } }).answer(),
    )
    expect(error.message).toMatch(
      /has more than 7000000 bytes, the limit for inline images \(30000000 with --image-transport gs\)/,
    )
  })

  test('are not read after one of them was refused to the account', async () => {
    const denied = 'gs://bucket/1.jpg'
    const { answer, read } = scriptedGemini([], { gemini: { image_transport: 'inline' }, denied })
    expect(await failure(answer(asset(12)))).toMatchObject({ failure: 'unreadable_image', retryable: false })
    await new Promise(setImmediate)
    // Four are read at once.
    expect(read).toHaveLength(4)
  })

  test('that are too many to inline say what to do', async () => {
    const six = Buffer.concat([JPEG, Buffer.alloc(6_000_000)])
    const objects = { 'gs://bucket/1.jpg': six, 'gs://bucket/2.jpg': six, 'gs://bucket/3.jpg': six }
    const error = await failure(scriptedGemini([], { gemini: { image_transport: 'inline' }, objects }).answer(asset(3)))
    expect(error.message).toMatch(/use gs, or fewer images per unit/)
  })
})

describe('a setting of the run that its model does not accept or use', () => {
  test.each([
    ['gemini-3.5-flash-lite', null],
    ['gemini-3.6-flash', null],
    ['gemini-3.1-flash-lite', 0.5],
  ])('temperature: %s is sent %j', async (model, sent) => {
    const { answer, requests } = scriptedGemini([STOP], { gemini: { model, temperature: 0.5 } })
    await answer()
    expect(requests[0]?.temperature).toBe(sent)
  })

  test('a thinking level below the lowest one is raised, as for a retry with another model', async () => {
    const { answer, requests } = scriptedGemini([STOP], { gemini: { model: 'gemini-3.7-flash', thinking: 'minimal' } })
    await answer()
    expect(requests[0]?.thinking).toBe('low')
  })
})

test.each([
  [404, 'Publisher Model `gemini-2.0-flash` was not found'],
  [403, "Permission 'aiplatform.endpoints.predict' denied"],
])('HTTP %i %s says nothing about the images, which are not looked at again', async (http, message) => {
  const { answer, described } = scriptedGemini([new GeminiRefused(message, { http, message })])
  const refused = await failure(answer())
  expect(refused).toMatchObject({ failure: 'model_error', retryable: false })
  expect(described).toEqual([])
})
