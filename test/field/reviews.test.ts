import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Mark } from '@imagery/viewer/contract/review'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Evaluation } from '../../src/contracts/evaluation.ts'
import { resultsTableOf, type JudgedRun } from '../../src/services/judge/run-rows.ts'
import { marksFile } from '../../src/services/results/marks-file.ts'
import { openTruthIn } from '../../src/services/judge/truth-rows.ts'
import { readReviews, reviewsTable, saveReviews } from '../../src/services/results/reviews-table.ts'
import { columnOf, judgedBy, type Judging, row, runOf } from './judged-runs.ts'
import { formatEvaluation } from '../../src/ui/evaluation.ts'
import { LocalTables } from './local-table.ts'

const ANSWERS = [
  row('s01', { category: 'Stop', lit: true, lamps: 2, pole: { material: 'wood' }, tags: ['a'] }),
  row('s02', { category: 'Stop', lit: true, lamps: 0, pole: { material: 'steel' } }),
  row('s03', { category: 'Yield', lit: false, lamps: 1, pole: { material: 'wood' } }),
  row('s04', { category: 'Yield', lit: false, lamps: 1 }),
]

let tables: LocalTables
let run: JudgedRun

beforeAll(async () => {
  tables = await LocalTables.start()
  run = await runOf(tables, ANSWERS)
})

afterAll(() => tables.close())

const judged = (options: Judging = {}): Promise<Evaluation> =>
  judgedBy('reviews', { of: run, folder: tables.folder, ...options })

test('the marks of a review are a truth', async () => {
  await mkdir(path.dirname(marksFile(tables.folder, run.rows.runId)), { recursive: true })
  const mark = (unit_id: string, verdict: string | null, columns: object): string =>
    `${JSON.stringify({ unit_id, verdict, columns, note: '', marked_at: '2026-11-30T10:00:00Z' })}\n`
  await writeFile(
    marksFile(tables.folder, run.rows.runId),
    [
      mark('s01', 'wrong', {}),
      // The later mark of a unit counts. The whole answer is right, except in one column.
      mark('s01', 'right', { lit: { verdict: 'wrong', right_value: false } }),
      mark('s02', null, { category: { verdict: 'wrong', right_value: 'Yield' }, lamps: { verdict: 'unsure' } }),
      // Which column is wrong is not known.
      mark('s03', 'wrong', { category: { verdict: 'wrong' } }),
      mark('s04', 'unsure', {}),
      mark('gone', 'right', {}),
    ].join(''),
  )
  const evaluation = await judged()
  expect(columnOf(evaluation, 'category')).toMatchObject({ judged: 3, right: 1, truth_column: null })
  expect(columnOf(evaluation, 'category').worst).toMatchObject([
    { truth: 'Yield', answer: 'Stop', units: 1 },
    { truth: null, answer: 'Yield', units: 1 },
  ])
  expect(columnOf(evaluation, 'lit')).toMatchObject({ judged: 1, right: 0 })
  expect(columnOf(evaluation, 'lamps')).toMatchObject({ judged: 1, right: 1 })
  expect(evaluation.truth).toMatchObject({ source: 'reviews', rows: 5, unmatched: { examples: ['gone'] } })
  await expect(judged({ id: 'x' })).rejects.toMatchObject({ code: 'INVALID_FLAG' })
  const other = await runOf(tables, ANSWERS, { runId: '261130-00000002' })
  await expect(judged({ of: other })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' })
})

test('a table of a review, which another machine has saved, is a truth', async () => {
  const own = await runOf(tables, ANSWERS, { runId: '261130-00000003' })
  const table = reviewsTable(resultsTableOf(own))
  const marks: Mark[] = [
    {
      unit_id: 's01',
      verdict: 'right',
      columns: { lit: { verdict: 'wrong', right_value: false }, lamps: { verdict: 'unsure' } },
      note: 'über "Eck"',
      marked_at: '2026-11-30T10:00:00.000Z',
    },
    // A struct is marked as a whole, and a list is judged by reviews only.
    {
      unit_id: 's02',
      verdict: null,
      columns: { pole: { verdict: 'wrong', right_value: { material: 'wood' } }, tags: { verdict: 'wrong' } },
      note: '',
      marked_at: '2026-11-30T10:00:01.000Z',
    },
  ]
  const place = { runId: own.rows.runId, location: 'US' }
  await saveReviews(table, marks.slice(0, 1), place)
  await saveReviews(table, marks, place)
  expect(await readReviews(table)).toEqual(marks)
  const evaluation = await judged({ of: own, minAccuracy: ['tags=0.6', 'category=1'] })
  expect(evaluation.below_minimum).toEqual([{ column: 'tags', accuracy: 0.5, minimum: 0.6 }])
  expect(columnOf(evaluation, 'category')).toMatchObject({ judged: 1, right: 1 })
  expect(columnOf(evaluation, 'lit')).toMatchObject({ judged: 1, right: 0 })
  expect(columnOf(evaluation, 'pole.material')).toMatchObject({ judged: 2, right: 1 })
  expect(columnOf(evaluation, 'tags')).toMatchObject({ kind: 'other', judged: 2, right: 1 })
  expect(formatEvaluation(evaluation, 80)).toContain('2 of 4 assets judged; 2 have no mark\n')
  const units = { ...evaluation.units, total: 1, judged: 0, without_truth: 1 }
  expect(formatEvaluation({ ...evaluation, units }, 80)).toContain('0 of 1 asset judged; 1 has no mark\n')
  await expect(openTruthIn('p.d.own_reviews', table)).rejects.toMatchObject({
    code: 'INVALID_FLAG',
    message: '--truth p.d.own_reviews has marks about the answers of run 261130-00000003, not values',
    suggestions: [expect.stringMatching(/^--truth reviews /)],
  })
  await expect(saveReviews(table, marks, { ...place, runId: '261130-00000004' })).rejects.toMatchObject({
    code: 'OUTPUT_EXISTS',
  })
})
