import { appendFile, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Mark, ReviewProgress } from '@imagery/viewer/contract/review'
import { REQUEST_HEADER } from '@imagery/viewer/contract/http'
import { ColumnJudge } from '../../../src/services/judge/column-judge.ts'
import type { AnswerColumn } from '../../../src/services/judge/columns.ts'
import { reviewTruth } from '../../../src/services/judge/review-truth.ts'
import type { UnitRow } from '../../../src/services/judge/run-rows.ts'
import { marksFile, readMarks } from '../../../src/services/results/marks-file.ts'
import { MarksLog } from '../../../src/services/view/marks-log.ts'
import { reviewProgress } from '../../../src/services/view/review-progress.ts'
import { FIELDS, generatedPages } from './generated-rows.ts'
import { serveRows, type ServedRun } from './served-run.ts'

const AT = '2026-11-30T10:00:00.000Z'

function mark(unitId: string, rest: Partial<Mark> = {}): Mark {
  return { unit_id: unitId, verdict: 'right', columns: {}, note: '', marked_at: AT, ...rest }
}

describe('the file of marks', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-marks-'))
    file = path.join(folder, 'reviews', 'run.jsonl')
  })

  afterEach(() => rm(folder, { recursive: true }))

  test('keeps the last mark of each unit, and only the user may read it', async () => {
    const log = new MarksLog(file)
    await log.add(mark('a'))
    await log.add(mark('b', { note: 'line\nbreak' }))
    await log.add(mark('a', { verdict: 'wrong' }))
    expect([...(await log.marks()).values()]).toEqual([
      mark('b', { note: 'line\nbreak' }),
      mark('a', { verdict: 'wrong' }),
    ])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await log.add({ unit_id: 'a', cleared_at: AT })
    expect([...(await new MarksLog(file).marks()).keys()]).toEqual(['b'])
  })

  test('loses nothing but the mark that a kill cut off, wherever it was cut', async () => {
    const log = new MarksLog(file)
    await log.add(mark('a'))
    const before = (await readFile(file)).length
    await log.add(mark('b'))
    const after = (await readFile(file)).length
    for (let length = before; length < after; length += 1) {
      await truncate(file, length)
      const again = new MarksLog(file)
      await again.add(mark('c'))
      const units = (await readMarks(file)).map(({ unit_id: unitId }) => unitId)
      // Only the last line break is missing from a mark that is cut there.
      expect(units, `cut at ${length}`).toEqual(length === after - 1 ? ['a', 'b', 'c'] : ['a', 'c'])
      await truncate(file, before)
      await log.add(mark('b'))
    }
  })

  test('takes the marks of two servers at once', async () => {
    const [one, other] = [new MarksLog(file), new MarksLog(file)]
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? one : other).add(mark(`unit ${index}`))),
    )
    expect((await one.marks()).size).toBe(60)
    expect([...(await other.marks()).keys()].toSorted()).toEqual([...(await one.marks()).keys()].toSorted())
    await other.add(mark('unit 0', { verdict: 'unsure' }))
    expect((await one.marks()).get('unit 0')?.verdict).toBe('unsure')
  })

  test('with a line of something else is refused, with the line', async () => {
    await new MarksLog(file).add(mark('a'))
    await appendFile(file, '{"unit_id":5}\n')
    await expect(new MarksLog(file).marks()).rejects.toThrow(`Line 3 of ${file} is not a mark of a review`)
  })
})

describe('the progress of a review', () => {
  test('counts answers and columns', () => {
    const marks = [
      mark('a'),
      mark('b', { columns: { leans: { verdict: 'wrong', right_value: true } } }),
      mark('c', { verdict: 'wrong' }),
      mark('d', { verdict: null, columns: { leans: { verdict: 'wrong' } } }),
      mark('e', { verdict: null, columns: { height: { verdict: 'right' } } }),
      mark('f', { verdict: 'unsure' }),
      mark('g', { verdict: null, note: 'only a note' }),
    ]
    const { answers, columns, marked } = reviewProgress(marks, ['leans', 'height'])
    expect(marked).toBe(6)
    expect(answers).toMatchObject({ right: 2, wrong: 2, unsure: 1 })
    expect(columns).toMatchObject([
      { column: 'leans', right: 1, wrong: 2, unsure: 1 },
      { column: 'height', right: 3, wrong: 0, unsure: 1 },
    ])
    // Newcombe 1998, table I, method 3: no failure in three.
    expect(columns[1]?.accuracy?.estimate).toBe(1)
    expect(columns[1]?.accuracy?.low).toBeCloseTo(0.4385, 4)
    expect(reviewProgress([], ['leans']).columns[0]?.accuracy).toBeNull()
  })
})

describe('the review of a run', () => {
  let served: ServedRun
  let units: string[]
  let failed: string[]

  beforeAll(async () => {
    const rows = (await Array.fromAsync(generatedPages(400))).flat()
    served = await serveRows(FIELDS, rows)
    units = rows.filter(({ status }) => status === 'ok').map((row) => row['unit_id'] as string)
    failed = rows.filter(({ status }) => status === 'failed').map((row) => row['unit_id'] as string)
  })

  afterAll(() => served.close())

  const put = (body: unknown) => served.ask('/api/marks', { method: 'PUT', body })
  const clear = (unitId: string) =>
    served.ask(`/api/marks?id=${encodeURIComponent(unitId)}`, { method: 'DELETE', headers: { [REQUEST_HEADER]: '1' } })
  const draw = async (plan: object): Promise<string[]> => {
    const answer = await served.ask('/api/review', {
      body: { size: 20, strata: null, seed: 's', unmarked_only: false, ...plan },
    })
    return (answer.json() as { units: string[] }).units
  }

  test('saves marks, filters by them and survives the end of the server', async () => {
    const [right, wrong, unsure] = units as [string, string, string]
    await put(mark(right))
    await put(mark(wrong, { verdict: 'wrong', columns: { material: { verdict: 'wrong', right_value: 'steel' } } }))
    const answer = await put(mark(unsure, { verdict: 'unsure' }))
    expect((answer.json() as ReviewProgress).answers).toMatchObject({ right: 1, wrong: 1, unsure: 1 })
    const counted = async (review: string[]): Promise<number> => {
      const summary = await served.ask('/api/summary', { body: { filter: [{ review }] } })
      return (summary.json() as { rows: number }).rows
    }
    expect(await counted(['right'])).toBe(1)
    expect(await counted(['right', 'unsure'])).toBe(2)
    expect(await counted(['none'])).toBe(397)
    expect(await counted(['none', 'wrong'])).toBe(398)
    await clear(right)
    expect(await counted(['right'])).toBe(0)
    expect(await counted(['none'])).toBe(398)
    const unit = await served.ask(`/api/unit?id=${wrong}`)
    expect(unit.json()).toMatchObject({ mark: { verdict: 'wrong', columns: { material: { right_value: 'steel' } } } })
    const file = marksFile(path.join(served.folder, 'config'), '261123-9f3c1a7b')
    expect((await readMarks(file)).map(({ unit_id: unitId }) => unitId)).toEqual([wrong, unsure])
    const again = await serveRows(FIELDS, [], { folder: served.folder })
    expect((await again.ask('/api/marks')).json()).toHaveLength(2)
    await again.close()
  })

  test('counts a right answer of an asset that has failed since as wrong, as an evaluation does', async () => {
    const [whole, part, doubtful] = failed as [string, string, string]
    const before = (await served.ask('/api/review')).json() as ReviewProgress
    const marks = [
      mark(whole),
      mark(part, { verdict: null, columns: { leans: { verdict: 'right' }, height: { verdict: 'unsure' } } }),
      mark(doubtful, { verdict: 'unsure' }),
    ]
    for (const each of marks) await put(each)
    const after = (await served.ask('/api/review')).json() as ReviewProgress
    const added = (column?: string): number[] => {
      const of = ({ answers, columns }: ReviewProgress) =>
        column === undefined ? answers : columns.find((each) => each.column === column)!
      return (['right', 'wrong', 'unsure'] as const).map((verdict) => of(after)[verdict] - of(before)[verdict])
    }
    expect([added(), added('leans'), added('height'), added('material')]).toEqual([
      [0, 2, 1],
      [0, 2, 1],
      [0, 1, 2],
      [0, 1, 1],
    ])
    const answer: AnswerColumn = { name: 'leans', path: ['leans'], kind: 'boolean', isInteger: false, allowed: null }
    const judge = new ColumnJudge({ column: answer, truthColumn: null })
    const truth = reviewTruth('reviews', marks, [answer])
    for (const { unit_id: unitId } of marks) {
      const unit = { unitId, status: 'failed', row: {} } as unknown as UnitRow
      const cell = truth.of(unit)?.get('leans')
      if (cell) judge.add(unit, cell)
    }
    expect([judge.result.right, judge.result.judged]).toEqual([0, 2])
    const page = await served.ask('/api/page', {
      body: { filter: [{ review: ['wrong'] }], sort: null, offset: 0, limit: 100 },
    })
    const shown = (page.json() as { rows: { unit_id: string }[] }).rows.map((row) => row.unit_id)
    expect(shown).toEqual(expect.arrayContaining([whole, part]))
    expect(shown).not.toContain(doubtful)
    for (const each of [whole, part, doubtful]) await clear(each)
  })

  test('exports marks as a table that no spreadsheet runs, and as lines that --truth reviews reads', async () => {
    await put(mark(units[5]!, { note: '=1+1', columns: { leans: { verdict: 'wrong', right_value: true } } }))
    const csv = await served.ask('/api/marks/export?format=csv')
    const lines = csv.text.split('\r\n')
    expect(lines[0]).toMatch(/^unit_id,verdict,note,marked_at,condition_verdict,condition_right_value,leans_verdict,/)
    expect(lines.find((line) => line.startsWith(units[5]!))).toMatch(/^pole-\d+,right,"'=1\+1",.*,,wrong,true,/)
    const jsonl = await served.ask('/api/marks/export?format=jsonl')
    expect(
      jsonl.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual((await served.ask('/api/marks')).json())
    await clear(units[5]!)
  })

  test.each([
    ['another unit', { unit_id: 'nothing' }, 'this run has no asset nothing'],
    [
      'a column that is not of the answer',
      { columns: { status: { verdict: 'right' } } },
      'the answer has no column status',
    ],
    ['an unknown verdict', { verdict: 'good' }, 'verdict'],
    ['a time that is none', { marked_at: 'today' }, 'marked_at is not a time'],
    ['a long note', { note: 'x'.repeat(10_001) }, 'a note has at most 10,000 characters'],
  ])('refuses a mark with %s', async (_name, change, reason) => {
    const before = (await served.ask('/api/marks')).text
    const answer = await put({ ...mark(units[7]!), ...change })
    expect(answer.status).toBe(400)
    expect(answer.text).toContain(reason)
    expect((await served.ask('/api/marks')).text).toBe(before)
  })

  test('draws the same units for the same plan, others for another seed, and none without an answer', async () => {
    const drawn = await draw({})
    expect(drawn).toHaveLength(20)
    expect(new Set(drawn).size).toBe(20)
    expect(units).toEqual(expect.arrayContaining(drawn))
    expect(await draw({})).toEqual(drawn)
    expect(await draw({ size: 10 })).toEqual(drawn.slice(0, 10))
    expect(await draw({ seed: 'other' })).not.toEqual(drawn)
    expect((await draw({ size: 10_000 })).toSorted()).toEqual(units.toSorted())
  })

  test('draws evenly from the values of a column, and from the bins of a number', async () => {
    const valuesOf = async (drawn: readonly string[], column: string): Promise<Map<unknown, number>> => {
      const counts = new Map<unknown, number>()
      for (const unit of drawn) {
        const { values } = (await served.ask(`/api/unit?id=${unit}`)).json() as { values: Record<string, unknown> }
        counts.set(values[column], (counts.get(values[column]) ?? 0) + 1)
      }
      return counts
    }
    expect([...(await valuesOf(await draw({ size: 8, strata: 'condition' }), 'condition')).values()]).toEqual([
      2, 2, 2, 2,
    ])
    const heights = await valuesOf(await draw({ size: 12, strata: 'height' }), 'height')
    expect(new Set([...heights.keys()].map((height) => Math.floor(Number(height)))).size).toBe(12)
  })

  test('can leave out the units that have a mark', async () => {
    const [first] = await draw({ size: 1 })
    await put(mark(first!))
    expect(await draw({ size: 400, unmarked_only: true })).not.toContain(first)
    expect(await draw({ size: 400 })).toContain(first)
  })
})
