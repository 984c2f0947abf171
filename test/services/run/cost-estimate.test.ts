import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { estimateCost } from '../../../src/services/run/cost-estimate.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { usdText } from '../../../src/contracts/prices.ts'
import { geminiSpec } from '../../runtime/gemini-fixtures.ts'
import { describeGeminiBackend } from '../../../src/services/run/cost-limit.ts'

const { profile, gemini } = geminiSpec()
const run = { profile, gemini: gemini! }
const size = { units: 1_000, images: 3_000 }

describe('the estimate of a run', () => {
  test("covers images, prompt, schema and answers at the run's prices", () => {
    const { usd, promptTokens, outputTokens } = estimateCost(run, size)
    const { input_nanousd: input, output_nanousd: output } = run.gemini.price
    expect(usd).toBeCloseTo((promptTokens * input + outputTokens * output) / 1e9, 6)
    // Three images at Gemini 3's default resolution are most of it.
    expect(promptTokens).toBeGreaterThan(3_000 * 1_120)
    expect(promptTokens).toBeLessThan(3_000 * 1_120 * 1.5)
  })

  test('of answers and images is within 25 % of 262 recorded answers', () => {
    const recorded = readFileSync(new URL('../../fixtures/road-signs/usage.jsonl', import.meta.url), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { prompt_tokens: number; output_tokens: number })
    const sum = (of: (usage: (typeof recorded)[number]) => number): number =>
      recorded.reduce((total, usage) => total + of(usage), 0)
    // Another prompt, 235 tokens long, asked for the same columns.
    const signs = { profile: findProfile('road-signs'), gemini: { ...run.gemini, model: 'gemini-2.0-flash' } }
    const { tokens } = estimateCost(signs, { units: 262, images: 262 })
    const images = sum(({ prompt_tokens: prompt }) => prompt - 235)
    const answers = sum(({ output_tokens: output }) => output)
    for (const ratio of [tokens.images / images, tokens.answers / answers]) {
      expect(ratio).toBeGreaterThan(0.75)
      expect(ratio).toBeLessThan(1.25)
    }
  })

  test('grows with the columns of the answer', () => {
    const answers = (output: object): number =>
      estimateCost({ ...run, profile: { ...profile, output: { type: 'object', properties: output } as never } }, size)
        .tokens.answers
    const one = answers({ seen: { type: 'boolean' } })
    expect(answers({ seen: { type: 'boolean' }, notes: { type: 'string' } })).toBeGreaterThan(2 * one)
    expect(answers({ notes: { type: 'array', items: { type: 'string' }, maxItems: 2 } })).toBeLessThan(
      answers({ notes: { type: 'array', items: { type: 'string' } } }),
    )
  })

  test('grows with units and images, and is half on the flex tier', () => {
    const { usd } = estimateCost(run, size)
    expect(estimateCost(run, { units: 2_000, images: 6_000 }).usd).toBeCloseTo(2 * usd, 6)
    expect(estimateCost(run, { ...size, images: 4_000 }).usd).toBeGreaterThan(usd)
    expect(estimateCost({ profile, gemini: { ...run.gemini, tier: 'flex' } }, size).usd).toBeCloseTo(usd / 2, 6)
  })

  test('is lower at a lower resolution, higher with thinking, and bounded by the output limit', () => {
    const of = (options: object) => estimateCost({ profile, gemini: { ...run.gemini, ...options } }, size)
    expect(of({ media_resolution: 'low' }).usd).toBeLessThan(of({ media_resolution: 'high' }).usd)
    expect(of({ thinking: 'high', max_output_tokens: null }).usd).toBeGreaterThan(of({ thinking: 'minimal' }).usd)
    expect(of({ max_output_tokens: 64 }).outputTokens).toBe(1_000 * 64)
  })
})

test.each([
  [0, '$0.00'],
  [0.000123, '$0.00012'],
  [0.0000052, '$0.0000052'],
  [0.00000064, '<$0.000001'],
  [0.5, '$0.50'],
  [12.345, '$12.35'],
])('%d US dollars are shown as %s', (usd, text) => {
  expect(usdText(usd)).toBe(text)
})

test.each([
  ['a stand-in', null, 'script:/m.yaml', ', not billed (script:/m.yaml),'],
  ['the real Vertex AI, by way of a local cloud', null, 'forward', ', billed by the real Vertex AI,'],
  [
    'a user’s own endpoint, whatever the local cloud has',
    'http://127.0.0.1:1',
    'forward',
    ', sent to http://127.0.0.1:1,',
  ],
  ['Google, which needs no mention', null, undefined, ''],
])('the estimate names the model that answers: %s', (_who, endpoint, answering, words) => {
  expect(describeGeminiBackend({ endpoint }, answering)).toBe(words)
})
