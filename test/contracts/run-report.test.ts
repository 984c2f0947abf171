import { expect, test } from 'vitest'
import { pendingText, stateText } from '../../src/contracts/run-report.ts'

test.each([
  [1, 1, '1 of 1 asset is pending'],
  [1, 3, '1 of 3 assets is pending'],
  [1_200, 20_000, '1,200 of 20,000 assets are pending'],
])('%d pending of %d is said with the right verb', (pending, total, text) => {
  expect(pendingText({ pending, total })).toBe(text)
})

test.each([
  ['paused', undefined, 'paused'],
  ['paused', 'canceled', 'canceled'],
  ['paused', 'max_failures', 'stopped (failures)'],
  ['torn_down', 'max_cost', 'torn down'],
] as const)('a run that is %s, stopped by %s, is in a sentence %s', (state, reason, text) => {
  const stopped = reason && { reason, message: 'why', failure: null, stopped_at: '2026-11-30T16:20:00Z' }
  expect(stateText({ state, ...(stopped ? { stopped } : {}) })).toBe(text)
})
