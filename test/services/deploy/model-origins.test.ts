import { describe, expect, test } from 'vitest'
import { modelOrigins } from '../../../src/services/deploy/model-origins.ts'

describe("origins allowed in Gemini's place", () => {
  test('are kept once each, sorted', () => {
    expect(modelOrigins(['https://b.example', 'https://a.example:8443', 'https://b.example/'])).toEqual([
      'https://a.example:8443',
      'https://b.example',
    ])
  })

  test.each([
    ['http://a.example', 'https://proxy.example.com'],
    ['https://a.example/gemini', 'https://a.example'],
    ['https://user@a.example', 'https://a.example'],
    ['https://a.example:443', 'https://a.example'],
    ['https://A.example', 'https://a.example'],
    ['https://a.example,https://b.example', 'https://proxy.example.com'],
    ['https://a.example,b', 'https://proxy.example.com'],
    ['*', 'https://proxy.example.com'],
    ['a.example', 'https://proxy.example.com'],
  ])('are not %s', (given, suggested) => {
    expect(() => modelOrigins([given])).toThrow(
      expect.objectContaining({ code: 'INVALID_FLAG', suggestions: [`--allow-model-origin ${suggested}`] }) as Error,
    )
  })
})
