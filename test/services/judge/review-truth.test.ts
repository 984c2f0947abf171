import { expect, test } from 'vitest'
import type { ColumnMark, Mark } from '@imagery/viewer/contract/review'
import { ColumnJudge } from '../../../src/services/judge/column-judge.ts'
import type { AnswerColumn } from '../../../src/services/judge/columns.ts'
import { reviewTruth } from '../../../src/services/judge/review-truth.ts'
import type { UnitRow } from '../../../src/services/judge/run-rows.ts'
import { reviewProgress } from '../../../src/services/view/review-progress.ts'

const column = (name: string, rest: Partial<AnswerColumn> = {}): AnswerColumn => ({
  name,
  path: [name],
  kind: 'text',
  isInteger: false,
  allowed: null,
  ...rest,
})

const COLUMNS = [
  column('sign', { kind: 'enum', allowed: ['Stop', 'Yield'] }),
  column('words'),
  column('count', { kind: 'number', isInteger: true }),
]

const unit = (unitId: string, row: UnitRow['row']): UnitRow => ({
  unitId,
  assetId: unitId,
  observationId: null,
  status: 'ok',
  cause: null,
  model: null,
  costUsd: null,
  latencyMs: null,
  isCarried: false,
  row,
})

const wrong = (right_value: ColumnMark['right_value']): ColumnMark => ({
  verdict: 'wrong',
  ...(right_value === undefined ? {} : { right_value }),
})

test('an answer that a reviewer marked as wrong is wrong, as on the page, whatever right value stands beside it', () => {
  const row = { sign: 'Stop', words: 'Main St', count: 3 }
  const given: Mark['columns'][] = [
    { sign: wrong('Stop'), words: wrong('main st'), count: wrong(3) },
    { sign: wrong('Yield'), words: wrong('Main Street'), count: wrong(4) },
    { sign: wrong(null), words: wrong(undefined), count: { verdict: 'right' } },
  ]
  const marks = given.map((columns, index): Mark => {
    return { unit_id: `u${index}`, verdict: null, columns, note: '', marked_at: '2026-12-01T00:00:00Z' }
  })
  const truth = reviewTruth('reviews', marks, COLUMNS)
  const judges = COLUMNS.map((each) => new ColumnJudge({ column: each, truthColumn: null }))
  for (const { unit_id: id } of marks) {
    const answer = unit(id, row)
    const cells = truth.of(answer)!
    for (const [index, { name }] of COLUMNS.entries()) judges[index]!.add(answer, cells.get(name)!)
  }
  const page = reviewProgress(
    marks,
    COLUMNS.map(({ name }) => name),
  )
  expect(judges.map(({ result }) => [result.column, result.right, result.judged, result.accuracy])).toEqual(
    page.columns.map((each) => [each.column, each.right, each.right + each.wrong, each.accuracy]),
  )
  expect(page.columns.map(({ right, wrong }) => [right, wrong])).toEqual([
    [0, 3],
    [0, 3],
    [1, 2],
  ])
  // A right value that says something is one that the answer was confused with.
  expect(judges[0]!.result.worst.map(({ truth, answer }) => [truth, answer])).toEqual([
    [null, 'Stop'],
    ['Yield', 'Stop'],
  ])
})
