import { expect, test } from 'vitest'
import { answererOf, questionHash } from '../../src/contracts/question-hash.ts'
import { runSpec, type RunSpec } from '../../src/contracts/run-spec.ts'
import { SPEC } from '../runtime/fixtures.ts'
import { geminiSpec } from '../runtime/gemini-fixtures.ts'

const VERTEX = answererOf({ endpoint: null }, undefined)
const hash = (spec: RunSpec, by = VERTEX): string => questionHash(spec, by)
const withProfile = (changes: Partial<RunSpec['profile']>): RunSpec => {
  const spec = geminiSpec()
  return { ...spec, profile: { ...spec.profile, ...changes } }
}
const asked = geminiSpec().profile

test.each<[string, RunSpec]>([
  ['another model', geminiSpec({ model: 'gemini-3.5-flash' })],
  ['another media resolution', geminiSpec({ media_resolution: 'low' })],
  ['another length of answers', geminiSpec({ max_output_tokens: 100 })],
  ['another level of thinking', geminiSpec({ thinking: 'high' })],
  ['a temperature of a model that uses one', geminiSpec({ model: 'gemini-2.5-flash', temperature: 1 })],
  ['another unit', { ...geminiSpec(), unit: 'observation' }],
  ['a prompt with one more space', withProfile({ prompt: `${asked.prompt} ` })],
  ['another description of a column', withProfile({ output: { ...asked.output, description: 'Signs.' } })],
  [
    'the same columns in another order',
    withProfile({
      output: {
        ...asked.output,
        properties: Object.fromEntries(Object.entries(asked.output.properties ?? {}).toReversed()),
      },
    }),
  ],
])('%s is another question', (_what, spec) => {
  const base = spec.gemini?.model === 'gemini-2.5-flash' ? geminiSpec({ model: 'gemini-2.5-flash' }) : geminiSpec()
  expect(hash(spec)).not.toBe(hash(base))
})

test.each<[string, RunSpec]>([
  ['another tier', geminiSpec({ tier: 'flex' })],
  ['another location', geminiSpec({ location: 'europe-west1' })],
  ['another price', geminiSpec({ price: { input_nanousd: 1, output_nanousd: 1 } })],
  ['images that are sent inline', geminiSpec({ image_transport: 'inline' })],
  ['the length of answers that is used anyway', geminiSpec({ max_output_tokens: 8_192 })],
  ['a temperature that is not sent', geminiSpec({ temperature: 1 })],
  ['another name of the profile', withProfile({ name: 'other', description: 'Other.', documentation: 'Text.' })],
  [
    'more images per unit, because the images themselves are compared',
    { ...geminiSpec(), images: { max_per_unit: 1, pick: 'spread' } },
  ],
  ['a spec that was stored and read again', runSpec.parse(JSON.parse(JSON.stringify(geminiSpec())))],
])('%s is the same question', (_what, spec) => {
  expect(hash(spec)).toBe(hash(geminiSpec()))
})

test('a stand-in, Vertex AI and a proxy never share answers; Vertex AI is the same from a local cloud', () => {
  const proxy = answererOf({ endpoint: 'https://proxy.example/' }, undefined)
  const standIn = answererOf({ endpoint: null }, 'script:/home/me/model.yaml')
  expect(new Set([VERTEX, proxy, standIn].map((by) => hash(geminiSpec(), by))).size).toBe(3)
  expect(answererOf({ endpoint: null }, 'forward')).toBe(VERTEX)
  expect(answererOf({ endpoint: null }, 'replay:/home/me/answers.jsonl')).toBe(standIn)
  expect(answererOf(null, 'forward')).toBe(answererOf(null, undefined))
})

test('another measurement of the pixels model is another question', () => {
  const by = answererOf(null, undefined)
  const other: RunSpec = { ...SPEC, profile: { ...SPEC.profile, measure: 'image-quality' } }
  expect(hash(other, by)).not.toBe(hash(SPEC, by))
})
