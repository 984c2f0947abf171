import { describe, expect, test } from 'vitest'
import type { Cause } from '../../src/contracts/causes.ts'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { failureGroup, stopNext } from '../../src/run-data/failure-groups.ts'
import { formatReport } from '../../src/ui/report.ts'
import { geminiSpec } from '../runtime/gemini-fixtures.ts'

const ID = geminiSpec().run_id

function group(cause: Cause, error_message: string, units = 1, gemini: Parameters<typeof geminiSpec>[0] = {}) {
  return failureGroup(geminiSpec(gemini), { cause, units, unit_id: 'sign-1', error_message })
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
    [
      'truncated',
      'the answer ended with MAX_TOKENS',
      /^imagery results \S+ --raw-answers --format jsonl {3}\(then imagery retry \S+ --only truncated --model gemini-3.5-flash, or a new run/,
    ],
    [
      'model_error',
      'the answer ended with LANGUAGE',
      /^imagery retry \S+ --only model_error --model gemini-3.5-flash /,
    ],
    ['model_error', 'the answer ended with OTHER', /^imagery retry \S+ --only model_error$/],
    ['model_error', 'the answer is empty', /^imagery retry \S+ --only model_error$/],
    [
      'unreadable_image',
      'the runtime may not read gs://city/1.jpg: 403',
      /^imagery retry \S+ --only unreadable_image {3}\(after the owner of gs:\/\/city has granted \S+@\S+ roles\/storage.objectViewer\)$/,
    ],
    [
      'unreadable_image',
      'm: HTTP 403 Permission denied while accessing input file gs://city/1.jpg',
      /^imagery retry \S+ --only unreadable_image {3}\(after the owner of gs:\/\/city has granted Vertex AI's service agent/,
    ],
    [
      'unreadable_image',
      'no readable image: gs://city/1.jpg does not exist',
      /^imagery retry \S+ --only unreadable_image {3}\(after the images are there/,
    ],
    [
      'unreadable_image',
      'gs://city/1.jpg has more than 7000000 bytes, the limit for inline images (30000000 with --image-transport gs)',
      /^Run again with --image-transport gs; a retry does not help$/,
    ],
    ['model_error', 'm: HTTP 400 too many states', /^imagery profiles validate signs /],
    [
      'model_error',
      'm: HTTP 404 not found',
      /^imagery doctor --model gemini-3.5-flash-lite {3}\(then imagery retry \S+ --only model_error\)$/,
    ],
  ])('%s: %s', (cause, message, next) => {
    expect(group(cause, message).next).toMatch(next)
  })

  test.each<[Cause, string, RegExp]>([
    ['throttled', 'm: HTTP 503 busy', /^imagery resume \S+$/],
    ['schema', 'kind is "x"', /\(then imagery run --update \S+ --model gemini-3.5-flash, which may do better\)$/],
    [
      'model_error',
      'the answer ended with LANGUAGE',
      /^imagery run --update \S+ --model gemini-3.5-flash {3}\(the same/,
    ],
    ['model_error', 'm: HTTP 404 not found', /^imagery doctor --model \S+ {3}\(then imagery resume \S+\)$/],
    ['unreadable_image', 'gs://city/1.jpg does not exist', /^imagery resume \S+ {3}\(after the images are there/],
  ])('that a stopped run allows, whose other assets are pending: %s: %s', (cause, message, next) => {
    expect(stopNext(geminiSpec(), { cause, error_message: message })).toMatch(next)
  })

  test('a run whose model has retired since gets its successor', () => {
    expect(group('model_error', 'm: HTTP 404 not found', 1, { model: 'gemini-2.5-flash' }).next).toMatch(
      /^imagery retry \S+ --only model_error --model gemini-3.5-flash-lite {3}\(Google has retired gemini-2.5-flash\)$/,
    )
  })

  test('a suggested model is not the one that failed', () => {
    expect(group('schema', 'kind is "x"', 1, { model: 'gemini-3.5-flash' }).next).toMatch(
      /--model gemini-3.6-flash, which may do better\)$/,
    )
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
