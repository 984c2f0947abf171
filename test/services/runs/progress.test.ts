import { describe, expect, test } from 'vitest'
import type { RunReport } from '../../../src/contracts/run-report.ts'
import { duration, pauseBetweenPolls, progressLine } from '../../../src/services/runs/watch.ts'
import { formatReport } from '../../../src/ui/report.ts'

function report(units: RunReport['units'], more: Partial<RunReport> = {}): RunReport {
  return {
    run_id: '261123-9f3c1a7b',
    state: 'running',
    profile: 'resolution',
    source: 'signs.jsonl',
    units,
    causes: {},
    failures: [],
    cost_usd: 0,
    results_table: null,
    attempts_table: 'p.d.signs_attempts',
    started_at: '2026-11-23T10:00:00.000Z',
    finished_at: null,
    ...more,
  }
}

describe('a line of progress', () => {
  test.each([
    [
      'at the start',
      { total: 2_000, ok: 0, failed: 0, pending: 2_000 },
      { done: 0, elapsedMs: 100 },
      '0 of 2,000 assets',
    ],
    [
      'on the way',
      { total: 2_000, ok: 1_201, failed: 3, pending: 796 },
      { done: 0, elapsedMs: 2_000 },
      '1,204 of 2,000 assets, 3 failed, 602/s, 1 s left',
    ],
    [
      'for a late watcher',
      { total: 2_000, ok: 1_010, failed: 0, pending: 990 },
      { done: 1_000, elapsedMs: 2_000 },
      '1,010 of 2,000 assets, 5.0/s, 3 min 18 s left',
    ],
    [
      'at the first look',
      { total: 2_000, ok: 1_010, failed: 0, pending: 990 },
      { done: 1_010, elapsedMs: 0 },
      '1,010 of 2,000 assets',
    ],
    [
      'near the end, in whole seconds',
      { total: 12, ok: 9, failed: 0, pending: 3 },
      { done: 0, elapsedMs: 900 },
      '9 of 12 assets, 10/s, 1 s left',
    ],
    [
      'at the end',
      { total: 12, ok: 10, failed: 2, pending: 0 },
      { done: 0, elapsedMs: 900 },
      '12 of 12 assets, 2 failed',
    ],
    ['of one asset', { total: 1, ok: 1, failed: 0, pending: 0 }, { done: 0, elapsedMs: 900 }, '1 of 1 asset'],
  ])('%s', (_, units, since, line) => {
    expect(progressLine(report(units), since)).toBe(line)
  })

  test('shows the cost, and that a run with pending assets has no tasks', () => {
    const units = { total: 2_000, ok: 1_201, failed: 3, pending: 796 }
    const since = { done: 0, elapsedMs: 2_000 }
    expect(progressLine(report(units, { cost_usd: 0.8412 }), since)).toBe(
      '1,204 of 2,000 assets, 3 failed, $0.84, 602/s, 1 s left',
    )
    expect(progressLine(report(units, { state: 'paused' }), { done: 1_204, elapsedMs: 9_000 })).toBe(
      '1,204 of 2,000 assets, 3 failed, no task is queued',
    )
  })

  test('shows the share of throttled calls, and the status the rate too', () => {
    const units = { total: 2_000, ok: 1_201, failed: 3, pending: 796 }
    const throttling = {
      calls: 900,
      throttled: 108,
      share: 0.12,
      calls_per_second: 31.4,
      as_of: '2026-11-23T10:05:00Z',
    }
    const line = (more: Partial<typeof throttling>): string =>
      progressLine(report(units, { throttling: { ...throttling, ...more } }), { done: 1_204, elapsedMs: 9_000 })
    expect(line({})).toBe('1,204 of 2,000 assets, 3 failed, 12 % of the calls throttled')
    expect(line({ share: 0.004 })).toBe('1,204 of 2,000 assets, 3 failed')
    const status = (more: Partial<typeof throttling>): string | undefined =>
      formatReport(report(units, { throttling: { ...throttling, ...more } }), { flags: '', width: 100 })
        .split('\n')
        .find((text) => text.startsWith('  Calls'))
    expect(status({})).toBe('  Calls    12 % of the calls throttled in the last minutes, now at most 31/s')
    expect(status({ share: 0, calls_per_second: 0.25 })).toBe('  Calls    now at most 0.3/s')
    expect(status({ share: 0 })).toBe('  Calls    now at most 31/s')
    expect(
      formatReport(report(units, { throttling: { ...throttling, share: 0, calls_per_second: null } }), {
        flags: '',
        width: 100,
      }),
    ).not.toContain('Calls')
  })

  test.each([
    [0, '0 ms'],
    [849.6, '850 ms'],
    [12_300, '12 s'],
    [59_600, '1 min 0 s'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
  ])('shows %i ms as %s', (milliseconds, text) => {
    expect(duration(milliseconds)).toBe(text)
  })
})

describe('the report of a run', () => {
  const failures = Array.from({ length: 12 }, (_, index) => ({
    unit_id: `asset-${index}`,
    asset_id: `asset-${index}`,
    cause: 'unreadable_image' as const,
    error_message: `no readable image:\u001b[2J\ngs://bucket/runs/261123-9f3c1a7b/images/photos/1.jpg ${'x'.repeat(200)}`,
  }))
  const failed = report(
    { total: 40, ok: 25, failed: 15, pending: 0 },
    { state: 'complete', causes: { unreadable_image: 15 }, failures },
  )

  test.each([80, 120])('names failed assets and how many more there are, in lines of %i columns', (width) => {
    const lines = formatReport(failed, { flags: ' --local', width })
      .replaceAll(/\u001b\[\d+m/g, '')
      .split('\n')
    expect(lines).toContain('  Assets   40: 25 ok, 15 failed')
    expect(lines).toContain('Failed: 15 unreadable_image')
    expect(lines).toContain('  asset-7')
    expect(lines.join(' ')).toContain('    no readable image: photos/1.jpg ')
    expect(lines.join('')).not.toContain('\u001b')
    expect(lines).toContain("  and 7 more: see the results with status = 'failed'")
    expect(Math.max(...lines.map((line) => line.length))).toBe(width)
  })

  test.each([
    [
      report({ total: 2, ok: 2, failed: 0, pending: 0 }, { state: 'complete' }),
      [
        'imagery view 261123-9f3c1a7b --local',
        'imagery results 261123-9f3c1a7b --local',
        'imagery teardown 261123-9f3c1a7b --local',
      ],
    ],
    [report({ total: 2, ok: 1, failed: 0, pending: 1 }), ['imagery status 261123-9f3c1a7b --watch --local']],
    [report({ total: 2, ok: 2, failed: 0, pending: 0 }, { state: 'torn_down' }), []],
  ])('ends with the next command', (given, commands) => {
    const text = formatReport(given, { flags: ' --local', width: 80 })
    expect(text.match(/imagery \w+ 261123.*/g) ?? []).toEqual(commands)
  })
})

describe('the next poll of the ledger', () => {
  const look = { tookMs: 200, isQueuedNow: false, leastMs: 250 }

  test('is soon while the run is new and no task is queued, because a small run ends early', () => {
    expect(pauseBetweenPolls({ ...look, watchedMs: 0 })).toBe(250)
    expect(pauseBetweenPolls({ ...look, watchedMs: 4_000 })).toBe(1_000)
  })

  test('is late enough that polling takes at most 4% of the time', () => {
    expect(pauseBetweenPolls({ ...look, watchedMs: 60_000 })).toBe(4_800)
    // The queues' count decides when to poll.
    expect(pauseBetweenPolls({ ...look, watchedMs: 0, isQueuedNow: true })).toBe(4_800)
  })
})
