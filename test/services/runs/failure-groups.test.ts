import { describe, expect, test } from 'vitest'
import type { Cause } from '../../../src/contracts/causes.ts'
import type { RunReport } from '../../../src/contracts/run-report.ts'
import { failureGroup } from '../../../src/services/runs/failure-groups.ts'
import { formatReport } from '../../../src/ui/report.ts'
import { geminiSpec } from '../../runtime/gemini-fixtures.ts'

const ID = geminiSpec().run_id

function group(cause: Cause, error_message: string, units = 1) {
  return failureGroup(geminiSpec(), { cause, units, unit_id: 'sign-1', error_message })
}

describe('a kind of failures has the next command', () => {
  test.each<[Cause, string, RegExp]>([
    ['throttled', 'm: HTTP 503 busy', /^imagery retry \S+ --only throttled$/],
    ['timeout', 'no answer within 120 s', /^imagery retry \S+ --only timeout$/],
    ['model_error', 'm: HTTP 500 oops', /^imagery retry \S+ --only model_error$/],
    [
      'schema',
      'kind is "x"',
      /^imagery results \S+ --raw-answers --format jsonl {3}\(then imagery retry \S+ --only schema/,
    ],
    ['truncated', 'the answer ended with MAX_TOKENS', /^imagery retry \S+ --only truncated --model /],
    ['model_error', 'm: HTTP 400 too many states', /^imagery profiles validate signs /],
    ['model_error', 'm: HTTP 404 not found', /^imagery doctor --model gemini-3.5-flash-lite$/],
  ])('%s: %s', (cause, message, next) => {
    expect(group(cause, message).next).toMatch(next)
  })

  test.each<Cause>(['unreadable_image', 'blocked'])('or, for %s, the fix', (cause) => {
    expect(group(cause, 'x').next).toMatch(/a retry does not help$/)
  })
})

describe('a summary', () => {
  const report: RunReport = {
    run_id: ID,
    state: 'complete',
    profile: 'signs',
    source: 'signs.jsonl',
    units: { total: 9_000, ok: 0, failed: 9_000, pending: 0 },
    causes: { schema: 8_999, throttled: 1 },
    failures: [],
    failure_groups: [group('schema', 'kind is "Banana", not one of pole', 8_999), group('throttled', 'HTTP 503')],
    cost_usd: 1.5,
    answers_without_usage: 2,
    results_table: null,
    attempts_table: 'p.d.signs_attempts',
    started_at: '2026-11-23T10:00:00.000Z',
    finished_at: null,
  }
  const text = formatReport(report, { flags: ' --local', width: 100 })

  test('has one example of each kind, with its count and the next command on the same cloud', () => {
    expect(text).toContain(
      '  sign-1  and 8,998 more like it\n    kind is "Banana", not one of pole\n    → imagery results ',
    )
    expect(text).toContain(`    → imagery retry ${ID} --only throttled --local\n`)
    expect(text).not.toContain('see the results with status')
  })

  test('says how many answers had no usage', () => {
    expect(text).toContain('Cost     $1.5000, and the unknown cost of 2 answers whose usage the model did not report')
    expect(formatReport({ ...report, cost_usd: 0, answers_without_usage: 1 }, { flags: '', width: 100 })).toContain(
      'Cost     unknown, for 1 answer whose usage the model did not report',
    )
  })
})
