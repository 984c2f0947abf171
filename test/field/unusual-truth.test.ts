import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evaluation } from '../../src/contracts/evaluation.ts'
import { profile } from '../../src/contracts/run-spec.ts'
import { compareRuns } from '../../src/services/judge/compare.ts'
import { evaluationWarnings } from '../../src/services/judge/evaluate.ts'
import { judgedRun, type JudgedRun } from '../../src/services/judge/run-rows.ts'
import { viewedColumns } from '../../src/services/view/columns.ts'
import { belowText } from '../../src/ui/evaluation.ts'
import { LocalTables } from './local-table.ts'
import { columnOf, judgedBy, type Judging, row, runOf } from './judged-runs.ts'

let tables: LocalTables
let run: JudgedRun

beforeAll(async () => {
  tables = await LocalTables.start()
  run = await runOf(tables, [
    row('s01', { category: 'Stop', lit: true, pole: { material: 'wood' } }),
    row('s03', { category: 'Yield', lit: false, pole: { material: 'steel' } }),
  ])
})

afterAll(() => tables.close())

const judged = (truth: string, options: Judging = {}): Promise<Evaluation> =>
  judgedBy(truth, { of: run, folder: tables.folder, ...options })

describe('a truth that is unusual', () => {
  test('tells values apart that the profile allows beside each other and that differ in case only', async () => {
    const twins = profile.parse({
      name: 'twins',
      description: 'Values alike.',
      prompt: 'Which one?',
      output: { type: 'object', properties: { category: { type: 'string', enum: ['Stop', 'stop', 'Yield'] } } },
    })
    const of = await runOf(tables, [row('a', { category: 'stop' }), row('b', { category: 'stop' })], { profile: twins })
    const file = await tables.file('twins.csv', 'id,category\na, stop \na,stop\nb,Stop\n')
    const evaluation = await judged(file, { of })
    const category = columnOf(evaluation, 'category')
    expect(category).toMatchObject({ judged: 2, right: 1, worst: [{ truth: 'Stop', answer: 'stop', units: 1 }] })
    expect(category.classes![1]).toMatchObject({ value: 'stop', truth: 1, answered: 2, right: 1 })
    expect(evaluation.truth).toMatchObject({ repeated: { count: 1 }, contradictory: { count: 0 } })
    const other = profile.parse({
      ...twins,
      output: { type: 'object', properties: { category: { type: 'string', enum: ['Stop', 'YIELD'] } } },
    })
    const a = await runOf(tables, [row('a', { category: 'stop' }), row('b', { category: 'Yield' })], { profile: twins })
    const b = await runOf(tables, [row('a', { category: 'Stop' }), row('b', { category: 'YIELD' })], { profile: other })
    expect((await compareRuns({ a, b }, {})).columns).toMatchObject([
      { agreed: 1, disagreements: [{ a: 'stop', b: 'Stop' }] },
    ])
    const neither = await judged(await tables.file('neither.csv', 'id,category\na,STOP\nb,stop\nb,Stop\n'), { of })
    expect(columnOf(neither, 'category')).toMatchObject({ judged: 1, right: 0, worst: [{ truth: 'STOP' }] })
    expect(evaluationWarnings(of, neither)).toEqual([
      expect.stringContaining('contradict each other, so none of them counts: b'),
      'The truth has values of category that the profile does not allow, so no answer can be right: STOP (1; Stop?)',
    ])
  })

  test('can have booleans that a program wrote as numbers, and says what a list should be', async () => {
    const file = await tables.file(
      'numbers.jsonl',
      '{"id":"s01","lit":1.0,"category":["Stop"]}\n{"id":"s03","lit":0.0,"category":"Yield"}\n',
    )
    const evaluation = await judged(file)
    expect(columnOf(evaluation, 'lit')).toMatchObject({ judged: 2, right: 2 })
    expect(evaluationWarnings(run, evaluation)).toContain(
      `${file} has a value of category that is not one text for 1 asset, which does not count: s01: ["Stop"]`,
    )
  })

  test('has every row in one of its counts', async () => {
    const file = await tables.file('rows.csv', 'id,category\ns01,Stop\ns01,Stop\nx,Stop\nx,Stop\nx,Yield\n,Stop\n')
    const { truth } = await judged(file)
    expect(truth).toMatchObject({ rows: 6, matched: 2, unmatched: { count: 3, examples: ['x'] } })
    expect(truth.matched + truth.unmatched.count + truth.without_id.count).toBe(truth.rows)
  })

  test('can have spaces around its IDs, as text from spreadsheets and databases does', async () => {
    const file = await tables.file('spaces.csv', 'id,category\n"s01  ",Stop\n\u00a0s03, Yield\ns03,Yield\n" ",Stop\n')
    const evaluation = await judged(file)
    expect(columnOf(evaluation, 'category')).toMatchObject({ judged: 2, right: 2 })
    expect(evaluation.truth).toMatchObject({ matched: 3, repeated: { count: 1 }, without_id: { count: 1 } })
  })

  test('names no struct as a column without use whose members some lines of JSON have', async () => {
    const file = await tables.file(
      'some.jsonl',
      '{"id":"s01","pole":null,"note":null}\n{"id":"s03","pole":{"material":"steel","base":{"x":1}}}\n{"id":"x","pole":{"base":null}}\n',
    )
    const evaluation = await judged(file)
    expect(columnOf(evaluation, 'pole.material')).toMatchObject({ judged: 1, right: 1 })
    expect(evaluation.truth.unused_columns).toEqual(['note', 'pole.base.x'])
  })

  test('is read no further after Ctrl-C', async () => {
    const file = await tables.file('long.csv', `id,category\n${'s01,Stop\n'.repeat(1_000)}`)
    await expect(judged(file, { signal: AbortSignal.abort(new Error('Interrupted')) })).rejects.toThrow('Interrupted')
  })

  test('without any ID or any row is refused in words that fit', async () => {
    await expect(judged(await tables.file('no-ids.csv', 'id,category\n,Stop\n'))).rejects.toThrow(
      /^No row of .*no-ids.csv has an ID in column id$/,
    )
    await expect(judged(await tables.file('no-rows.csv', 'id,category\n'))).rejects.toMatchObject({
      message: expect.stringMatching(/no-rows.csv has no rows$/) as string,
      suggestions: [],
    })
  })

  test('is judged by a percentage to its last digit', async () => {
    const choice = { id: 'pole', columns: ['label=category'], minAccuracy: ['category=99.9%'] }
    const of = await runOf(
      tables,
      Array.from({ length: 1_000 }, (_, index) => row(`u${index}`, { category: index === 0 ? 'Yield' : 'Stop' })),
    )
    const truth = Array.from({ length: 1_000 }, (_, index) => `u${index},Stop\n`).join('')
    const evaluation = await judged(await tables.file('thousand.csv', `pole,label\n${truth}`), { ...choice, of })
    expect(columnOf(evaluation, 'category').accuracy!.estimate).toBe(0.999)
    expect(evaluation.below_minimum).toEqual([])
    expect(belowText({ column: 'category', accuracy: 899 / 999, minimum: 0.9 })).toBe(
      'category has an accuracy of 89.9 %, below --min-accuracy category=0.9',
    )
    expect(belowText({ column: 'category', accuracy: 0.57, minimum: 0.9 })).toContain(' 57.0 %, below')
  })

  test('judges no column that a torn-down run kept from its table', async () => {
    const bare = await runOf(tables, [row('a', { category: 'Stop', words: 'Main St' })], { hasSpec: false })
    const names = bare.rows.fields.map(({ name }) => name ?? '')
    const { columns } = judgedRun(bare.rows, undefined, new Set(names.filter((name) => name !== 'words')))
    expect(columns.map(({ name }) => name)).toEqual(['category', 'lit', 'lamps', 'height', 'pole.material', 'tags'])
    const viewed = viewedColumns(bare.rows.fields, undefined, new Set(['category']))
    expect(viewed.find(({ name }) => name === 'category')!.role).toBe('answer')
    expect(viewed.find(({ name }) => name === 'words')!.role).toBe('kept')
    expect(viewed.find(({ name }) => name === 'status')!.role).toBe('record')
  })

  test('can have a struct as one column, as files of imagery results do', async () => {
    const csv = await tables.file(
      'structs.csv',
      'unit_id,pole\ns01,"{""material"": ""WOOD""}"\ns03,"{""material"":null}"\n',
    )
    const fromCsv = await judged(csv)
    expect(columnOf(fromCsv, 'pole.material')).toMatchObject({ truth_column: 'pole', judged: 1, right: 1 })
    const parquet = path.join(tables.folder, 'structs.parquet')
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run(
      `COPY (SELECT 's01'::BLOB AS unit_id, {material: 'wood'} AS pole UNION ALL SELECT 's03'::BLOB, {material: 'wood'}) TO '${parquet}' (FORMAT parquet)`,
    )
    connection.closeSync()
    instance.closeSync()
    const fromParquet = await judged(parquet)
    expect(columnOf(fromParquet, 'pole.material')).toMatchObject({ truth_column: 'pole', judged: 2, right: 1 })
  })
})
