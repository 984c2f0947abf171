import { expect, test } from 'vitest'
import type { RunTotals } from '../../src/contracts/run-heartbeat.ts'
import type { ProgressSample } from '../../src/contracts/run-progress.ts'
import { READ_SHARE, readEveryMs, readUsd } from '../../src/runtime/heartbeat/cadence.ts'

const totalsOf = (rows: number, done: number): RunTotals => ({
  at: new Date(60_000).toISOString(),
  units: { total: rows, ok: done, failed: 0, pending: rows - done },
  causes: {},
  attempts: done,
  cost_usd: 0,
  answers_without_usage: 0,
  last_row_at: null,
  stray_rows: null,
})

/** A minute of a run that finishes a number of units in it, at a price each. */
function minute(units: number, usdEach: number): ProgressSample[] {
  return [
    { at: new Date(0).toISOString(), done: 0, cost_usd: 0 },
    { at: new Date(60_000).toISOString(), done: units, cost_usd: units * usdEach },
  ]
}

test.each([
  ['100 assets in an hour', 100, 100 / 60, 0.001_2],
  ['10,000 in ten minutes', 10_000, 1_000, 0.001_2],
  ['a million at 100 per second', 1_000_000, 6_000, 0.001_2],
  ['100 million at 500 per second', 100_000_000, 30_000, 0.001_2],
])('the reads of a run of %s cost at most 1 %% of what it spends', (_, total, perMinute, usdEach) => {
  const totals = totalsOf(total, total)
  const everyMs = readEveryMs(totals, minute(perMinute, usdEach))
  expect(everyMs).toBeGreaterThanOrEqual(30_000)
  expect(everyMs).toBeLessThanOrEqual(600_000)
  // A unit costs a little besides its model call.
  const spentMeanwhile = (everyMs / 60_000) * perMinute * (usdEach + 0.000_001)
  expect(readUsd(totals)).toBeLessThanOrEqual(spentMeanwhile * READ_SHARE * 1.000_001)
})

test('a run that spends nothing is read every ten minutes', () => {
  expect(readEveryMs(totalsOf(1_000, 10), minute(0, 0))).toBe(600_000)
})

test('the first reads follow each other, because nothing is known of the run yet', () => {
  expect(readEveryMs(totalsOf(1_000, 10), [])).toBe(30_000)
})
