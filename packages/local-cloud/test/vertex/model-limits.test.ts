import { afterAll, beforeAll, expect, it } from 'vitest'
import { about, IMAGE, post, startVertex, type Refusal, type Vertex } from './vertex-fixture.ts'

let vertex: Vertex

beforeAll(async () => {
  vertex = await startVertex({ script: 'seed: 1' })
})

afterAll(() => vertex.stop())

/** Returns `ok`, or what the model refuses. */
async function answerOf(model: string, generationConfig: object): Promise<string> {
  const answer = await post(vertex, { contents: about(IMAGE), generationConfig }, model)
  if (answer.status === 200) return 'ok'
  const { error } = (await answer.json()) as Refusal
  return `${error.status}: ${error.message.replace(/^Unable to submit request because /, '').replace(/ Learn more: .*$/, '')}`
}

const thinking = (model: string, thinkingLevel: string): Promise<string> =>
  answerOf(model, { thinkingConfig: { thinkingLevel } })

// https://cloud.google.com/vertex-ai/generative-ai/docs/thinking
it.each([
  ['gemini-3.1-pro-preview', 'MINIMAL', 'LOW'],
  ['gemini-3.7-flash', 'MINIMAL', 'LOW'],
  ['gemini-3.8-flash', 'MINIMAL', 'LOW'],
])('%s refuses the thinking level %s and accepts %s', async (model, refused, accepted) => {
  expect(await thinking(model, refused)).toBe(
    `INVALID_ARGUMENT: thinking_level ${refused} is not supported by this model.`,
  )
  expect(await thinking(model, accepted)).toBe('ok')
})

it.each(['gemini-3.1-flash-lite', 'gemini-3.5-flash', 'gemini-3.5-flash-lite', 'gemini-3.6-flash'])(
  '%s accepts the thinking level MINIMAL',
  async (model) => {
    expect(await thinking(model, 'MINIMAL')).toBe('ok')
  },
)

it('a Gemini 2.5 model refuses every thinking level, because it takes a budget', async () => {
  expect(await thinking('gemini-2.5-flash', 'LOW')).toBe(
    'INVALID_ARGUMENT: thinking_level is not supported by this model.',
  )
  expect(await answerOf('gemini-2.5-flash', { thinkingConfig: { thinkingBudget: 0 } })).toBe('ok')
})

it('Gemini 2.5 Pro cannot be asked not to think', async () => {
  expect(await answerOf('gemini-2.5-pro', { thinkingConfig: { thinkingBudget: 0 } })).toMatch(
    /^INVALID_ARGUMENT: it has a thinking_budget value of 0/,
  )
  expect(await answerOf('gemini-2.5-pro', { thinkingConfig: { thinkingBudget: 128 } })).toBe('ok')
})

// https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/3-5-flash-lite
it.each(['gemini-3.5-flash-lite', 'gemini-3.6-flash', 'gemini-3.7-flash', 'gemini-3.8-flash'])(
  '%s ignores a temperature and refuses penalties',
  async (model) => {
    expect(await answerOf(model, { temperature: 0, topP: 0.5, topK: 3 })).toBe('ok')
    expect(await answerOf(model, { frequencyPenalty: 1 })).toBe(
      'INVALID_ARGUMENT: frequencyPenalty is not supported by this model.',
    )
    expect(await answerOf(model, { presencePenalty: 1 })).toBe(
      'INVALID_ARGUMENT: presencePenalty is not supported by this model.',
    )
  },
)

it('an older model accepts penalties', async () => {
  expect(await answerOf('gemini-3.1-flash-lite', { presencePenalty: 1 })).toBe('ok')
})
