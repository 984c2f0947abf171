import { describe, expect, test } from 'vitest'
import { runPace, withSample, type ProgressSample } from '../../src/contracts/run-progress.ts'

const START = Date.UTC(2026, 10, 30, 12)
const sample = (seconds: number, done: number): ProgressSample => ({
  at: new Date(START + seconds * 1_000).toISOString(),
  done,
  cost_usd: done / 1_000,
})
const history = (...samples: [seconds: number, done: number][]): ProgressSample[] =>
  samples.map(([seconds, done]) => sample(seconds, done))
const secondsTo = (time: string | null | undefined): number => (Date.parse(time ?? '') - START) / 1_000

describe('the pace of a run', () => {
  test('is unknown before two samples', () => {
    expect(runPace([], 10)).toBeUndefined()
    expect(runPace(history([0, 5]), 10)).toBeUndefined()
  })

  test('is that of the last five minutes', () => {
    const slower = history([0, 0], [300, 30_000], [600, 30_300], [630, 30_330])
    expect(runPace(slower, 330)).toMatchObject({ units_per_second: 1, usd_per_hour: 3.6 })
    expect(secondsTo(runPace(slower, 330)?.ends_at)).toBe(960)
  })

  test('ends never at a rate of zero, also after a retry has made units pending', () => {
    expect(runPace(history([0, 10], [30, 10]), 5)).toMatchObject({
      units_per_second: 0,
      ends_at: null,
      ends_between: null,
    })
    expect(runPace(history([0, 10], [30, 4]), 6)).toMatchObject({ units_per_second: 0, usd_per_hour: 0, ends_at: null })
  })

  test('has an interval around its end, which narrows as the run goes on and widens as its rate varies', () => {
    const width = (samples: ProgressSample[]): number => {
      const [early, late] = runPace(samples, 1_000)?.ends_between ?? []
      const end = secondsTo(runPace(samples, 1_000)?.ends_at)
      expect(secondsTo(early)).toBeLessThan(end)
      expect(secondsTo(late)).toBeGreaterThan(end)
      return secondsTo(late) - secondsTo(early)
    }
    const steady = (count: number) =>
      history(...Array.from({ length: count }, (_, i) => [i * 30, i * 300] as [number, number]))
    const uneven = history([0, 0], [30, 100], [60, 600], [90, 900])
    expect(width(steady(10))).toBeLessThan(width(steady(2)))
    expect(width(uneven)).toBeGreaterThan(width(steady(4)))
  })
})

describe('the history of a run', () => {
  test('forgets samples that no rate needs, but keeps a dozen of a run that is counted rarely', () => {
    let often: ProgressSample[] = []
    for (let second = 0; second <= 7_200; second += 30) often = withSample(often, sample(second, second))
    expect(often.length).toBeLessThanOrEqual(60)
    expect(secondsTo(often[0]?.at)).toBe(6_000)
    let rarely: ProgressSample[] = []
    for (let second = 0; second <= 72_000; second += 600) rarely = withSample(rarely, sample(second, second))
    expect(rarely).toHaveLength(12)
  })

  test('has each time once, and in order', () => {
    const twice = withSample(withSample([], sample(0, 1)), sample(0, 2))
    expect(twice).toEqual([sample(0, 2)])
  })
})
