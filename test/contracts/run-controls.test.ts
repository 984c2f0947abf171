import { expect, test } from 'vitest'
import { failuresAllowed } from '../../src/contracts/run-controls.ts'

test.each([
  [{ percent: 2 }, 1_000, 20],
  // Not 8: the shares of decimal fractions are a little more or less than they say.
  [{ percent: 0.7 }, 1_000, 7],
  [{ percent: 0.001 }, 50, 1],
  [{ percent: 2.5 }, 1_001, 26],
  [{ percent: 100 }, 12, 12],
  [{ percent: 2 }, 0, 1],
  [50, 10, 50],
  [null, 10, null],
])('a limit of %j on the failures of %i units is %j', (limit, units, count) => {
  expect(failuresAllowed(limit, units)).toBe(count)
})
