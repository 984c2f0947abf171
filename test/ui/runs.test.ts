import { expect, test } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { formatRuns } from '../../src/ui/runs.ts'

const RUN: RunReport = {
  run_id: '261130-9f3c1a7b',
  state: 'torn_down',
  profile: 'utility-pole',
  source: 'my-project.city.latest_observations',
  units: { total: 2_000, ok: 1_996, failed: 4, pending: 0 },
  causes: {},
  failures: [],
  cost_usd: 12.3456,
  results_table: null,
  attempts_table: 'my-project.imagery_results_us.utility_pole_attempts',
  started_at: '2026-11-30T16:18:59.123Z',
  finished_at: null,
}

test('a list of runs fits 80 columns, and shows the source on a wide terminal', () => {
  const [header = '', line = ''] = formatRuns([RUN], { width: 80, flagsOf: () => '' }).split('\n')
  expect(Math.max(header.length, line.length)).toBeLessThanOrEqual(80)
  expect(line).toMatch(/^261130-9f3c1a7b +11-30 16:18 +torn down +1996 +4 +0 +\$12.35 +utility/)
  expect(formatRuns([RUN], { width: 140, flagsOf: () => '' })).toContain('my-project.city.latest_observations')
})

test('a cost that is only partly known is marked', () => {
  const text = formatRuns([RUN, { ...RUN, answers_without_usage: 3 }], { width: 80, flagsOf: () => '' })
  expect(text).toMatch(/\$12.35 .*\n.*\$12.35\+ .*\n\nA \+ after a cost/)
})

test.each([
  ['canceled', 'canceled'],
  ['max_cost', 'max cost'],
  ['max_failures', 'failures'],
] as const)('a run that was stopped by %s shows the reason as its state', (reason, shown) => {
  const stopped = { reason, message: 'why', failure: null, stopped_at: '2026-11-30T16:20:00Z' }
  const [, line = ''] = formatRuns([{ ...RUN, state: 'paused', stopped }], { width: 80, flagsOf: () => '' }).split('\n')
  expect(line).toMatch(new RegExp(` 11-30 16:18 +${shown} +1996 `))
  expect(line.length).toBeLessThanOrEqual(80)
})
