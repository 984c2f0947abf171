import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { simulate } from '../../bench/scale/simulate.ts'
import { costsOf, planned, withScaleTables } from '../../bench/scale/tables.ts'

const PAGE = fileURLToPath(new URL('../../docs/scale.md', import.meta.url))

test('the tables of docs/scale.md are those of the simulation (node bench/scale.ts --write)', () => {
  const page = readFileSync(PAGE, 'utf8')
  expect(withScaleTables(page), path.basename(PAGE)).toBe(page)
})

describe('the simulation', () => {
  const RUN = { units: 10_000, secondsPerUnit: 4, tokensPerUnit: 1_500, createdPerSecond: 1_000 }

  test.each([
    ['calls at once', { callsAtOnce: 200, dispatchedPerSecond: 500 }, 10_000 / 50],
    ['queue', { callsAtOnce: 5_000, dispatchedPerSecond: 500 }, 10_000 / 500],
    ['creation', { callsAtOnce: 5_000, dispatchedPerSecond: 5_000 }, 10_000 / 1_000],
    // A minute's tokens are there at the start.
    ['tokens', { callsAtOnce: 3_000, dispatchedPerSecond: 500, tokensPerMinute: 1_500_000 }, 9_000 / (1_000 / 60)],
  ] as const)('finds that %s holds a run back, and for how long', (bound, limits, seconds) => {
    const { boundBy, seconds: simulated, mostAtOnce } = simulate({ ...RUN, ...limits })
    expect(boundBy).toBe(bound)
    expect(simulated).toBeGreaterThan(seconds)
    expect(simulated).toBeLessThan(seconds + 2 * RUN.secondsPerUnit)
    expect(mostAtOnce).toBeLessThanOrEqual(limits.callsAtOnce)
  })

  test.each([100_000, 1_000_000, 100_000_000])(
    'agrees with the duration that an estimate of %d assets says',
    (units) => {
      for (const choice of [{}, { concurrency: 3_000 }, { concurrency: 3_000, tier: 1 }]) {
        const { simulated, estimatedSeconds } = planned(units, choice)
        expect((simulated.seconds + 20) / estimatedSeconds).toBeGreaterThan(0.75)
        expect((simulated.seconds + 20) / estimatedSeconds).toBeLessThan(1.25)
      }
    },
  )
})

test.each([1_000, 10_000, 50_000, 1_000_000])(
  'everything but the model costs less than 3 % of it for %d assets',
  (units) => {
    const { model, services } = costsOf(units)
    const sum = Object.values(services).reduce((total, usd) => total + usd, 0)
    expect(sum / model).toBeLessThan(0.03)
  },
)
