import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables, type TableOptions } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const hasJq = spawnSync('jq', ['--version']).status === 0

const pairs = async (name: string, content: string | Uint8Array, options: TableOptions = {}) =>
  (await tables.take(name, content, options)).units.map(({ asset, images }) => [asset, ...images])

/** Takes a file that is refused, does what the suggestion with this beginning says, and takes the file that it makes. */
async function followed(
  name: string,
  content: string,
  { command, options = {}, then = options }: { command: string; options?: TableOptions; then?: TableOptions },
): Promise<unknown[]> {
  const { suggestions } = (await tables.take(name, content, options).then(
    () => Promise.reject(new Error('not refused')),
    (error: unknown) => error,
  )) as { suggestions: string[] }
  const advice = suggestions.find((suggestion) => suggestion.startsWith(command)) ?? suggestions.join('\n')
  const cwd = await mkdtemp(path.join(tables.folder, 'followed-'))
  const { status, stderr } = spawnSync('sh', ['-c', advice.replace(/ {3}\(.*\)$/, '')], { cwd, encoding: 'utf8' })
  expect({ status, stderr, advice }).toEqual({ status: 0, stderr: '', advice })
  const made = / > (rows\.\w+)/.exec(advice)![1]!
  return pairs(`followed-${made}`, await readFile(path.join(cwd, made)), then)
}

const ROWS = [
  ['a', 'a.jpg'],
  ['b', 'b.jpg'],
]
const [A, B] = ['{"asset_id":"a","image":"a.jpg"}', '{"asset_id":"b","image":"b.jpg"}']
const [LONG_A, LONG_B] = [
  '{\n  "asset_id": "a",\n  "image": "a.jpg"\n}',
  '{\n  "asset_id": "b",\n  "image": "b.jpg"\n}',
]

describe('JSON lines', () => {
  test.each([
    ['a comma after each object', `${A},\n${B},\n`],
    ['a comma between objects', `${A},\n${B}\n`],
    ['a comma before an object', `${A}\n, ${B}\n`],
    ['a mark before each object, as GDAL writes it', `\u001e${A}\n\u001e${B}\n`],
  ])('with %s are read', async (_what, text) => {
    expect(await pairs('commas.jsonl', text)).toEqual(ROWS)
  })
})

describe.skipIf(!hasJq)('the command for a JSON file that is not one object per line makes its rows, if it is', () => {
  test.each([
    ['an array', `[${A},${B}]`, "jq -c '.[]'"],
    ['an array with a comma too many', `[\n${A},\n${B},\n]\n`, 'perl'],
    ['an array without its end', `[\n${A},\n${B},\n`, 'perl'],
    ['objects over several lines', `${LONG_A}\n${LONG_B}\n`, "jq -c '.'"],
    ['the same with commas', `${LONG_A},\n${LONG_B}\n`, 'perl'],
    ['the same with a comma after the last', `\ufeff${LONG_A},\n${LONG_B},\n\n`, 'perl'],
    ['objects in one line', `${A}${B}`, 'jq'],
    ['objects in one line with commas', `${A},${B}`, 'perl'],
    ['objects that end in the next line', `${A.replace(',', ',\n')}\n${B}\n`, 'jq'],
    ['the same after other rows', `${A}\n${LONG_B}\n`, 'jq'],
    ['JSON in texts', `${JSON.stringify(A)}\n${JSON.stringify(B)}\n`, 'jq'],
    ['a list of texts per row', '[["a","a.jpg"],["b","b.jpg"]]', '{ echo asset_id,image; jq'],
    ['pandas, by column', '{"asset_id":{"0":"a","1":"b"},"image":{"0":"a.jpg","1":"b.jpg"}}', 'jq'],
    ['pandas, by column with labels', '{"asset_id":{"x":"a","y":"b"},"image":{"x":"a.jpg","y":"b.jpg"}}', 'jq'],
    ['pandas, by row', `{"0":${A},"1":${B}}`, 'jq'],
    ['pandas, split', '{"columns":["asset_id","image"],"index":[0,1],"data":[["a","a.jpg"],["b","b.jpg"]]}', 'jq'],
    [
      'pandas, as a table',
      `{"schema":{"fields":[{"name":"index"}],"pandas_version":"1.4.0"},"data":[${A},${B}]}`,
      'jq',
    ],
    ['lists of columns', '{"asset_id":["a","b"],"image":["a.jpg","b.jpg"]}', 'jq'],
    ['hits inside of an answer', `{"took":1,"hits":{"total":2,"hits":[${A},${B}]}}`, 'jq'],
    ['data inside of an answer', `{"status":{"code":"600"},"result":{"my data":[${A},${B}]}}`, 'jq'],
    [
      'a catalog of images',
      `{"type":"FeatureCollection","features":[{"id":"a","properties":{"image":"a.jpg"}},{"id":"b","properties":{"image":"b.jpg"}}]}`,
      'jq',
    ],
  ])('%s', async (_what, text, command) => {
    expect(await followed('other.json', text, { command })).toEqual(ROWS)
  })

  test('a row in each member, under the name of its image', async () => {
    const text = '{"a.jpg":{"kind":"pole"},"b.jpg":{"kind":"sign"}}'
    const options = { asset: 'key', image: 'key' }
    expect(await followed('keyed.json', text, { command: 'jq', options })).toEqual([
      ['a.jpg', 'a.jpg'],
      ['b.jpg', 'b.jpg'],
    ])
  })

  test("a field with a name of its own, by its row's ID", async () => {
    const text = '{"asset_id":{"$oid":"65"},"image":"a.jpg"}\n{"asset_id":{"$oid":"66"},"image":"b.jpg"}\n'
    expect(await followed('documents.jsonl', text, { command: 'jq', then: { asset: 'asset' } })).toEqual([
      ['65', 'a.jpg'],
      ['66', 'b.jpg'],
    ])
  })
})

describe('the command for a CSV file that is not quite one makes its rows, if it is', () => {
  const people = 'sed -E'
  test.each([
    ['from psql', ' asset_id | image \n----------+-------\n a        | a.jpg\n b        | b.jpg\n(2 rows)\n', people],
    ['in Markdown', '| asset_id | image |\n| :-- | --- |\n| a | a.jpg |\n| b | b.jpg |\n', people],
    [
      'from mysql',
      '+----------+-------+\n| asset_id | image |\n+----------+-------+\n| a        | a.jpg |\n| b        | b.jpg |\n+----------+-------+\n',
      people,
    ],
    ['from sqlcmd', 'asset_id,image\n--------,-----\na,a.jpg\nb,b.jpg\n\n(2 rows affected)\n', people],
    ["with psql's count", 'asset_id|image\na|a.jpg\nb|b.jpg\n(2 rows)\n', 'sed 4d'],
    ["with Postgres' end", 'asset_id,image\na,a.jpg\nb,b.jpg\n\\.\n', 'sed 4d'],
    ['with a line before the header', 'Waiting on bqjob_r1 ... Done\nasset_id,image\na,a.jpg\nb,b.jpg\n', 'tail'],
    ['with equal signs for Excel', 'asset_id,image\n="a",a.jpg\n="b",="b.jpg"\n', people],
    ['without a header', 'a,a.jpg\nb,b.jpg\n', '{ printf'],
  ])('%s', async (_what, text, command) => {
    expect(await followed('other.csv', text, { command })).toEqual(ROWS)
  })

  test('without a header and with tabs', async () => {
    expect(await followed('other.tsv', 'a\ta.jpg\nb\tb.jpg\n', { command: '{ printf' })).toEqual(ROWS)
  })

  test('that is a list of images', async () => {
    const then: TableOptions = { unit: 'observation' }
    expect(await followed('train.csv', './a.jpg\n./b.jpg\n', { command: '{ printf', then })).toEqual([
      [null, './a.jpg'],
      [null, './b.jpg'],
    ])
  })

  test('with images and no assets, by the unit that needs none', async () => {
    const text = 'file_name,text\na.jpg,x\nb.jpg,y\n'
    const refused = await tables.take('metadata.csv', text).catch((error: unknown) => error)
    expect(refused).toMatchObject({ suggestions: [expect.stringContaining('(or --unit observation')] })
    expect(await pairs('metadata.csv', text, { unit: 'observation' })).toEqual([
      [null, 'a.jpg'],
      [null, 'b.jpg'],
    ])
  })

  test("that R wrote with the names of rows, by R's own option", async () => {
    const text = '"asset_id","image"\n"1","a","a.jpg"\n"2","b","b.jpg"\n'
    const refused = await tables.take('rows.csv', text).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      message: expect.stringContaining('line 2 has 3 values, and the header has 2') as string,
      suggestions: expect.arrayContaining([expect.stringContaining('row.names = FALSE')]) as string[],
    })
  })
})

test('a row that repeats the header, as in files that were joined, is left out with a word', async () => {
  const text = 'asset_id,image\na,a.jpg\nasset_id,image\nb,b.jpg\nasset_id,image\n'
  const { units, warnings } = await tables.take('joined.csv', text)
  expect(units.map(({ asset, images }) => [asset, ...images])).toEqual(ROWS)
  expect(warnings).toEqual(['2 rows repeat the header and are left out, for example line 3'])
  expect((await tables.take('joined.csv', text.slice(0, 38))).warnings).toEqual([
    '1 row repeats the header and is left out, for example line 3',
  ])
  expect(await pairs('one.csv', 'image\nimage\n', { unit: 'observation' })).toEqual([[null, 'image']])
})

test.each([
  ['GPSLatitude', 'GPSLongitude'],
  ['_gps_latitude', '_gps_longitude'],
  ['gps-Latitude', 'gps-Longitude'],
  ['MAPLatitude', 'MAPLongitude'],
  ['@lat', '@lon'],
])('the coordinates that devices and programs name %s and %s are the location, with a word', async (north, east) => {
  const csv = `asset_id,image,${east},${north}\na,a.jpg,-105.25,40.5\n`
  const { units, warnings } = await tables.take('named.csv', csv)
  expect(units.map(({ location }) => location)).toEqual([{ latitude: 40.5, longitude: -105.25 }])
  expect(warnings).toEqual([`Columns ${north} and ${east} are used as the location`])
  const own = await tables.take('own.csv', csv.replace('\n', ',lat,lng\n').replace('40.5\n', '40.5,1,2\n'))
  expect(own.units.map(({ location }) => location)).toEqual([{ latitude: 1, longitude: 2 }])
})

test.each([
  ['sizes', '40.5,N,105.25,W', { latitude: 40.5, longitude: -105.25 }],
  ['sizes in the south-east', '40.5,South,105.25,East', { latitude: -40.5, longitude: 105.25 }],
  ['signed numbers', '-40.5,S,-105.25,W', { latitude: -40.5, longitude: -105.25 }],
  [
    'what ExifTool writes',
    '"40 deg 30\' 0.00"" N",North,"105 deg 15\' 0.00"" W",West',
    { latitude: 40.5, longitude: -105.25 },
  ],
  ['a sign that differs', '-40.5,N,105.25,W', null],
  ['no half', '40.5,,105.25,W', null],
])('coordinates whose sign is in another column take it from there: %s', async (_what, cells, location) => {
  const csv = `asset_id,image,GPSLatitude,GPSLatitudeRef,GPSLongitude,GPSLongitudeRef\na,a.jpg,${cells}\n`
  const { units, warnings } = await tables.take('signs.csv', csv)
  expect(units.map((unit) => unit.location)).toEqual([location])
  expect(warnings).toEqual([
    'Columns GPSLatitude and GPSLongitude are used as the location',
    ...(location ? [] : [expect.stringContaining('location of 1 row cannot be read and is left out')]),
  ])
})

test("a spreadsheet's error is an asset ID with a word", async () => {
  const { units, warnings } = await tables.take('errors.csv', 'asset_id,image\n#REF!,a.jpg\n#DIV/0!,b.jpg\n')
  expect(units).toHaveLength(2)
  expect(warnings).toEqual([expect.stringContaining('the asset ID "#REF!"'), expect.stringContaining('"#DIV/0!"')])
})

test('a command with jq has a note where an old jq would change IDs', async () => {
  const refused = (text: string): Promise<unknown> => tables.take('long.json', text).catch((error: unknown) => error)
  const long = '[{"asset_id":12345678901234567891,"image":"a.jpg"}]'
  expect(await refused(long)).toMatchObject({ suggestions: [expect.stringContaining('(with jq 1.7 or newer')] })
  const text = { suggestions: [expect.not.stringContaining('1.7')] }
  expect(await refused('[{"asset_id":"12345678901234567891","image":"a.jpg"}]')).toMatchObject(text)
})

test('an object that is one row is no table', async () => {
  const row = '{"id":"a","image":"a.jpg","box":{"x":1},"tags":[{"name":"x"}]}'
  expect(await pairs('row.json', row)).toEqual([['a', 'a.jpg']])
  const labels = { data_row: { id: 'a', external_id: 'a.jpg' }, media_attributes: { width: 1 }, projects: {} }
  const refused = await tables.take('labels.ndjson', JSON.stringify(labels)).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'COLUMN_NOT_FOUND', suggestions: [expect.stringMatching(/^imagery run /)] })
  const found = { asset: 'data_row.id', image: 'data_row.external_id' }
  expect(await pairs('labels.ndjson', JSON.stringify(labels), found)).toEqual([['a', 'a.jpg']])
})
