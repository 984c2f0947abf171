import { describe, expect, test } from 'vitest'
import {
  acceptedThinking,
  GEMINI_MODELS,
  leastThinking,
  PRICES_DATED,
  usesTemperature,
} from '../../src/contracts/gemini-models.ts'
import { DEFAULT_GEMINI_MODEL, MODEL_ID, THINKING_LEVELS } from '../../src/contracts/model-options.ts'
import { LIST_PRICES } from '../../src/contracts/prices.ts'

describe('the thinking level of a request', () => {
  // https://cloud.google.com/vertex-ai/generative-ai/docs/thinking
  test.each([
    ['gemini-3.5-flash-lite', 'minimal', 'minimal'],
    ['gemini-3.6-flash', 'minimal', 'minimal'],
    ['gemini-3.7-flash', 'minimal', 'low'],
    ['gemini-3.8-flash', 'minimal', 'low'],
    ['gemini-3.1-pro-preview', 'minimal', 'low'],
    ['gemini-3.1-pro-preview', 'medium', 'medium'],
    ['gemini-3-pro-preview', 'medium', 'high'],
    ['gemini-9-flash', 'minimal', 'minimal'],
  ] as const)('of %s for %s is %s', (model, wanted, accepted) => {
    expect(acceptedThinking(model, wanted)).toBe(accepted)
  })

  test('is never lower than the profile asks', () => {
    for (const model of Object.keys(GEMINI_MODELS)) {
      for (const [index, wanted] of THINKING_LEVELS.entries()) {
        expect(THINKING_LEVELS.indexOf(acceptedThinking(model, wanted))).toBeGreaterThanOrEqual(index)
      }
    }
  })

  test('is the lowest one when as little as possible is wanted', () => {
    expect(leastThinking('gemini-3.7-flash')).toBe('low')
    expect(leastThinking('gemini-2.5-flash')).toBe('minimal')
  })
})

test.each([
  ['gemini-3.5-flash-lite', false],
  ['gemini-3.6-flash', false],
  ['gemini-3.8-flash', false],
  ['gemini-3.1-flash-lite', true],
  ['gemini-2.5-flash', true],
  ['gemini-2.5-flash-001', true],
  ['gemini-3.1-flash-lite-preview', true],
  ['gemini-3.5-flash-lite-001', false],
  ['gemini-9-flash', false],
  ['constructor', false],
])('whether %s uses a temperature: %s', (model, uses) => {
  expect(usesTemperature(model)).toBe(uses)
})

test('the price list is the table’s, with its date', () => {
  expect(LIST_PRICES.dated).toBe(PRICES_DATED)
  expect(LIST_PRICES.models[DEFAULT_GEMINI_MODEL]).toEqual({ input: 0.3, output: 2.5 })
  for (const model of Object.keys(GEMINI_MODELS)) expect(model).toMatch(MODEL_ID)
})
