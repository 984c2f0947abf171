import { describe, expect, test } from 'vitest'
import { answeredRow, failedRow, type Attempt } from '../../src/runtime/ledger/attempt-row.ts'
import { cutText } from '../../src/runtime/row-size.ts'
import type { TokenUsage } from '../../src/runtime/models/model.ts'
import { ANSWER, SPEC, TASK } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'

/** https://cloud.google.com/bigquery/quotas#streaming_inserts */
const LARGEST_ROW = 10_000_000

const ATTEMPT: Attempt = { id: 'attempt-1', task: TASK, spec: SPEC, startedMs: 1_000, finishedMs: 1_250.4 }

describe('a ledger row', () => {
  test('stays under BigQuery’s 10 MB, with a visible mark where text was truncated', () => {
    const row = answeredRow(ATTEMPT, {
      ...ANSWER,
      columns: { width: 1, note: 'é'.repeat(8_000_000) },
      rawAnswer: 'x'.repeat(20_000_000),
    })
    expect(Buffer.byteLength(JSON.stringify(row))).toBeLessThan(LARGEST_ROW)
    expect(row['note']).toMatch(/^é+… \[\d+ characters cut by imagery\]$/)
    expect(row['raw_answer']).toMatch(/^x+… \[\d+ characters cut by imagery\]$/)
    expect(row).toMatchObject({ width: 1, asset_id: 'sign-1', status: 'ok' })
  })

  test('keeps a long answer whole when it fits', () => {
    const note = 'x'.repeat(5_000_000)
    expect(answeredRow(ATTEMPT, { ...ANSWER, columns: { note } })['note']).toBe(note)
  })

  test('has no half of a surrogate pair, which BigQuery refuses', () => {
    const row = answeredRow(ATTEMPT, { ...ANSWER, columns: { note: 'a\ud83d' } })
    expect(row['note']).toBe('a')
  })

  test('truncates very long messages', () => {
    const row = failedRow(ATTEMPT, { status: 'failed', cause: 'model_error', message: 'x'.repeat(100_000), known: {} })
    expect(row.error_message?.length).toBeLessThanOrEqual(4_000)
    expect(row.error_message?.length).toBeGreaterThan(3_900)
  })

  test('omits unknown values: BigQuery refuses a null in a REPEATED column', () => {
    const row = answeredRow(ATTEMPT, { ...ANSWER, columns: { width: null, note: undefined } })
    expect(Object.keys(row)).not.toContain('width')
    expect(Object.values(row)).not.toContain(null)
  })

  test('has no cost when a count is unknown, and the known counts', () => {
    const answered = (usage: TokenUsage) => answeredRow({ ...ATTEMPT, spec: geminiSpec() }, { ...ANSWER, usage })
    expect(answered({ promptTokens: 1_000, outputTokens: 50, thoughtTokens: 0 })).toMatchObject({ cost_usd: 0.000425 })
    const unknown = answered({ promptTokens: 1_000, outputTokens: null, thoughtTokens: 0 })
    expect(unknown).toMatchObject({ prompt_tokens: 1_000, thought_tokens: 0 })
    expect(Object.keys(unknown)).not.toContain('cost_usd')
    expect(Object.keys(unknown)).not.toContain('output_tokens')
  })

  test('counts whole milliseconds', () => {
    expect(answeredRow(ATTEMPT, ANSWER)['latency_ms']).toBe(250)
  })

  test('identifies the request by a hash: equal for the same profile, different for another one', () => {
    const other = { ...SPEC, profile: { ...SPEC.profile, measure: 'image-quality' as const } }
    const hash = answeredRow(ATTEMPT, ANSWER)['prompt_hash']
    expect(answeredRow({ ...ATTEMPT, spec: structuredClone(SPEC) }, ANSWER)['prompt_hash']).toBe(hash)
    expect(answeredRow({ ...ATTEMPT, spec: other }, ANSWER)['prompt_hash']).not.toBe(hash)
  })
})

test('truncated text fits the limit, says how much is missing, and splits no pair', () => {
  const cut = cutText('a'.repeat(1_000), 100)
  expect(cut.length).toBeLessThanOrEqual(100)
  const [, kept, removed] = /^(a+)… \[(\d+) characters cut by imagery\]$/.exec(cut) ?? []
  expect((kept?.length ?? 0) + Number(removed)).toBe(1_000)
  expect(cutText('short', 100)).toBe('short')
  // Where the mark has no room, the beginning of the text is worth more.
  expect(cutText('a'.repeat(30), 20)).toBe(`${'a'.repeat(19)}…`)
  expect(cutText('😀'.repeat(100), 91).isWellFormed()).toBe(true)
  expect(cutText('😀'.repeat(100), 92).isWellFormed()).toBe(true)
})
