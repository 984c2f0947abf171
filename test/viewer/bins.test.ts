import { histogramBins } from '@imagery/viewer/contract/bins'
import { MOST_BINS } from '@imagery/viewer/contract/limits'
import { describe, expect, test } from 'vitest'
import { seeded } from '../field/seeded.ts'

const edges = (bins: { from: number; to: number }[]): number[] => [...bins.map(({ from }) => from), bins.at(-1)!.to]

describe('the bins of a histogram', () => {
  test('have round edges', () => {
    const hundredths = Array.from({ length: 21 }, (_, index) => index * 5)
    expect(edges(histogramBins({ min: 0.03, max: 0.98 }, 'number'))).toEqual(hundredths.map((each) => each / 100))
    expect(edges(histogramBins({ min: -7, max: 83 }, 'number')).slice(0, 3)).toEqual([-10, -5, 0])
  })

  test('give each whole number its own bin if there are few', () => {
    expect(histogramBins({ min: 3, max: 5 }, 'whole')).toEqual([
      { from: 3, to: 4 },
      { from: 4, to: 5 },
      { from: 5, to: 6 },
    ])
    expect(histogramBins({ min: 7, max: 7 }, 'whole')).toEqual([{ from: 7, to: 8 }])
    expect(edges(histogramBins({ min: 0, max: 4_000 }, 'whole')).slice(0, 2)).toEqual([0, 500])
  })

  test('end at the last value if it is an edge', () => {
    expect(histogramBins({ min: 0, max: 1 }, 'number')).toHaveLength(20)
    expect(histogramBins({ min: 0, max: 1 }, 'number').at(-1)).toEqual({ from: 0.95, to: 1 })
  })

  test('count times in days, hours or minutes', () => {
    const day = (text: string): number => Date.parse(text)
    const bins = histogramBins({ min: day('2026-03-01T07:00:00Z'), max: day('2026-03-12T19:00:00Z') }, 'time')
    expect(bins.map(({ from }) => new Date(from).toISOString()).slice(0, 2)).toEqual([
      '2026-03-01T00:00:00.000Z',
      '2026-03-02T00:00:00.000Z',
    ])
  })

  test.each([
    [{ min: 4.25, max: 4.25 }, 'number'],
    [{ min: 4.25, max: 4.25 }, 'time'],
    [{ min: 1e16, max: 1e16 + 2 }, 'number'],
    [{ min: -1.7e308, max: 1.7e308 }, 'number'],
    [{ min: 5e-324, max: 1.5e-323 }, 'number'],
  ] as const)('are one for %o, a range that has no round edges', (range, kind) => {
    expect(histogramBins(range, kind)).toEqual([{ from: range.min, to: range.max }])
  })

  test('are at most 20, of one width, and hold every value, for any range', () => {
    const random = seeded(7)
    for (let round = 0; round < 2_000; round += 1) {
      const kind = (['whole', 'number', 'time'] as const)[round % 3]!
      const scale = 10 ** Math.floor(random() * 24 - 8)
      const values = [(random() - 0.5) * scale, (random() - 0.5) * scale].map((each) =>
        kind === 'number' ? each : Math.round(each),
      )
      const range = { min: Math.min(...values), max: Math.max(...values) }
      const bins = histogramBins(range, kind)
      const message = JSON.stringify({ range, kind, bins })
      expect(bins.length, message).toBeLessThanOrEqual(MOST_BINS)
      expect(bins[0]!.from <= range.min && range.max <= bins.at(-1)!.to, message).toBe(true)
      for (const [index, { from, to }] of bins.entries()) {
        if (index > 0) expect(from, message).toBe(bins[index - 1]!.to)
        expect(to - from, message).toBeCloseTo(bins[0]!.to - bins[0]!.from, 6 - Math.log10(scale))
      }
    }
  })
})
