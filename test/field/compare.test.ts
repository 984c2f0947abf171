import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ComparedColumn, Comparison } from '@imagery/viewer/contract/comparison'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareRuns } from '../../src/services/judge/compare.ts'
import { openComparingTruth } from '../../src/services/judge/open-truth.ts'
import type { JudgedRun } from '../../src/services/judge/run-rows.ts'
import { marksFile } from '../../src/services/results/marks-file.ts'
import { formatComparison } from '../../src/ui/comparison.ts'
import { failed, row, runOf, SIGNS } from './judged-runs.ts'
import { LocalTables } from './local-table.ts'

/** In UTF-16, the second of these comes first. BigQuery sorts by characters. */
const WIDE_IDS = ['～', '🛑']

const OF_A = [
  row('s1', { category: 'Stop', lit: true, height: 2, words: 'STOP', tags: ['a', 'b'], latency_ms: 100 }),
  row('s2', { category: 'Stop', lit: true, height: 2.25, words: 'x', tags: [], latency_ms: 200 }),
  row('s3', { category: 'Yield', lit: false, height: 3, words: null, latency_ms: 300 }),
  row('s4', { category: 'Yield', lit: false, height: null, words: 'y', latency_ms: 400 }),
  failed('s5', 'timeout'),
  row('s6', { category: 'Other', lit: true }),
  row('only-a', { category: 'Other', lit: true }),
  ...WIDE_IDS.map((id) => row(id, { category: 'Other', lit: true, latency_ms: null, cost_usd: null })),
]

const OF_B = [
  row('s1', { category: 'Stop', lit: true, height: 2, words: ' stop', tags: ['a', 'b'], cost_usd: 0.002 }),
  row('s2', { category: 'Yield', lit: true, height: 2.5, words: 'x', tags: ['c'], cost_usd: 0.002 }),
  row('s3', { category: 'Yield', lit: false, height: 4, words: null, carried_from: '261129-00000001', cost_usd: 0 }),
  row('s4', { category: 'Stop', lit: false, height: 1, words: 'z', cost_usd: 0.002 }),
  row('s5', { category: 'Stop', lit: true, cost_usd: 0.002 }),
  failed('s6', 'blocked'),
  ...WIDE_IDS.map((id) => row(id, { category: 'Other', lit: true })),
]

let tables: LocalTables
let runs: { a: JudgedRun; b: JudgedRun }
let comparison: Comparison

const columnOf = (name: string): ComparedColumn => comparison.columns.find(({ column }) => column === name)!

beforeAll(async () => {
  tables = await LocalTables.start()
  runs = {
    a: await runOf(tables, OF_A, { runId: '261130-0000000a' }),
    b: await runOf(tables, OF_B, { runId: '261130-0000000b' }),
  }
  const truth = await tables.file(
    'truth.csv',
    'asset_id,category,height\ns1,Stop,2\ns2,Yield,2.5\ns3,Yield,\ns4,Yield,2\ns5,Stop,\ns6,Other,\nonly-a,Other,\nnone,Stop,\n',
  )
  const opened = await openComparingTruth(truth, runs, { configurationFolder: tables.folder })
  comparison = await compareRuns(runs, { truth: opened })
})

afterAll(() => tables.close())

describe('two runs', () => {
  test('have their own units, failures, cost and latency', () => {
    expect(comparison.a).toMatchObject({
      run_id: '261130-0000000a',
      units: { total: 9, ok: 8, failed: 1, pending: 0 },
      failures: [{ cause: 'timeout', units: 1 }],
      latency_ms: { median: 350, mean: (100 + 200 + 300 + 400 + 1_000 + 1_000) / 6 },
      is_complete: true,
    })
    // The carried answer cost the run nothing, and is none of its own.
    expect(comparison.b).toMatchObject({
      units: { total: 8, ok: 7, failed: 1 },
      failures: [{ cause: 'blocked', units: 1 }],
    })
    // The answers without usage have an unknown cost, which is not 0.
    expect(comparison.a).toMatchObject({ answers_without_usage: 2 })
    expect(comparison.a.cost_usd).toBeCloseTo(6 * 0.001, 12)
    expect(formatComparison(comparison, 120)).toMatch(/^cost +\$0\.00600, 2 answers unknown +\$0\.0100 *$/m)
    expect(comparison.b).toMatchObject({ answers_without_usage: 0 })
    expect(comparison.b.cost_usd).toBeCloseTo(4 * 0.002 + 2 * 0.001, 12)
    expect(comparison.b.cost_usd_per_unit).toBeCloseTo(0.01 / 7, 12)
  })

  test('are joined by their IDs in the order that BigQuery sorts them', () => {
    expect(comparison.units).toEqual({
      in_both: 8,
      only_in_a: 1,
      only_in_b: 0,
      answered_by_both: 6,
      answered_only_by_a: 1,
      answered_only_by_b: 1,
      examples: { only_in_a: ['only-a'], only_in_b: [] },
    })
  })

  test('agree in a column as often as their values are the same', () => {
    // Of s1, s2, s3, s4 and the two wide ones, s2 and s4 differ.
    const category = columnOf('category')
    expect(category).toMatchObject({ kind: 'enum', units: 6, agreed: 4 })
    // A: Stop 2, Yield 2, Other 2; B: the same. By chance 12 / 36; observed 4 / 6.
    expect(category.kappa).toBeCloseTo((4 / 6 - 12 / 36) / (1 - 12 / 36), 12)
    expect(category.disagreements).toEqual([
      { a: 'Stop', b: 'Yield', units: 1, examples: [{ unit_id: 's2', asset_id: 's2' }] },
      { a: 'Yield', b: 'Stop', units: 1, examples: [{ unit_id: 's4', asset_id: 's4' }] },
    ])
    expect(columnOf('lit')).toMatchObject({ agreed: 6, kappa: 1 })
    expect(columnOf('words')).toMatchObject({ kind: 'text', agreed: 5, kappa: null })
    expect(columnOf('tags')).toMatchObject({ kind: 'other', agreed: 5 })
    expect(columnOf('height')).toMatchObject({
      units: 6,
      agreed: 3,
      difference: { units: 3, mean: (0 + 0.25 + 1) / 3, largest: 1 },
    })
    expect(columnOf('height').disagreements).toContainEqual(expect.objectContaining({ a: null, b: 1 }))
  })

  test('agree about numbers within a tolerance', async () => {
    const { columns } = await compareRuns(runs, { tolerance: ['height=0.25'] })
    expect(columns.find(({ column }) => column === 'height')).toMatchObject({ agreed: 4 })
  })

  test('are right or wrong by the same truth, a failure being wrong', () => {
    const { columns, source } = comparison.truth!
    expect(source).toContain('truth.csv')
    // s1 both, s2 B, s3 both, s4 A, s5 B (A failed), s6 A (B failed).
    expect(columns[0]).toMatchObject({
      column: 'category',
      units: 6,
      both_right: 2,
      only_a_right: 2,
      only_b_right: 2,
      both_wrong: 0,
      a: { estimate: 4 / 6 },
      b: { estimate: 4 / 6 },
      mcnemar: { method: 'exact', p_value: 1 },
    })
    expect(columns[1]).toMatchObject({ column: 'height', units: 3, both_right: 1, only_b_right: 1, both_wrong: 1 })
  })

  test('of different assets come with a warning that names them', () => {
    expect(comparison.warnings).toEqual([
      'The runs look at different assets: 8 in both, 1 only in 261130-0000000a (only-a). Runs with the same --sample N --seed TEXT look at the same assets',
      expect.stringMatching(/that name no asset of both runs: 2, such as only-a, none$/),
    ])
  })

  test.each([60, 80, 120])('are shown in %i columns', (width) => {
    const text = formatComparison(comparison, width)
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([])
    for (const part of ['66.7 %', '0.50', 'timeout 1', 's2']) expect(text).toContain(part)
  })
})

test('true values that do not count are named', async () => {
  const file = await tables.file('odd.csv', 'asset_id,height\n,1\ns1,tall\ns2,2.5\n')
  const truth = await openComparingTruth(file, runs, { configurationFolder: tables.folder })
  const { truth: found, warnings } = await compareRuns(runs, { truth })
  expect(found!.columns).toMatchObject([{ column: 'height', units: 1 }])
  expect(warnings).toContain(`Rows of ${file} without an ID: line 2`)
  expect(warnings).toContain(
    `${file} has a value of height that is not a number for 1 asset, which does not count: s1: tall`,
  )
  const none = await openComparingTruth(await tables.file('none.csv', 'asset_id,height\ns1,tall\n'), runs, {
    configurationFolder: tables.folder,
  })
  expect(formatComparison(await compareRuns(runs, { truth: none }), 80)).toMatch(/height +– +– +0 +0 +0 +–\n/)
})

test('true values that a profile does not allow are named, with the run that cannot be right', async () => {
  const file = await tables.file('roundabout.csv', 'asset_id,category\ns1,Roundabout\ns2,stopp\n')
  const warningsOf = async (both: typeof runs): Promise<string[]> => {
    const truth = await openComparingTruth(file, both, { configurationFolder: tables.folder })
    return (await compareRuns(both, { truth })).warnings
  }
  expect(await warningsOf(runs)).toContain(
    'The truth has values of category that the profile does not allow, so no answer can be right: Roundabout (1), stopp (1; Stop?)',
  )
  const category = { ...SIGNS.output.properties!['category']!, enum: ['Stop', 'ROUNDABOUT'] }
  const profile = { ...SIGNS, output: { ...SIGNS.output, properties: { ...SIGNS.output.properties, category } } }
  const rows = [row('s1', { category: 'Stop' }), row('s2', { category: 'Stop' })]
  const b = await runOf(tables, rows, { profile, runId: '261130-0000000d' })
  expect((await warningsOf({ a: runs.a, b })).filter((text) => text.startsWith('The truth'))).toEqual([
    `The truth has values of category that the profile of run ${runs.a.rows.runId} does not allow, so no answer of this run can be right: Roundabout (1), stopp (1; Stop?)`,
    'The truth has values of category that the profile of run 261130-0000000d does not allow, so no answer of this run can be right: stopp (1; Stop?)',
  ])
})

test('the review of one run is the truth for both, as far as it says what is right', async () => {
  const file = marksFile(tables.folder, runs.b.rows.runId)
  await mkdir(path.dirname(file), { recursive: true })
  const mark = (unit_id: string, column: object): string =>
    `${JSON.stringify({ unit_id, verdict: null, columns: { category: column }, note: '', marked_at: '2026-11-30T10:00:00Z' })}\n`
  const marks = [
    mark('s1', { verdict: 'right' }),
    mark('s2', { verdict: 'right' }),
    mark('s3', { verdict: 'wrong' }),
    mark('s4', { verdict: 'wrong', right_value: 'Yield' }),
  ]
  await writeFile(file, marks.join(''))
  const truth = await openComparingTruth('reviews', runs, { configurationFolder: tables.folder })
  const { truth: found } = await compareRuns(runs, { truth })
  expect(found!.columns.find(({ column }) => column === 'category')).toMatchObject({
    units: 3,
    both_right: 1,
    only_b_right: 1,
    only_a_right: 1,
  })
})

test('runs of different profiles are compared in the columns that both have, with a warning', async () => {
  const { lit: _, ...properties } = SIGNS.output.properties!
  const profile = { ...SIGNS, name: 'other-signs', output: { ...SIGNS.output, properties } }
  const b = await runOf(tables, [row('s1', { category: 'Stop' })], { profile, runId: '261130-0000000c' })
  const found = await compareRuns({ a: runs.a, b }, {})
  expect(found.only_columns).toEqual({ a: ['lit'], b: [] })
  expect(found.warnings[0]).toMatch(/different profiles, signs and other-signs/)
})
