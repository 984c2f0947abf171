import { expect, test } from 'vitest'
import { throttlingOf, withThrottleSample, type RunPacing } from '../../src/contracts/run-pacing.ts'

const NOW = Date.parse('2026-11-30T10:00:00Z')
const sample = (
  secondsAgo: number,
  more: Partial<RunPacing['samples'][number]> = {},
): RunPacing['samples'][number] => ({
  at: new Date(NOW - secondsAgo * 1_000).toISOString(),
  calls: 100,
  throttled: 0,
  calls_per_second: null,
  ...more,
})
const of = (...samples: RunPacing['samples']): RunPacing => ({ samples, usual_limits: null })

test('the share of throttled calls is that of the last five minutes', () => {
  const samples = [
    sample(600, { throttled: 100 }),
    sample(60, { throttled: 30, calls_per_second: 20 }),
    sample(30, { throttled: 10, calls_per_second: 30 }),
  ]
  expect(throttlingOf(of(...samples), NOW)).toEqual({
    calls: 200,
    throttled: 40,
    share: 0.2,
    calls_per_second: 25,
    as_of: samples[2]!.at,
  })
  expect(withThrottleSample(samples, sample(0), NOW)).toHaveLength(3)
})

test('nothing is known without calls, and a run whose calls are all accepted has no rate', () => {
  expect(throttlingOf(undefined, NOW)).toBeUndefined()
  expect(throttlingOf(of(sample(600)), NOW)).toBeUndefined()
  expect(throttlingOf(of(sample(30)), NOW)).toMatchObject({ share: 0, calls_per_second: null })
})
