import { describe, expect, test } from 'vitest'
import { estimateCost } from '../../../src/services/run/cost-estimate.ts'
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

  test('is not below the bill for the recorded answers: 262 of them took 77 tokens on average, 134 at most', () => {
    expect(estimateCost(run, { units: 1, images: 1 }).outputTokens).toBeGreaterThan(134)
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
