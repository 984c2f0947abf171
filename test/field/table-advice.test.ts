import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { source as doctorCheck } from '../../src/services/doctor/source.ts'
import { castAdvice, safeCastAdvice } from '../../src/services/source/filter-advice.ts'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const text = (name: string) => ({ name, type: 'STRING' })
const USUAL = [text('asset_id'), text('gcs_uri')]
const row = (asset: string, more: object = {}) => ({ asset_id: asset, gcs_uri: `gs://b/${asset}.jpg`, ...more })

describe('a filter on texts', () => {
  const schema = [...USUAL, text('height'), text('made'), text('ok'), { name: 'n', type: 'INTEGER' }]
  const quoted = (filter: string): string => `--where '${filter.replaceAll("'", String.raw`'\''`)}'`

  test.each([
    ['height > 4', 'SAFE_CAST(height AS FLOAT64) > 4'],
    ["asset_id != 'x' AND 4.5 <= height", "asset_id != 'x' AND 4.5 <= SAFE_CAST(height AS FLOAT64)"],
    ['height BETWEEN 3 AND 9', 'SAFE_CAST(height AS FLOAT64) BETWEEN 3 AND 9'],
    ['height IN (4, 5)', 'SAFE_CAST(height AS FLOAT64) IN (4, 5)'],
    ['NOT `height` = 4', 'NOT SAFE_CAST(`height` AS FLOAT64) = 4'],
    ["made >= DATE '2026-01-01'", "SAFE_CAST(made AS DATE) >= DATE '2026-01-01'"],
    ['made > CURRENT_TIMESTAMP()', 'SAFE_CAST(made AS TIMESTAMP) > CURRENT_TIMESTAMP()'],
    ['ok = TRUE', 'SAFE_CAST(ok AS BOOL) = TRUE'],
    ["n = '5'", 'n = 5'],
    // Only the operands beside the operator are cast, whatever else the condition has.
    ["height > 4 AND asset_id = 'a'", "SAFE_CAST(height AS FLOAT64) > 4 AND asset_id = 'a'"],
    [
      "height BETWEEN 3 AND 9 AND asset_id != 'x > 4 AND 5'",
      "SAFE_CAST(height AS FLOAT64) BETWEEN 3 AND 9 AND asset_id != 'x > 4 AND 5'",
    ],
    ['5 BETWEEN 4 AND height', '5 BETWEEN 4 AND SAFE_CAST(height AS FLOAT64)'],
    ['height /* in m */ > 4', 'SAFE_CAST(height AS FLOAT64) /* in m */ > 4'],
    ["n BETWEEN '4' AND '9' AND asset_id > '9z'", "n BETWEEN 4 AND 9 AND asset_id > '9z'"],
  ])('%s is refused with the cast that works', async (where, better) => {
    const rows = [
      row('a', { height: '5', made: '2026-02-03', ok: 'true', n: 5 }),
      row('b', { height: 'n/a', made: '', ok: 'no' }),
    ]
    const table = await tables.table(schema, rows)
    const { code, suggestions } = await tables.refusal(table, { where })
    expect(code).toBe('INVALID_FILTER')
    expect(suggestions[0]).toBe(quoted(better))
    const { units } = await tables.takeTable(table, { where: better })
    expect(units.map(({ asset }) => asset)).toEqual(['a'])
  })

  test('on a column whose name is a keyword is refused with the backticks that it needs', async () => {
    const schema = [...USUAL, { name: 'at', type: 'TIMESTAMP' }, text('order'), text('Group')]
    const rows = [row('a', { at: '2026-09-14T10:00:00Z', order: '7', Group: 'g' }), row('b')]
    const table = await tables.table(schema, rows, {
      timePartitioning: { type: 'HOUR', field: 'at' },
      requirePartitionFilter: true,
    })
    const found = async (where: string) => (await tables.takeTable(table, { where })).units.map(({ asset }) => asset)
    const hour = await tables.refusal(`${table}$2026091410`)
    const [, filter = ''] = /--where '(.*)' …$/.exec(hour.suggestions[0]!) ?? []
    expect(await found(filter.replaceAll(String.raw`'\''`, "'"))).toEqual(['a'])
    const any = await tables.refusal(table)
    expect(any.suggestions).toEqual([expect.stringMatching(/^--where '`at` >= /)])
    const at = "at >= TIMESTAMP('2026-09-14')"
    expect((await tables.refusal(table, { where: at })).suggestions).toEqual([
      quoted(`\`at\` >= TIMESTAMP('2026-09-14')`),
      'Use a condition on asset_id, gcs_uri, `at`, `order`, `Group`',
    ])
    const group = await tables.refusal(table, { where: `\`${at.replace(' ', '` ')} AND 'order' != group` })
    expect(group.suggestions[0]).toBe(quoted(`\`${at.replace(' ', '` ')} AND 'order' != \`group\``))
    expect(await found(`\`${at.replace(' ', '` ')} AND 'order' != \`group\``)).toEqual(['a'])
  })

  test.each([
    ["CAST(height AS INT64) > 3 AND note != 'CAST(x)'", "SAFE_CAST(height AS INT64) > 3 AND note != 'CAST(x)'"],
    [
      'SAFE_CAST(n AS INT64) > 1 AND cast (height AS INT64) > 1 /* CAST(x) */',
      'SAFE_CAST(n AS INT64) > 1 AND SAFE_CAST (height AS INT64) > 1 /* CAST(x) */',
    ],
  ])('%s gets SAFE_CAST for its casts, if a row cannot be cast', (where, better) => {
    expect(safeCastAdvice(where, 'Bad int64 value: n/a')).toEqual([quoted(better)])
    const ofTheFile = 'Error while reading table: p.d.t, error message: Could not convert value to integer'
    expect(safeCastAdvice(where, ofTheFile)).toEqual([])
  })

  test.each([
    ['(ok) -- a flag', ['(SAFE_CAST(ok AS BOOL)) -- a flag']],
    // A cast inside a function would change what it means.
    ["IFNULL(ok, 'x')", []],
  ])('%s, which is text and no truth value, gets %j', (where, better) => {
    const reason = 'WHERE clause should return type BOOL, but returns STRING'
    expect(castAdvice(where, reason, schema)).toEqual(better.map(quoted))
  })

  test('of a CSV file gets the same advice, and an empty cell casts', async () => {
    const csv = 'asset_id,image,height\na,a.jpg,5\nb,b.jpg,\nc,c.jpg,""\n'
    const { units } = await tables.take('heights.csv', csv, { where: 'CAST(height AS FLOAT64) > 4' })
    expect(units.map(({ asset }) => asset)).toEqual(['a'])
    expect(
      (await tables.take('heights.csv', csv, { where: 'height IS NULL' })).units.map(({ asset }) => asset),
    ).toEqual(['b', 'c'])
  })
})

describe('imagery doctor --table', () => {
  const look = async (table: string) => {
    const place = { projectId: 'demo', region: 'us-central1' }
    const { status, detail, fixes } = await doctorCheck.run({
      target: { place },
      table,
      member: 'user:ada@example.com',
    } as never)
    return { status, detail: detail.replaceAll(`${tables.folder}/`, ''), fixes }
  }

  test('guesses the columns of a file as a run does, and says what it leaves out', async () => {
    const file = await tables.file('doctor.csv', 'id,photo,lat,lng\na,a.jpg,40.5,1\nb,b.jpg,north,1\n')
    expect(await look(file)).toEqual({
      status: 'warning',
      detail: expect.stringMatching(
        /^imagery run loads doctor\.csv into BigQuery; the asset ID is in id, the image in photo\. Column id is used as the asset ID .*\. Columns lat and lng are used as the location\. location of 1 row cannot be read/,
      ),
      fixes: [],
    })
  })

  test('fails for a file that a run refuses, with the same command', async () => {
    const file = await tables.file('doctor.json', '[{"id":1}]')
    expect(await look(file)).toMatchObject({ status: 'failed', fixes: [expect.stringContaining("jq -c '.[]'")] })
    expect(await look('my-project.city.obs_*_day')).toMatchObject({
      status: 'failed',
      fixes: ["imagery run --table 'my-project.city.obs_*' …"],
    })
  })
})
