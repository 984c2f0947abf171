import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runDuckdbCommand } from './duckdb-command.ts'
import { LocalTables } from './local-table.ts'

/** Tables as Postgres, MySQL, Hive and Spark write them, which look like CSV and are not. */

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const taken = async (name: string, content: string | Uint8Array): Promise<{ rows: unknown[]; warnings: string[] }> => {
  const { units, warnings } = await tables.take(name, content)
  return { rows: units.map(({ asset, images }) => [asset, ...images]), warnings }
}

const refusal = async (name: string, content: string): Promise<{ message: string; suggestions: string[] }> =>
  tables.take(name, content).then(
    () => Promise.reject(new Error('not refused')),
    (error: unknown) => error as { message: string; suggestions: string[] },
  )

/** What the shell makes of an advised command in a folder of its own. */
async function followed(advice: string): Promise<Buffer> {
  const cwd = await mkdtemp(path.join(tables.folder, 'followed-'))
  const command = advice.replace(/ {3}\(.*\)$/, '').replace(/^.*; if a database wrote them: /, '')
  expect(spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
  return readFile(path.join(cwd, 'rows.csv'))
}

describe(String.raw`\N, which databases write for no value`, () => {
  test('is no ID, no image, no time and no place', async () => {
    const csv = String.raw`asset_id,image,latitude,longitude,capture_time,note
a,1.jpg,\N,\N,\N,\N
b,\N,42.5,-71.5,2026-01-01,x
\N,3.jpg,1,2,2026-01-01,x
`
    const { units, warnings } = await tables.take('nulls.csv', csv)
    expect(units.map(({ asset, images, location, captured }) => [asset, images, location, captured])).toEqual([
      ['a', ['1.jpg'], null, [null]],
      ['b', [], { latitude: 42.5, longitude: -71.5 }, []],
    ])
    expect(warnings).toEqual([
      String.raw`6 values \N are read as no value, for example in line 2`,
      '1 row without an asset ID is left out, for example line 4',
    ])
  })

  test('is NULL for a condition', async () => {
    const csv = 'asset_id,image,height\na,1.jpg,\\N\nb,2.jpg,7\n'
    const { units } = await tables.take('condition.csv', csv, { where: 'CAST(height AS INT64) > 4 OR height IS NULL' })
    expect(units.map(({ asset }) => asset)).toEqual(['a', 'b'])
  })
})

describe("the text of Postgres' COPY", () => {
  const TEXT =
    'asset_id\timage\tnote\na\t1.jpg\t\\N\nC:\\\\pole\t2.jpg\tone\\ttwo three\nc\t3\\\\3.jpg\tline\\nend, really\n'

  test('is read with a word, and the command makes CSV of it', async () => {
    const { rows, warnings } = await taken('copy.tsv', TEXT)
    expect(rows).toEqual([
      [String.raw`C:\\pole`, '2.jpg'],
      ['a', '1.jpg'],
      ['c', String.raw`3\\3.jpg`],
    ])
    expect(warnings).toEqual([
      String.raw`1 value \N is read as no value, for example in line 2`,
      expect.stringContaining(
        String.raw`4 values with backslashes are read as written, for example "C:\\pole" in line 3; if a database wrote them: perl`,
      ),
    ])
    const made = await followed(warnings[1]!)
    expect(made.toString()).toBe(
      '"asset_id","image","note"\n"a","1.jpg",\n"C:\\pole","2.jpg","one\ttwo three"\n"c","3\\3.jpg","line\nend, really"\n',
    )
    expect(await taken('made.csv', made)).toEqual({
      rows: [
        [String.raw`C:\pole`, '2.jpg'],
        ['a', '1.jpg'],
        ['c', String.raw`3\3.jpg`],
      ],
      warnings: [],
    })
  })

  test('with quotes in values is refused with the command', async () => {
    const { message, suggestions } = await refusal('quotes.tsv', 'asset_id\timage\na"1\t1.jpg\n')
    expect(message).toContain('a quote is in the middle of a value in line 2')
    const advice = suggestions.find((suggestion) => suggestion.startsWith('perl'))!
    expect(await taken('made.csv', await followed(advice))).toEqual({ rows: [['a"1', '1.jpg']], warnings: [] })
  })

  test('with its end mark is refused with the command', async () => {
    const { message, suggestions } = await refusal('end.tsv', 'asset_id\timage\na\t1.jpg\nb\\\\c\t2.jpg\n\\.\n')
    expect(message).toContain('line 4 has 1 values, and the header has 2')
    const advice = suggestions.find((suggestion) => suggestion.startsWith('perl'))!
    expect(await taken('made.csv', await followed(advice))).toEqual({
      rows: [
        ['a', '1.jpg'],
        [String.raw`b\c`, '2.jpg'],
      ],
      warnings: [],
    })
  })
})

describe('quotes with a backslash before them', () => {
  test.each([
    ['Spark', 'asset_id,image,note\n"a\\"1",1.jpg,"say \\"hi\\", or \\\\"\nb,2.jpg,\n'],
    ['Spark, at the beginning', 'asset_id,image,note\n"a\\"1",1.jpg,"\\"hi\\""\nb,2.jpg,"x"\n'],
    ['Spark, at the end', 'asset_id,image,note\nb,2.jpg,"5\\""\n"a\\"1",1.jpg,x\n'],
    ['MySQL', '"asset_id","image","note"\n"a\\"1","1.jpg",\\N\n"b","2.jpg","it\'s \\"x\\""\n'],
    ['MySQL, with semicolons', '"asset_id";"image";"note"\n"a\\"1";"1.jpg";"1,5"\n"b";"2.jpg";"x"\n'],
  ])('are refused, and the command makes CSV of them: %s', async (_program, text) => {
    const { message, suggestions } = await refusal('quotes.csv', text)
    expect(message).toMatch(/a value continues after its closing quote|a quote is not closed/)
    const advice = suggestions.find((suggestion) => suggestion.startsWith('duckdb'))!
    const folder = await mkdtemp(path.join(tables.folder, 'quotes-'))
    const { rows } = await taken('made.csv', await readFile(await runDuckdbCommand(advice, folder)))
    expect(rows).toEqual([
      ['a"1', '1.jpg'],
      ['b', '2.jpg'],
    ])
  })

  test('and separators are refused with the option of the program', async () => {
    const { suggestions } = await refusal('separators.csv', 'asset_id,image\na\\,b,1.jpg\nc,2.jpg\n')
    expect(suggestions).toContainEqual(expect.stringContaining('with quotes around values and no backslashes'))
  })

  test('are folders of Windows where they are at the end of a quoted value', async () => {
    expect(await taken('windows.csv', 'asset_id,image,folder\na,1.jpg,"C:\\photos\\"\nb,x\\n.jpg,D:\\\n')).toEqual({
      rows: [
        ['a', '1.jpg'],
        ['b', 'x\\n.jpg'],
      ],
      warnings: [],
    })
  })
})
