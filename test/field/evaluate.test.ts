import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evaluation } from '../../src/contracts/evaluation.ts'
import { evaluate, evaluationWarnings } from '../../src/services/judge/evaluate.ts'
import type { JudgedRun } from '../../src/services/judge/run-rows.ts'
import { readTruth } from '../../src/services/judge/truth.ts'
import { openTruthIn } from '../../src/services/judge/truth-rows.ts'
import { formatEvaluation } from '../../src/ui/evaluation.ts'
import { LocalTables } from './local-table.ts'
import { columnOf, failed, judgedBy, type Judging, row, runOf } from './judged-runs.ts'

const ANSWERS = [
  row('s01', {
    category: 'Stop',
    lit: true,
    lamps: 2,
    height: 3,
    words: 'STOP',
    pole: { material: 'wood' },
    tags: ['a'],
  }),
  row('s02', { category: 'Stop', lit: true, lamps: 0, height: 2.4, words: 'stop ', pole: { material: 'steel' } }),
  row('s03', { category: 'Yield', lit: false, lamps: 1, height: 2, words: 'Straße', pole: { material: 'wood' } }),
  row('s04', { category: 'Yield', lit: false, lamps: 1, height: 2, words: null }),
  failed('s05'),
  row('s06', { category: null, lit: true, lamps: 3, height: 1.9, words: 'x' }),
  row('s07', { category: 'Other', lit: true, lamps: '9007199254740993', height: 2, words: 'y' }),
  row('s08', { category: 'Other', lit: true, lamps: 1, height: 2, words: 'z', status: 'pending' }),
]

/** Every judged figure of it is worked out by hand below. */
const TRUTH = `Asset ID,category,LIT,lamps,height,words,pole.material,surveyor
s01,stop,yes,2,3.0,Stop,wood,ann
s02,Yield,no,0,2.5,STOP,wood,ann
s03,Yield,0,1,2.2,STRASSE,,ann
s04,Stop,FALSE,2,2,"two
lines",,
s05,Stop,1,1,2,a,,
s06,Yield,t,3,,X,,
s07,Other,true,9007199254740992,2,Y,,
s08,Stop,no,5,5,no,,
`

let tables: LocalTables
let run: JudgedRun

beforeAll(async () => {
  tables = await LocalTables.start()
  run = await runOf(tables, ANSWERS)
})

afterAll(() => tables.close())

const judged = (truth: string, options: Judging = {}): Promise<Evaluation> =>
  judgedBy(truth, { of: run, folder: tables.folder, ...options })

describe('the figures of a run against a CSV file', () => {
  let evaluation: Evaluation
  beforeAll(async () => {
    evaluation = await judged(await tables.file('truth.csv', TRUTH), { tolerance: ['height=0.1'] })
  })

  test('every unit counts once, and pending ones do not', () => {
    expect(evaluation.units).toEqual({ total: 8, ok: 6, failed: 1, pending: 1, judged: 7, without_truth: 0 })
    expect(evaluation.truth).toMatchObject({ id_column: 'Asset ID', rows: 8, matched: 8, unused_columns: ['surveyor'] })
    expect(evaluation.not_judged).toEqual([{ column: 'tags', reason: 'lists are judged by reviews only' }])
  })

  test('an enum has classes, a confusion matrix and its worst confusions; a failure and a missing value are wrong', () => {
    const category = columnOf(evaluation, 'category')
    expect(category).toMatchObject({ kind: 'enum', judged: 7, right: 3, failed: 1, without_value: 1 })
    expect(category.accuracy!.estimate).toBeCloseTo(3 / 7, 12)
    // Stop: true 3 (s01, s04, s05), answered 2 (s01, s02). Yield: true 3 (s02, s03, s06), answered 2 (s03, s04).
    expect(category.classes).toEqual([
      { value: 'Stop', truth: 3, answered: 2, right: 1, precision: 1 / 2, recall: 1 / 3, f1: 2 / 5 },
      { value: 'Yield', truth: 3, answered: 2, right: 1, precision: 1 / 2, recall: 1 / 3, f1: 2 / 5 },
      { value: 'Speed Limit', truth: 0, answered: 0, right: 0, precision: null, recall: null, f1: null },
      { value: 'Other', truth: 1, answered: 1, right: 1, precision: 1, recall: 1, f1: 1 },
    ])
    expect(category.macro!.f1).toBeCloseTo((2 / 5 + 2 / 5 + 1) / 3, 12)
    expect(category.confusion).toHaveLength(7)
    expect(category.worst.map(({ truth, answer, failed: hasFailed }) => [truth, answer, hasFailed])).toEqual([
      ['Stop', 'Yield', false],
      ['Stop', null, true],
      ['Yield', 'Stop', false],
      ['Yield', null, false],
    ])
    expect(category.worst[0]!.examples).toEqual([{ unit_id: 's04', asset_id: 's04' }])
  })

  test('a boolean is read from the words that people write', () => {
    expect(columnOf(evaluation, 'lit')).toMatchObject({ judged: 7, right: 5, failed: 1, truth_column: 'LIT' })
  })

  test('a number is right within its tolerance, without one only if it is the same, to the last digit of an integer', () => {
    expect(columnOf(evaluation, 'lamps')).toMatchObject({ judged: 7, right: 4 })
    const height = columnOf(evaluation, 'height')
    // s02 is exactly 0.1 off, which binary numbers would say is more. s03 is 0.2 off. s06 has no true value.
    expect(height).toMatchObject({ judged: 6, right: 4, failed: 1, number: { tolerance: 0.1 } })
    expect(height.number!.errors!.mean_absolute).toBeCloseTo((0 + 0.1 + 0.2 + 0 + 0) / 5, 12)
    expect(height.number!.errors!.units).toBe(5)
  })

  test('a text is right without regard to case and spaces, and no more', () => {
    // Straße is STRASSE in capitals, and s04 has no value.
    expect(columnOf(evaluation, 'words')).toMatchObject({ judged: 7, right: 5, failed: 1, without_value: 1 })
  })

  test('a member of a struct is a column', () => {
    expect(columnOf(evaluation, 'pole.material')).toMatchObject({ judged: 2, right: 1 })
  })

  test.each([60, 80, 120])('the text for %i columns fits them', (width) => {
    const text = formatEvaluation(evaluation, width)
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([])
    const words = text.replaceAll(/\s+/g, ' ')
    for (const part of [
      '42.9 %',
      '7 of 8 assets judged',
      '(failed)',
      '(no value)',
      'Not judged, because lists are judged by reviews only: tags',
      's04',
    ])
      expect(words).toContain(part)
  })
})

describe('the truth', () => {
  const figuresOf = async (file: string): Promise<unknown> => {
    const { columns } = await judged(file)
    return columns.map(({ truth_column: _, ...each }) => each)
  }
  let expected: unknown
  beforeAll(async () => {
    expected = await figuresOf(await tables.file('truth.csv', TRUTH))
  })

  test('can be tab-separated text in UTF-16', async () => {
    const text = `\ufeff${TRUTH.replaceAll(',', '\t')}`
    const file = await tables.file('truth.tsv', Buffer.from(text, 'utf16le'))
    expect(await figuresOf(file)).toEqual(expected)
  })

  test('can be JSON lines with numbers and booleans, whose later lines have further members', async () => {
    const lines = [
      '{"unit_id":"s01","category":"Stop","lit":true,"lamps":2,"height":3.0,"words":"STOP","pole":{"material":"wood"}}',
      '{"unit_id":"s02","category":"Yield","lit":false,"lamps":0,"height":2.50,"words":"STOP","pole.material":"wood"}',
      '{"unit_id":"s03","category":"Yield","lit":false,"lamps":1,"height":2.2,"words":"STRASSE","note":"x"}',
      '{"unit_id":"s04","category":"Stop","lit":false,"lamps":2,"height":2,"words":"two\\nlines"}',
      '{"unit_id":"s05","category":"Stop","lit":true,"lamps":1,"height":2,"words":"a"}',
      '{"unit_id":"s06","category":"Yield","lit":true,"lamps":3,"height":null,"words":"x"}',
      '{"unit_id":"s07","category":"Other","lit":true,"lamps":9007199254740992,"height":2,"words":"y"}',
      '',
    ]
    expect(await figuresOf(await tables.file('truth.jsonl', lines.join('\n')))).toEqual(expected)
  })

  test('can be a Parquet file, also one whose name looks like a pattern', async () => {
    const csv = await tables.file('for-parquet.csv', TRUTH)
    const parquet = path.join(tables.folder, "truth [a] * it's.parquet")
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run(
      `COPY (SELECT * FROM read_csv('${csv}', types = {lamps: 'BIGINT'})) TO '${parquet.replaceAll("'", "''")}' (FORMAT parquet)`,
    )
    connection.closeSync()
    instance.closeSync()
    expect(await figuresOf(parquet)).toEqual(expected)
  })

  test('can be a BigQuery table with its own types', async () => {
    const table = await tables.table(
      [
        { name: 'unit_id', type: 'STRING' },
        { name: 'category', type: 'STRING' },
        { name: 'lamps', type: 'INTEGER' },
        { name: 'height', type: 'NUMERIC' },
        { name: 'pole', type: 'RECORD', fields: [{ name: 'material', type: 'STRING' }] },
        { name: 'other', type: 'STRING', mode: 'REPEATED' },
      ],
      [
        { unit_id: 's01', category: 'Stop', lamps: 2, height: '3.0', pole: { material: 'wood' } },
        { unit_id: 's07', category: 'Stop', lamps: '9007199254740993', height: '2', pole: null },
      ],
    )
    const [projectId = '', dataset = '', name = ''] = table.split('.')
    const opened = await openTruthIn(table, { projectId, dataset, table: name })
    const truth = await readTruth(opened, run.columns, { unit: 'asset' })
    const evaluation = await evaluate(run, truth, {})
    expect(columnOf(evaluation, 'lamps')).toMatchObject({ judged: 2, right: 2 })
    expect(columnOf(evaluation, 'height')).toMatchObject({ judged: 2, right: 2 })
    expect(columnOf(evaluation, 'category')).toMatchObject({ judged: 2, right: 1 })
    expect(columnOf(evaluation, 'pole.material')).toMatchObject({ judged: 1, right: 1 })
    expect(evaluation.units).toMatchObject({ judged: 2, without_truth: 5 })
  })

  test('rows that cannot be used are counted and named', async () => {
    const file = await tables.file(
      'faults.csv',
      [
        'id,category,lit,lamps',
        's01,Stop,maybe,2',
        's01,STOP,,2',
        's02,Stop,,',
        's02,Yield,,',
        ',Stop,,',
        'sign-1,Stop,,',
        's03,Roundabout,,"1,000"',
        's04,Yield,no,',
      ].join('\n'),
    )
    const evaluation = await judged(file)
    expect(evaluation.truth).toMatchObject({
      id_column: 'id',
      rows: 8,
      matched: 6,
      unmatched: { count: 1, examples: ['sign-1'] },
      without_id: { count: 1, examples: ['line 6'] },
      repeated: { count: 1, examples: ['s01 (line 3)'] },
      contradictory: { count: 1, examples: ['s02'] },
    })
    // s02 is contradictory, so only s01, s03 and s04 are judged; s03 can never be right.
    expect(columnOf(evaluation, 'category')).toMatchObject({ judged: 3, right: 2 })
    expect(columnOf(evaluation, 'lit')).toMatchObject({ judged: 1, right: 1, unreadable: { examples: ['s01: maybe'] } })
    expect(columnOf(evaluation, 'lamps')).toMatchObject({
      judged: 1,
      right: 1,
      unreadable: { examples: ['s03: 1,000'] },
    })
    expect(evaluationWarnings(run, evaluation)).toEqual([
      'Pending assets, which the figures leave out: 1',
      `1 row of ${file} names no asset of the run: sign-1`,
      `1 row of ${file} has no ID: line 6`,
      `1 row of ${file} repeats an ID with the same values, which counts once: s01 (line 3)`,
      `The rows of ${file} for these assets contradict each other, so none of them counts: s02`,
      `${file} has a value of lit that is not true or false for 1 asset, which does not count: s01: maybe`,
      `${file} has a value of lamps that is not a number for 1 asset, which does not count: s03: 1,000`,
      'The truth has values of category that the profile does not allow, so no answer can be right: Roundabout (1)',
    ])
  })

  test('of an asset holds for each of its observations, and one of an observation for that one', async () => {
    const units = [
      row('a/1', { asset_id: 'a', observation_ids: ['1'], category: 'Stop' }),
      row('a/2', { asset_id: 'a', observation_ids: ['2'], category: 'Yield' }),
      row('b/3', { asset_id: 'b', observation_ids: ['3'], category: 'Yield' }),
    ]
    const observations = await runOf(tables, units, { unit: 'observation' })
    const byAsset = await judged(await tables.file('by-asset.csv', 'asset_id,category\na,Stop\nb,Yield\n'), {
      of: observations,
    })
    expect(columnOf(byAsset, 'category')).toMatchObject({ judged: 3, right: 2 })
    const byImage = await judged(await tables.file('by-image.csv', 'asset_id,observation_id,category\na,2,Yield\n'), {
      of: observations,
    })
    expect(columnOf(byImage, 'category')).toMatchObject({ judged: 1, right: 1 })
  })

  test('a run without a record is judged by the types of its columns', async () => {
    const bare = await runOf(tables, ANSWERS, { hasSpec: false })
    const evaluation = await judged(await tables.file('truth.csv', TRUTH), { of: bare })
    expect(columnOf(evaluation, 'category')).toMatchObject({ kind: 'text', judged: 7, right: 3 })
    expect(columnOf(evaluation, 'lamps')).toMatchObject({ kind: 'number', right: 4 })
  })
})

describe('the flags', () => {
  const file = (): Promise<string> => tables.file('labels.csv', 'pole,label,n=1\ns01,Stop,2\ns02,Yield,0\n')

  test('name columns of other names, also one with an equals sign', async () => {
    const evaluation = await judged(await file(), { id: 'POLE', columns: ['label=category', 'n=1=lamps'] })
    expect(columnOf(evaluation, 'category')).toMatchObject({ truth_column: 'label', judged: 2, right: 1 })
    expect(columnOf(evaluation, 'lamps')).toMatchObject({ truth_column: 'n=1', judged: 2, right: 2 })
  })

  test('set a minimum, which a column reaches or not', async () => {
    const choice = { id: 'pole', columns: ['label=category', 'n=1=lamps'] }
    const evaluation = await judged(await file(), {
      ...choice,
      minAccuracy: ['category=50.1%', 'lamps=1', 'words=0'],
    })
    expect(evaluation.below_minimum).toEqual([
      { column: 'category', accuracy: 0.5, minimum: 0.501 },
      { column: 'words', accuracy: null, minimum: 0 },
    ])
    expect(formatEvaluation(evaluation, 80)).toContain(
      'category has an accuracy of 50.0 %, below --min-accuracy category=0.501',
    )
  })

  test.each<[object, string, string, string[]]>([
    [{ id: 'poles' }, 'COLUMN_NOT_FOUND', 'has no column poles', ['--id pole']],
    [{}, 'COLUMN_NOT_FOUND', 'no column unit_id, asset_id or id', ['--id pole']],
    [{ id: 'pole' }, 'COLUMN_NOT_FOUND', "The answer's: category", []],
    [{ id: 'pole', columns: ['labl=category'] }, 'COLUMN_NOT_FOUND', 'has no column labl', ['--column label']],
    [
      { id: 'pole', columns: ['label=categry'] },
      'COLUMN_NOT_FOUND',
      'the answer has no column categry',
      ['--column label=category'],
    ],
    [{ id: 'pole', columns: ['label=tags'] }, 'INVALID_FLAG', 'holds lists', []],
    [{ id: 'pole', columns: ['label'] }, 'INVALID_FLAG', 'does not have the form', []],
    [
      { id: 'pole', columns: ['label=category'], minAccuracy: ['categry=1'] },
      'COLUMN_NOT_FOUND',
      'categry',
      ['--min-accuracy category'],
    ],
    [{ id: 'pole', columns: ['label=category'], minAccuracy: ['category=90'] }, 'INVALID_FLAG', '90', []],
    [{ id: 'pole', columns: ['label=category'], tolerance: ['category=1'] }, 'INVALID_FLAG', 'not numbers', []],
    [{ id: 'pole', columns: ['label=category'], tolerance: ['height=-1'] }, 'INVALID_FLAG', 'height=-1', []],
    [{ id: 'pole', columns: ['label=category'], tolerance: ['height'] }, 'INVALID_FLAG', 'COLUMN=VALUE', []],
  ])('%o are refused with %s', async (flags, code, message, suggestions) => {
    await expect(judged(await file(), flags)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
      ...(suggestions.length > 0 ? { suggestions: expect.arrayContaining(suggestions) as string[] } : {}),
    })
  })

  test('a truth of other assets is an error that names IDs', async () => {
    const truth = await tables.file('others.csv', 'asset_id,category\n17,Stop\n')
    await expect(judged(truth)).rejects.toMatchObject({
      code: 'ASSET_NOT_FOUND',
      message: `None of the IDs in column asset_id of ${truth} names an asset of run 261130-00000001, such as 17`,
    })
  })

  test('errors about the file speak of --truth', async () => {
    await expect(judged('demo.field')).rejects.toMatchObject({
      message: expect.stringMatching(/^--truth demo\.field: /) as string,
      suggestions: [expect.stringMatching(/^imagery eval RUN_ID --truth /)],
    })
    await expect(judged(path.join(tables.folder, 'none.csv'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await expect(judged(tables.folder)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
    await expect(judged('gs://city/truth.csv')).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: 'gs://city/truth.csv is an address; a table is a file on this machine, or in BigQuery',
      suggestions: ['gcloud storage cp gs://city/truth.csv .   (then the path of the copy)'],
    })
    await expect(judged('https://example.com/truth.csv?v=1')).rejects.toMatchObject({
      suggestions: ["curl -fLO 'https://example.com/truth.csv?v=1'   (then the path of the copy)"],
    })
    const broken = await tables.file('broken.parquet', 'PAR1 and no more')
    await expect(judged(broken)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
  })
})
