import { expect, test } from 'vitest'
import { costUsd, exactUsd, imageTokens, LIST_PRICES, modelPrice, priceList } from '../../src/contracts/prices.ts'

const price = (model: string) => modelPrice(LIST_PRICES, model)!

test('the list is dated and is a price list', () => {
  expect(priceList.parse(LIST_PRICES)).toEqual(LIST_PRICES)
})

// https://cloud.google.com/vertex-ai/generative-ai/pricing: USD per million tokens
test.each([
  ['gemini-3.5-flash-lite', { promptTokens: 1_000_000, outputTokens: 0, thoughtTokens: 0 }, 'standard', 0.3],
  ['gemini-3.5-flash-lite', { promptTokens: 0, outputTokens: 1_000_000, thoughtTokens: 0 }, 'standard', 2.5],
  ['gemini-3.5-flash-lite', { promptTokens: 0, outputTokens: 0, thoughtTokens: 1_000_000 }, 'standard', 2.5],
  ['gemini-3.5-flash-lite', { promptTokens: 1_000_000, outputTokens: 0, thoughtTokens: 0 }, 'flex', 0.15],
  ['gemini-2.5-flash-lite', { promptTokens: 1_000_000, outputTokens: 1_000_000, thoughtTokens: 0 }, 'standard', 0.5],
  ['gemini-3.5-flash', { promptTokens: 1, outputTokens: 1, thoughtTokens: 1 }, 'standard', 0.000_019_5],
] as const)('%s: %o on %s cost %d USD', (model, tokens, tier, usd) => {
  expect(costUsd(tokens, price(model), tier)).toBe(usd)
})

test('costs add up exactly, to the billionth of a dollar', () => {
  const attempts = Array.from({ length: 10_000 }, (_, index) => ({
    promptTokens: 1_000 + index,
    outputTokens: 80 + (index % 7),
    thoughtTokens: index % 3,
  }))
  const sum = attempts.reduce((total, tokens) => total + costUsd(tokens, price('gemini-3.1-flash-lite'), 'flex'), 0)
  const nano = attempts.reduce(
    (total, { promptTokens, outputTokens, thoughtTokens }) =>
      total + promptTokens * 125 + (outputTokens + thoughtTokens) * 750,
    0,
  )
  expect(exactUsd(sum)).toBe(nano / 1e9)
})

test('an unknown model has no price', () => {
  expect(modelPrice(LIST_PRICES, 'gemini-99')).toBeUndefined()
  expect(modelPrice(LIST_PRICES, 'toString')).toBeUndefined()
})

// https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding
test.each([
  ['gemini-2.5-flash', 'low', 258],
  ['gemini-3.5-flash-lite', 'low', 280],
  ['gemini-3.5-flash-lite', 'medium', 560],
  ['gemini-3.5-flash-lite', 'high', 1_120],
  ['gemini-3.5-flash-lite', null, 1_120],
] as const)('an image is for %s at %s about %i tokens', (model, resolution, tokens) => {
  expect(imageTokens(model, resolution)).toBe(tokens)
})
