import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImageryError } from '../../src/contracts/errors.ts'
import { expectedFailure } from '../../src/services/failures/cloud-failure.ts'
import { LocalTables, type TableOptions } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const USUAL = ['asset_id', 'gcs_uri'].map((name) => ({ name, type: 'STRING' }))
const row = (asset: string, more: object = {}) => ({ asset_id: asset, gcs_uri: `gs://b/${asset}.jpg`, ...more })
const assets = async (table: string, options: TableOptions = {}) =>
  (await tables.takeTable(table, options)).units.map(({ asset }) => asset)
/** What the command says of a table that it cannot read. */
const refused = async (table: string, options: TableOptions = {}): Promise<ImageryError> =>
  expectedFailure(await tables.refusal(table, options)) as ImageryError

describe('a table that is partitioned by ingestion', () => {
  const DAILY = { timePartitioning: { type: 'DAY' }, requirePartitionFilter: true }

  test('is read with a filter on a pseudocolumn, and needs one', async () => {
    const table = await tables.table(USUAL, [], DAILY)
    await tables.write(table, '20260914', [row('a'), row('a2')])
    await tables.write(table, '20260915', [row('b')])
    expect(await assets(table, { where: "_PARTITIONDATE = '2026-09-14'" })).toEqual(['a', 'a2'])
    const first = "_PARTITIONTIME < TIMESTAMP('2026-09-15') AND asset_id != 'a2'"
    expect(await assets(table, { where: first })).toEqual(['a'])
    expect(await tables.countTable(table, "_PARTITIONDATE = '2026-09-14'")).toMatchObject({
      units: 2,
      images: 2,
      rows: 2,
    })
    // Each advice is a filter that works.
    const { code, suggestions } = await refused(table)
    expect(code).toBe('INVALID_FILTER')
    const year = /--where '(.*)'$/.exec(suggestions[0]!)![1]!.replaceAll(String.raw`'\''`, "'")
    expect(year).toMatch(/^_PARTITIONTIME >= TIMESTAMP\('\d{4}-01-01'\)$/)
    expect(await assets(table, { where: year.replace(/\d{4}/, '2026') })).toEqual(['a', 'a2', 'b'])
    expect((await refused(table, { where: "asset_id = 'a'" })).suggestions[0]).toContain(`AND (asset_id = '\\''a'\\'')`)
    expect((await refused(table, { where: 'TRUE -- all' })).suggestions[0]).toContain('AND (TRUE -- all\n)')
  })

  test.each([
    ['DAY', '20260914', "_PARTITIONTIME = TIMESTAMP('2026-09-14')"],
    ['DAY', '202609', "_PARTITIONTIME >= TIMESTAMP('2026-09-01') AND _PARTITIONTIME < TIMESTAMP('2026-10-01')"],
    ['HOUR', '2026091405', "_PARTITIONTIME = TIMESTAMP('2026-09-14 05:00:00')"],
    ['MONTH', '202609', "_PARTITIONTIME = TIMESTAMP('2026-09-01')"],
    ['MONTH', '20260914', undefined],
    ['DAY', '20260231', undefined],
    ['HOUR', '2026091424', undefined],
  ])('by %s gets for the decorator $%s the filter %s', async (type, id, filter) => {
    const table = await tables.table(USUAL, [], { timePartitioning: { type } })
    await tables.write(table, { DAY: '20260914', HOUR: '2026091405', MONTH: '202609' }[type]!, [row('a')])
    const { message, suggestions } = await refused(`${table}$${id}`)
    if (filter === undefined) {
      expect(message).toContain(`${id} is none of its partitions`)
      return
    }
    expect(suggestions[0]).toBe(`imagery run --table ${table} --where '${filter.replaceAll("'", String.raw`'\''`)}' …`)
    expect(await assets(table, { where: filter })).toEqual(['a'])
  })
})

describe('a table that is partitioned by a column', () => {
  test('gets the filter by that column for one by a pseudocolumn', async () => {
    const schema = [...USUAL, { name: 'day', type: 'DATE' }]
    const rows = [row('a', { day: '2026-09-14' }), row('b', { day: '2026-09-15' })]
    const table = await tables.table(schema, rows, { timePartitioning: { type: 'DAY', field: 'day' } })
    const { code, suggestions } = await refused(table, { where: "_PARTITIONDATE = '2026-09-14'" })
    expect(code).toBe('INVALID_FILTER')
    expect(suggestions[0]).toBe(`--where 'day = '\\''2026-09-14'\\'''`)
    expect(await assets(table, { where: "day = '2026-09-14'" })).toEqual(['a'])
  })

  test('of numbers gets a filter from the start of its ranges', async () => {
    const range = { start: '-500', end: '500', interval: '10' }
    const schema = [...USUAL, { name: 'n', type: 'INTEGER' }]
    const table = await tables.table(schema, [row('a', { n: -200 })], {
      rangePartitioning: { field: 'n', range },
      requirePartitionFilter: true,
    })
    expect((await refused(table)).suggestions).toEqual([`--where 'n >= -500'`])
    expect((await refused(`${table}$-200`)).suggestions[0]).toContain("--where 'n >= -200 AND n < -190'")
    expect((await refused(`${table}$-205`)).message).toContain('-205 is none of its partitions')
    expect(await assets(table, { where: 'n >= -500' })).toEqual(['a'])
  })
})

describe('a wildcard', () => {
  beforeAll(async () => {
    for (const day of ['14', '15']) await tables.create(`obs_202609${day}`, { schema: { fields: USUAL } })
    await tables.insert('obs_20260914', [row('a')])
    await tables.insert('obs_20260915', [row('b')])
  })

  test('reads the tables that begin so, all or those that a filter chooses', async () => {
    const { units, warnings } = await tables.takeTable('demo.field.obs_*')
    expect(units.map(({ asset }) => asset)).toEqual(['a', 'b'])
    expect(warnings).toEqual([])
    expect(await assets('demo.field.obs_*', { where: "_TABLE_SUFFIX >= '20260915'" })).toEqual(['b'])
    // The same table without the days, as it is often remembered.
    expect((await refused('demo.field.obs')).suggestions.slice(0, 2)).toEqual([
      'imagery run --table demo.field.obs_20260915 …',
      "imagery run --table 'demo.field.obs_*' …",
    ])
  })

  test('is refused in words when it matches nothing, a view or other columns', async () => {
    expect(await refused('demo.field.none_*')).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: 'demo.field has no table that begins with none_',
    })
    expect((await refused('demo.empty.*')).message).toBe('demo.empty has no table')
    await tables.view('demo.field.seen_view', 'SELECT * FROM demo.field.obs_20260914')
    const { code, message, suggestions } = await refused('demo.field.seen_*')
    expect(code).toBe('INVALID_FLAG')
    expect(message).toContain('demo.field.seen_* cannot be read as one table: Views cannot be queried through prefix')
    expect(suggestions[0]).toContain('a longer beginning')
    expect((await refused('demo.field.obs_*_x')).suggestions).toEqual(["imagery run --table 'demo-city.field.obs_*' …"])
  })
})

describe('an external table', () => {
  const object = (uri: string, content: string) => tables.objects.set(uri, Buffer.from(content))
  const external = (name: string, uri: string, more: object = {}) =>
    tables.create(name, {
      schema: { fields: USUAL },
      externalDataConfiguration: { sourceUris: [uri], sourceFormat: 'CSV', ...more },
    })

  test('is read like another, with a word on what reading it costs', async () => {
    object('gs://b/a.jsonl', [row('a'), row('b')].map((each) => JSON.stringify(each)).join('\n'))
    const table = await external('lines', 'gs://b/a.jsonl', { sourceFormat: 'NEWLINE_DELIMITED_JSON' })
    const { units, warnings } = await tables.takeTable(table, { where: "asset_id = 'b'" })
    expect(units.map(({ asset, images }) => [asset, ...images])).toEqual([['b', 'gs://b/b.jpg']])
    expect(warnings).toEqual([expect.stringContaining('what reading them costs is not known')])
    object('gs://b/h.csv', 'asset_id,gcs_uri\n0731,gs://b/1.jpg\n')
    expect(await assets(await external('header', 'gs://b/h.csv', { csvOptions: { skipLeadingRows: 1 } }))).toEqual([
      '0731',
    ])
  })

  test('whose file is gone is named when its rows are counted, as a filter that cannot cast one of them is', async () => {
    object('gs://b/gone.csv', 'a,gs://b/1.jpg\n')
    const table = await external('gone', 'gs://b/gone.csv')
    await expect(tables.countTable(table, 'CAST(asset_id AS INT64) > 1')).rejects.toMatchObject({
      code: 'INVALID_FILTER',
      suggestions: ["--where 'SAFE_CAST(asset_id AS INT64) > 1'"],
    })
    tables.objects.delete('gs://b/gone.csv')
    await expect(tables.countTable(table, 'TRUE')).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: 'A file with rows of demo:field.gone does not exist: Not found: URI gs://b/gone.csv',
      suggestions: [expect.stringMatching(/^bq show --format=prettyjson demo:field\.gone /)],
    })
  })

  test('over files that may not be read, are damaged or are in Drive is refused with what to do', async () => {
    const closed = await refused(await external('closed', 'gs://closed/a.csv'))
    expect(closed.code).toBe('ACCESS_DENIED')
    expect(closed.suggestions).toEqual([
      expect.stringMatching(
        /^gcloud storage buckets add-iam-policy-binding gs:\/\/closed --member \S+ --role roles\/storage\.objectViewer$/,
      ),
    ])
    object('gs://b/bad.csv', 'a,b,c\n')
    const damaged = await refused(await external('damaged', 'gs://b/bad.csv'))
    expect(damaged.message).toMatch(
      /^BigQuery cannot read the files that have the rows of the table: Error while reading/,
    )
    expect(damaged.suggestions[0]).toMatch(/^bq show --format=prettyjson demo:field\.damaged /)
    const drive = await refused(await external('drive', 'https://docs.google.com/spreadsheets/d/1'))
    expect(drive.code).toBe('ACCESS_DENIED')
    expect(drive.suggestions[0]).toContain('--scopes=https://www.googleapis.com/auth/drive,')
  })
})

describe('a column that is no text', () => {
  const of = (type: string, values: readonly unknown[], more: object = {}) =>
    tables.table(
      [{ name: 'asset_id', type, ...more }, USUAL[1]!],
      values.map((asset_id, index) => ({ asset_id, gcs_uri: `gs://b/${index}.jpg` })),
    )

  test('but bytes is an ID as text where it is text, and no row ends the run', async () => {
    const bytes = (hex: string) => Buffer.from(hex, 'hex').toString('base64')
    const table = await of('BYTES', [bytes('6131'), bytes('fffe00'), bytes('fffe01'), bytes(''), null])
    expect(await assets(table)).toEqual(['0xfffe00', '0xfffe01', 'a1'])
    const images = await tables.table(
      [USUAL[0]!, { name: 'gcs_uri', type: 'BYTES' }],
      [{ asset_id: 'a', gcs_uri: bytes('fffe') }],
    )
    expect((await tables.takeTable(images)).units).toEqual([expect.objectContaining({ asset: 'a', images: [] })])
  })

  test('and cannot be one is refused with the view that makes one', async () => {
    const table = await of('GEOGRAPHY', ['POINT(1 2)'])
    const { code, suggestions } = await refused(table)
    expect(code).toBe('COLUMN_NOT_FOUND')
    expect(suggestions[0]).toContain('ST_ASTEXT(`asset_id`) AS asset')
    await tables.view(`${table}_rows`, `SELECT *, ST_ASTEXT(asset_id) AS asset FROM \`${table}\``)
    expect(await assets(`${table}_rows`, { asset: 'asset' })).toHaveLength(1)
  })

  test('is not used where imagery needs none, with a word', async () => {
    const schema = [...USUAL, { name: 'observation_id', type: 'STRING', mode: 'REPEATED' }]
    const table = await tables.table(schema, [row('a', { observation_id: ['x', 'y'] }), row('b')])
    const { units, warnings } = await tables.takeTable(table)
    expect(units.map(({ asset }) => asset)).toEqual(['a', 'b'])
    expect(warnings).toEqual(['Column observation_id is not used, because its values are no text'])
  })
})

test.each([
  ['INTEGER', 9, 10],
  ['STRING', 'v9', 'v10'],
  ['STRING', 's1:2026-9-18', 's1:2026-10-01'],
  ['STRING', 'city-2', 'city-0012-final'],
  ['STRING', '99999999999999999999999', '100000000000000000000000'],
  ['INTEGER', -10, -9],
  ['FLOAT', 1.25, 1.5],
  ['NUMERIC', '9.25', '9.5'],
  ['TIMESTAMP', '2026-01-01T00:00:00.250123Z', '2026-01-01T00:00:00.500Z'],
  ['DATE', '2026-09-30', '2026-10-01'],
])('the newest snapshot of an observation is found by its numbers, not as text: %s %s', async (type, old, latest) => {
  const schema = [...USUAL, { name: 'observation_id', type: 'STRING' }, { name: 'snapshot_id', type }]
  const rows = [latest, old].map((id) => ({
    asset_id: 'a',
    observation_id: 'o',
    snapshot_id: id,
    gcs_uri: `gs://b/${id === latest ? 2 : 1}.jpg`,
  }))
  const { units } = await tables.takeTable(await tables.table(schema, rows))
  expect(units[0]!.images).toEqual(['gs://b/2.jpg'])
  expect((await tables.countTable(await tables.table(schema, rows))).samples[0]!.images).toEqual(units[0]!.images)
})

describe('observation IDs that several images of an asset have', () => {
  const schema = [...USUAL, { name: 'observation_id', type: 'STRING' }]
  const of = (asset: string, observation: string | null, image: string) => ({
    asset_id: asset,
    observation_id: observation,
    gcs_uri: `gs://b/${image}.jpg`,
  })
  const warned = (example: string) => [
    `Rows with different images have one observation ID, so only one of these images is used, for example observation_id ${example}; give the column another name if it has no IDs of observations`,
  ]

  test('are reported for a table, as for a file', async () => {
    const rows = [of('a', 'new', '1'), of('a', 'new', '2'), of('b', 'old', '3'), of('b', 'old', '4'), of('c', 'x', '5')]
    const { units, warnings } = await tables.takeTable(await tables.table(schema, rows))
    expect(units.map(({ asset, images }) => [asset, images.length])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
    expect(warnings).toEqual(warned('"new" (2 such IDs)'))
    const single = await tables.takeTable(await tables.table(schema, rows.slice(0, 2)), { unit: 'observation' })
    expect(single.warnings).toEqual(warned('"new"'))
  })

  test('are no cause for a word if the images are the same, other assets have them, or a snapshot is newer', async () => {
    const rows = [of('a', '1', '1'), of('a', '1', '1'), of('b', '1', '2'), of('b', null, '3'), of('b', null, '4')]
    expect((await tables.takeTable(await tables.table(schema, rows))).warnings).toEqual([])
    const snapshots = [...schema, { name: 'snapshot_id', type: 'STRING' }]
    const newer = [
      { ...of('a', '1', '1'), snapshot_id: 's1' },
      { ...of('a', '1', '2'), snapshot_id: 's2' },
    ]
    expect((await tables.takeTable(await tables.table(snapshots, newer))).warnings).toEqual([])
  })

  test.each([
    ['none has a snapshot', '', ''],
    ['all are of the newest snapshot', 's9', 's10'],
  ])('are reported if %s, of a file as of a table', async (_what, old, latest) => {
    const row = (snapshot: string, image: string) => ({ ...of('a', 'new', image), snapshot_id: snapshot })
    const rows = [row(old, '1'), row(latest, '2'), row(latest, '3'), { ...of('b', 'o', '4'), snapshot_id: '' }]
    const table = await tables.table([...schema, { name: 'snapshot_id', type: 'STRING' }], rows)
    expect((await tables.takeTable(table)).warnings).toEqual(warned('"new"'))
    const csv = rows.map((each) => Object.values(each).join(',')).join('\n')
    const { warnings } = await tables.take('snapshots.csv', `asset_id,observation_id,image,snapshot_id\n${csv}\n`)
    expect(warnings).toEqual(warned(`"new" in lines ${old === latest ? '2 and 3' : '3 and 4'}`))
  })

  test('are no cause for a word if equally new rows are of an older snapshot, of a file as of a table', async () => {
    const row = (snapshot: string, image: string) => ({ ...of('a', 'new', image), snapshot_id: snapshot })
    const rows = [row('v9', '1'), row('v10', '2'), row('v9', '3')]
    const table = await tables.table([...schema, { name: 'snapshot_id', type: 'STRING' }], rows)
    expect((await tables.takeTable(table)).warnings).toEqual([])
    const csv = rows.map((each) => Object.values(each).join(',')).join('\n')
    const file = `asset_id,observation_id,image,snapshot_id\n${csv}\n`
    expect((await tables.take('older.csv', file)).warnings).toEqual([])
  })

  test('are no cause for a word if their rows have no asset and are left out, of a file as of a table', async () => {
    const rows = [of('', 'o', '1'), of('', 'o', '2'), of('a', 'o', '3')]
    expect((await tables.takeTable(await tables.table(schema, rows))).warnings).toEqual([
      '2 rows without an asset ID are left out',
    ])
    const csv = rows.map((row) => Object.values(row).join(',')).join('\n')
    expect((await tables.take('left-out.csv', `asset_id,observation_id,image\n${csv}\n`)).warnings).toEqual([
      '2 rows without an asset ID are left out, for example line 2',
    ])
  })
})

describe('an ID of a table or a Parquet file that may merge assets', () => {
  const image = (asset: unknown, name: string) => ({ asset_id: asset, gcs_uri: `gs://b/${name}.jpg` })

  test('is used as it is, and counted', async () => {
    const rows = ['nan', 'nan', 'None', '<NA>', '1.2E+11', '1.2E+11', 'Nan Road', '731', ''].map((id, index) =>
      image(id, String(index)),
    )
    const { units, warnings } = await tables.takeTable(await tables.table(USUAL, rows))
    expect(units.map(({ asset, images }) => [asset, images.length])).toEqual([
      ['1.2E+11', 2],
      ['731', 1],
      ['<NA>', 1],
      ['Nan Road', 1],
      ['None', 1],
      ['nan', 2],
    ])
    expect(warnings).toEqual([
      '4 images have an asset ID such as "<NA>", which is one asset like others; leave the cell empty where there is no asset',
      '1 row without an asset ID is left out',
      'Asset IDs of 2 images look as if a spreadsheet had shortened them, for example 1.2E+11; different assets can have one such ID',
    ])
  })

  test('merges nothing if each observation is a unit', async () => {
    const rows = [image('nan', '1'), image('nan', '2')]
    expect((await tables.takeTable(await tables.table(USUAL, rows), { unit: 'observation' })).warnings).toEqual([])
    const file = await tables.take('nan.csv', 'asset_id,image\nnan,1.jpg\nnan,2.jpg\n', { unit: 'observation' })
    expect(file.warnings).toEqual([])
  })
})

describe('images without a time, when only the latest are used', () => {
  const schema = [...USUAL, { name: 'capture_time', type: 'TIMESTAMP' }]
  const images = (asset: string, times: readonly (string | null)[]) =>
    times.map((time, index) => ({ asset_id: asset, gcs_uri: `gs://b/${asset}${index}.jpg`, capture_time: time }))
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
  const warned = (what: string) => [
    `${what} more than 2 images, and not each of these has a capture_time; those without one come last, in the order of their observation IDs, for example of asset "b"`,
  ]

  test('come last, with a word, for a table as for a file', async () => {
    const rows = [...images('a', [null, null]), ...images('b', [null, early, late]), ...images('c', [null, null, null])]
    const taken = await tables.takeTable(await tables.table(schema, rows), { perUnit: 2 })
    expect(taken.units.map((unit) => unit.images)).toEqual([
      ['gs://b/a0.jpg', 'gs://b/a1.jpg'],
      ['gs://b/b2.jpg', 'gs://b/b1.jpg'],
      ['gs://b/c0.jpg', 'gs://b/c1.jpg'],
    ])
    expect(taken.warnings).toEqual(warned('2 assets have'))
    const csv = rows.map((each) => `${each.asset_id},${each.gcs_uri},${each.capture_time ?? ''}\n`).join('')
    const file = await tables.take('times.csv', `asset_id,image,capture_time\n${csv}`, { perUnit: 2 })
    expect(file).toEqual({ units: taken.units, warnings: warned('2 assets have') })
    const untimed = await tables.take('none.csv', 'asset_id,image\nb,1.jpg\nb,2.jpg\nb,3.jpg\n', { perUnit: 2 })
    expect(untimed.warnings).toEqual(warned('1 asset has'))
  })

  test('are no cause for a word if all are used, all have a time, or another choice is made', async () => {
    const rows = [...images('a', [null, null]), ...images('b', [early, early, late])]
    expect((await tables.takeTable(await tables.table(schema, rows), { perUnit: 2 })).warnings).toEqual([])
    const none = await tables.table(schema, images('c', [null, null, null]))
    expect((await tables.takeTable(none, { perUnit: 3 })).warnings).toEqual([])
    for (const pick of ['spread', 'all'] as const)
      expect((await tables.takeTable(none, { perUnit: 2, pick })).warnings).toEqual([])
    expect((await tables.takeTable(none, { perUnit: 2, unit: 'observation' })).warnings).toEqual([])
  })

  test('are no cause for a word if the rows of a file have no more images than are used', async () => {
    const many = (rows: readonly string[]) => `asset_id,observation_id,image,snapshot_id,kind\n${rows.join('\n')}\n`
    const warnings = async (rows: readonly string[], where?: string) =>
      (await tables.take('few.csv', many(rows), { perUnit: 2, ...(where === undefined ? {} : { where }) })).warnings
    expect(await warnings(['b,,1.jpg,,x', 'b,,1.jpg,,x', 'b,,1.jpg,,x'])).toEqual([])
    expect(await warnings(['b,,1.jpg,,x', 'b,,,,x', 'b,,,,x'])).toEqual([])
    expect(await warnings(['b,o,1.jpg,1,x', 'b,o,1.jpg,2,x', 'b,o,1.jpg,3,x'])).toEqual([])
    const kinds = ['b,,1.jpg,,x', 'b,,2.jpg,,x', 'b,,3.jpg,,y']
    expect(await warnings(kinds, "kind = 'x'")).toEqual([])
    expect(await warnings(kinds)).toEqual(warned('1 asset has'))
  })

  test('are not those whose time cannot be read, which have a word of their own', async () => {
    const times = [early, late, '2026-03-01', 'soon']
    const table = await tables.table([...USUAL, { name: 'capture_time', type: 'STRING' }], images('b', times))
    expect((await tables.takeTable(table, { perUnit: 2 })).warnings).toEqual([
      'capture_time of 1 image cannot be read and is left out, for example "soon"',
    ])
    const csv = times.map((time, index) => `b,${index}.jpg,${time}\n`).join('')
    expect((await tables.take('soon.csv', `asset_id,image,capture_time\n${csv}`, { perUnit: 2 })).warnings).toEqual([
      'capture_time of 1 row cannot be read and is left out, for example "soon" in line 5',
    ])
  })
})
