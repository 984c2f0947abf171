import { describe, expect, test } from 'vitest'
import { costUsd } from '../../../src/contracts/prices.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { chooseModel } from '../../../src/services/options/model-choice.ts'
import { narrowedCost, studentT, type MeasuredUnit } from '../../../src/services/run/sample-estimate.ts'

const profile = findProfile('road-signs')
const gemini = chooseModel(profile, {}).gemini!

function unit(images: number, promptTokens: number, outputTokens = 60, thoughtTokens = 0): MeasuredUnit {
  const costUsdOfUnit = costUsd({ promptTokens, outputTokens, thoughtTokens }, gemini.price, gemini.tier)
  return { images, promptTokens, outputTokens, thoughtTokens, costUsd: costUsdOfUnit }
}

describe('the cost of a run from a sample', () => {
  test('is the mean of the sample for every unit, if all have as many images', () => {
    const sample = [unit(1, 1_400, 50), unit(1, 1_400, 70), unit(1, 1_400, 90)]
    const { usd, tokens, promptTokens, interval } = narrowedCost({ profile, gemini }, sample, {
      units: 900,
      images: 900,
    })
    expect(promptTokens).toBeCloseTo(900 * 1_400, 3)
    expect(tokens.answers).toBeCloseTo(900 * 70, 6)
    expect(tokens.thoughts).toBe(0)
    expect(usd).toBeCloseTo((900 / 3) * sample.reduce((sum, { costUsd: one }) => sum + one, 0), 8)
    // Answers of 50, 70 and 90 tokens: a standard deviation of 20.
    const half = 4.3027 * 900 * Math.sqrt(((20 * 2.5e-6) ** 2 / 3) * (1 - 3 / 900))
    expect(interval!.high - usd).toBeCloseTo(half, 6)
    expect(usd - interval!.low).toBeCloseTo(half, 6)
  })

  test('follows the images of the run, not those of the sample', () => {
    const perImage = 1_140
    const sample = [unit(1, 400 + perImage), unit(2, 400 + 2 * perImage), unit(6, 400 + 6 * perImage)]
    const { promptTokens } = narrowedCost({ profile, gemini }, sample, { units: 1_000, images: 1_500 })
    // The mean of the sample would be 3,820 for each unit.
    expect(promptTokens / (1_000 * 400 + 1_500 * perImage)).toBeGreaterThan(0.93)
    expect(promptTokens / (1_000 * 400 + 1_500 * perImage)).toBeLessThan(1.07)
  })

  test('has no interval from one answer, and none that is wider than zero once every unit is asked', () => {
    expect(narrowedCost({ profile, gemini }, [unit(1, 1_400)], { units: 5, images: 5 }).interval).toBeUndefined()
    const all = [unit(1, 1_400, 50), unit(1, 1_500, 90)]
    const { usd, interval } = narrowedCost({ profile, gemini }, all, { units: 2, images: 2 })
    expect(interval).toEqual({ low: usd, high: usd })
  })

  test('counts a flex call that Google serves at the standard price as it was billed', () => {
    const flex = { ...gemini, tier: 'flex' as const }
    const billed = unit(1, 1_400)
    const { usd } = narrowedCost({ profile, gemini: flex }, [billed, billed], { units: 100, images: 100 })
    expect(usd).toBeCloseTo(100 * billed.costUsd, 8)
  })

  test('has an interval with the true cost about 19 times in 20', () => {
    const random = generator(7)
    const units = Array.from({ length: 2_000 }, () => {
      const images = 1 + Math.floor(random() * 3)
      return unit(images, 400 + images * 1_140, Math.round(40 + 80 * random() ** 2))
    })
    const actual = units.reduce((sum, { costUsd: one }) => sum + one, 0)
    const images = units.reduce((sum, one) => sum + one.images, 0)
    const hits = Array.from({ length: 400 }, () => {
      const sample = Array.from({ length: 20 }, () => units[Math.floor(random() * units.length)]!)
      const { interval } = narrowedCost({ profile, gemini }, sample, { units: units.length, images })
      return interval!.low <= actual && actual <= interval!.high
    }).filter(Boolean).length
    expect(hits / 400).toBeGreaterThan(0.91)
    expect(hits / 400).toBeLessThan(0.99)
  })
})

test.each([
  [1, 12.706],
  [4, 2.776],
  [5, 2.571],
  [19, 2.093],
  [100, 1.984],
])('the quantile of Student t with %d degrees of freedom is %d', (degrees, quantile) => {
  expect(studentT(degrees)).toBeCloseTo(quantile, 2)
})

/** Park and Miller's generator: the same numbers on every machine. */
function generator(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
