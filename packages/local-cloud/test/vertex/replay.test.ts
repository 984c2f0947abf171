import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LocalCloudError } from '../../src/kernel/local-cloud-error.ts'
import { parseRecording } from '../../src/apis/vertex/recorded-model.ts'
import { about, clientOf, IMAGE, JPEG, MODEL, refusal, startVertex, type Vertex } from './vertex-fixture.ts'

const RECORDING = path.resolve(import.meta.dirname, '../../../../test/fixtures/road-signs/answers.jsonl')
const [FIRST, SECOND] = ['gs://own-recording/signs/o1:0001.jpg', 'gs://own-recording/signs/o1:0002.jpg']

let vertex: Vertex

describe('recorded answers', () => {
  beforeEach(async () => {
    vertex = await startVertex({ gemini: `replay:${RECORDING}` })
  })

  afterEach(() => vertex.stop())

  it('are returned with their text, usage, finish reason and model', async () => {
    const answer = await clientOf(vertex).models.generateContent({ model: MODEL, contents: about(SECOND) })
    expect(answer.text).toBe(
      '```json\n{\n  "category": "Speed Limit",\n  "sign_quality": "Fair",\n  "description": "A round sign that reads \\"30\\"",\n  "image_quality_notes": "slightly blurred"\n}\n```',
    )
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 412,
      candidatesTokenCount: 44,
      totalTokenCount: 456,
      trafficType: 'ON_DEMAND',
    })
    expect(answer).toMatchObject({ modelVersion: 'gemini-2.5-flash', candidates: [{ finishReason: 'STOP' }] })
  })

  it('are the same every time, and every call is counted', async () => {
    const { models } = clientOf(vertex)
    const ask = async () => (await models.generateContent({ model: MODEL, contents: about(FIRST) })).text
    expect(await ask()).toBe(await ask())
    expect(vertex.api.calls.units()).toMatchObject([
      { model: MODEL, images: [FIRST], calls: 2, billedCalls: 2, promptTokens: 824 },
    ])
  })

  it('do not exist for an image that was not recorded', async () => {
    const { status, error } = await refusal(
      clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE) }),
    )
    expect([status, error.status]).toEqual([404, 'NOT_FOUND'])
    expect(error.message).toContain(IMAGE)
  })

  it('are not combined for a request with several images', async () => {
    const { status, error } = await refusal(
      clientOf(vertex).models.generateContent({ model: MODEL, contents: about(FIRST, SECOND) }),
    )
    expect(status).toBe(400)
    expect(error.message).toContain('--unit observation')
  })

  it('cannot be found for an image without a URI', async () => {
    const parts = [{ inlineData: { mimeType: 'image/jpeg', data: JPEG.toString('base64') } }]
    const { error } = await refusal(
      clientOf(vertex).models.generateContent({ model: MODEL, contents: [{ role: 'user', parts }] }),
    )
    expect(error.message).toContain('--image-transport')
  })

  it('do not skip the check of a request', async () => {
    const { status } = await refusal(
      clientOf(vertex).models.generateContent({ model: 'gemini-2.0-flash', contents: about(FIRST) }),
    )
    expect(status).toBe(404)
  })
})

it('an answer recorded for a path is that of each address that ends in it', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-replay-'))
  const line = (gcs_uri: string, text: string): string =>
    `${JSON.stringify({ gcs_uri, model: MODEL, finishReason: 'STOP', usageMetadata: {}, text })}\n`
  const file = path.join(folder, 'answers.jsonl')
  await writeFile(
    file,
    line('images/a.jpg', 'of the path') +
      line('a.jpg', 'of the name') +
      line('gs://bucket/runs/2/images/a.jpg', 'of 2'),
  )
  vertex = await startVertex({ gemini: `replay:${file}` })
  const ask = async (uri: string) =>
    (await clientOf(vertex).models.generateContent({ model: MODEL, contents: about(uri) })).text
  try {
    expect(await ask('gs://bucket/runs/1/images/a.jpg')).toBe('of the path')
    expect(await ask('gs://bucket/runs/2/images/a.jpg')).toBe('of 2')
    expect(await ask('gs://bucket/other/a.jpg')).toBe('of the name')
    await expect(ask('gs://bucket/other/aa.jpg')).rejects.toMatchObject({ status: 404 })
  } finally {
    await vertex.stop()
    await rm(folder, { recursive: true })
  }
})

it('reads an answer whose usage was not reported', () => {
  const line = '{"gcs_uri": "gs://a/b", "model": "m", "finishReason": "STOP", "text": "x"}'
  expect(parseRecording(line)).toMatchObject([{ text: 'x', usageMetadata: {} }])
})

it('names the invalid line of a recording', async () => {
  expect(() => parseRecording('\n{"gcs_uri": "gs://a/b"}')).toThrow(
    /^line 2: model is missing; finishReason is missing; text is missing$/,
  )
  expect(() => parseRecording('{"gcs_uri": "gs://a/b", "model": 5, "finishReason": "STOP", "text": ""}')).toThrow(
    /^line 1: model: expected string, received number$/,
  )
  await expect(startVertex({ gemini: 'replay:/nowhere.jsonl' })).rejects.toMatchObject({
    name: 'LocalCloudError',
    code: 'INVALID_GEMINI',
    message: expect.stringContaining('/nowhere.jsonl') as string,
  })
  await expect(startVertex({ gemini: 'tape:x' })).rejects.toBeInstanceOf(LocalCloudError)
})

it('without a choice, explains how to make one', async () => {
  vertex = await startVertex()
  const { status, error } = await refusal(
    clientOf(vertex).models.generateContent({ model: MODEL, contents: about(IMAGE) }),
  )
  await vertex.stop()
  expect(status).toBe(403)
  expect(error).toMatchObject({ status: 'PERMISSION_DENIED', details: [{ reason: 'SERVICE_DISABLED' }] })
  for (const choice of ['replay:FILE', 'script:FILE', 'forward']) expect(error.message).toContain(`--gemini ${choice}`)
})
