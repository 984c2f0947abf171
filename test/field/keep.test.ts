import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Column } from '../../src/contracts/columns.ts'
import { runTables } from '../../src/contracts/names.ts'
import { profile, type RunSpec } from '../../src/contracts/run-spec.ts'
import { describeTable } from '../../src/google/bigquery/bigquery.ts'
import { queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { createRunTables, runTable, writeResults } from '../../src/run-data/run-tables.ts'
import { snapshotQuery, type SnapshotSource } from '../../src/run-data/sql/snapshot.ts'
import { rowPages, type Row } from '../../src/services/results/read-rows.ts'
import { sourceColumns, type SourceField } from '../../src/services/source/columns.ts'
import { columnsToKeep, keepsSameColumns } from '../../src/services/source/kept-columns.ts'
import { prepareSource } from '../../src/services/source/local-files.ts'
import { parseSource } from '../../src/services/source/parse.ts'
import { LocalTables } from './local-table.ts'

const SIGNS = profile.parse({
  name: 'signs',
  description: 'Signs.',
  prompt: 'Which sign?',
  output: { type: 'object', properties: { category: { type: 'string' } } },
})

/** A column of every type that results can have. */
const FIELDS: SourceField[] = [
  { name: 'asset_id', type: 'STRING' },
  { name: 'observation_id', type: 'STRING' },
  { name: 'gcs_uri', type: 'STRING' },
  { name: 'capture_time', type: 'TIMESTAMP' },
  { name: 'District', type: 'STRING' },
  { name: 'lanes', type: 'INTEGER' },
  { name: 'width', type: 'FLOAT' },
  { name: 'lit', type: 'BOOLEAN' },
  { name: 'price', type: 'NUMERIC' },
  { name: 'built', type: 'DATE' },
  { name: 'checked', type: 'DATETIME' },
  { name: 'opens', type: 'TIME' },
  { name: 'code', type: 'BYTES' },
  { name: 'big', type: 'BIGNUMERIC' },
  { name: 'more', type: 'JSON' },
  { name: 'place', type: 'GEOGRAPHY' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  {
    name: 'road',
    type: 'RECORD',
    fields: [
      { name: 'name', type: 'STRING' },
      { name: 'lengths', type: 'INTEGER', mode: 'REPEATED' },
    ],
  },
]

const VALUES = {
  District: 'Nord; "Süd"',
  lanes: '9007199254740993',
  width: 7.25,
  lit: true,
  price: '12.345678901',
  built: '1998-02-28',
  checked: '2026-05-04T03:02:01',
  opens: '07:30:00',
  code: 'AAEC/w==',
  big: '1.00000000000000000001',
  more: { a: [1, null] },
  place: 'POINT(-105.25 40.5)',
  tags: ['a', 'b'],
  road: { name: 'Main', lengths: [1, 2] },
}

const image = (asset: string, observation: string, time: string | null, changes: object = {}): object => ({
  asset_id: asset,
  observation_id: observation,
  gcs_uri: `gs://b/${observation}.jpg`,
  capture_time: time,
  ...changes,
})

const ROWS = [
  image('a', 'o1', '2026-01-01T00:00:00Z', { District: 'old' }),
  image('a', 'o2', '2026-03-01T00:00:00Z', VALUES),
  // The newest row has no image, so it is not the row of the newest image.
  image('a', 'o3', '2026-06-01T00:00:00Z', { gcs_uri: null, District: 'no image' }),
  // The row of the newest image has no value, and another row's is not taken.
  image('b', 'o4', '2026-01-01T00:00:00Z', { District: 'old', lanes: 1 }),
  image('b', 'o5', '2026-02-01T00:00:00Z', { lanes: 2 }),
  image('c', 'o6', null, { gcs_uri: null, District: 'alone' }),
]

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

let runs = 0

/** Takes the snapshot of a table, writes the results of no answers, and returns the rows and the columns of the results. */
async function results(
  path: string,
  fields: readonly SourceField[],
  keep: string,
  changes: Partial<SnapshotSource> = {},
): Promise<{ rows: Row[]; columns: SourceField[]; kept: Column[] }> {
  const kept = columnsToKeep(keep, { table: path, fields, profile: SIGNS, isFile: false })
  const flags = { asset: undefined, image: undefined, unit: 'asset' as const }
  const { guesses: _, ...columns } = sourceColumns(path, fields, flags)
  const source: SnapshotSource = {
    path,
    unit: 'asset',
    images: { max_per_unit: 6, pick: 'latest' },
    ...columns,
    keep: kept,
    imagePrefix: null,
    where: null,
    limit: null,
    sample: null,
    ...changes,
  }
  const runId = `261130-${String(++runs).padStart(8, '0')}`
  const names = runTables({ projectId: 'demo', dataset: 'field', profile: 'signs', runId })
  await queryIntoTable(snapshotQuery(source), {
    projectId: 'demo',
    location: 'US',
    jobId: `snapshot_${runs}`,
    destination: runTable(names, 'assets'),
    labels: {},
    clusterBy: ['bucket'],
  })
  const spec = {
    run_id: runId,
    profile: SIGNS,
    tables: names,
    source: { given: path, location: 'US', keep: kept },
  } as unknown as RunSpec
  await createRunTables(spec)
  await writeResults(spec, `results_${runs}`)
  const described = await describeTable(runTable(names, 'results'))
  const query = `SELECT * FROM \`demo.field.${names.results}\` ORDER BY unit_id`
  const pages = await Array.fromAsync(rowPages(query, { projectId: 'demo', location: 'US' }))
  return { rows: pages.flat(), columns: described!.fields, kept }
}

describe('kept columns of a BigQuery table', () => {
  const ALL = 'district, lanes,width,lit,price,built,checked,opens,code,big,more,place,tags,road'

  test('have the values of the row of the newest image, with their types', async () => {
    const { rows, columns } = await results(await tables.table(FIELDS, ROWS), FIELDS, ALL)
    expect(rows[0]).toMatchObject(VALUES)
    expect(rows[1]).toMatchObject({ unit_id: 'b', District: null, lanes: 2, tags: [] })
    expect(rows[2]).toMatchObject({ unit_id: 'c', District: 'alone', gcs_uris: [] })
    const names = columns.map(({ name }) => name)
    expect(names.slice(names.indexOf('gcs_uris') + 1, names.indexOf('category'))).toEqual(Object.keys(VALUES))
    const types = (fields: readonly SourceField[]): unknown =>
      fields.map(({ name, type, mode, fields: members }) => ({
        name,
        type,
        mode: mode ?? 'NULLABLE',
        members: members?.length,
      }))
    expect(types(columns.filter(({ name = '' }) => name in VALUES))).toEqual(
      types(FIELDS.filter(({ name = '' }) => name in VALUES)),
    )
  })

  test('are of the newest image also if images are spread over time, and of each image with units of observations', async () => {
    const path = await tables.table(FIELDS, ROWS)
    const spread = await results(path, FIELDS, 'District', { images: { max_per_unit: 2, pick: 'spread' } })
    expect(spread.rows.map(({ District: value }) => value)).toEqual([VALUES.District, null, 'alone'])
    const each = await results(path, FIELDS, 'District', { unit: 'observation' })
    expect(each.rows.map(({ unit_id: id, District: value }) => [id, value])).toContainEqual(['a/o1', 'old'])
  })
})

test('of rows that differ only in kept columns, the same one is taken in any order of the rows', async () => {
  const twins = ['b', 'a', 'c'].map((value) => image('t', 'o1', '2026-01-01T00:00:00Z', { District: value, lanes: 1 }))
  for (const rows of [twins, twins.toReversed()]) {
    const found = await results(await tables.table(FIELDS, rows), FIELDS, 'District,more,tags,lanes')
    expect(found.rows).toMatchObject([{ unit_id: 't', District: 'a' }])
  }
})

test('kept columns of a CSV file are text, and are named by their headers', async () => {
  const file = await tables.file(
    'signs.csv',
    'asset_id,image,Street Name,lanes,capture_time\ns1,1.jpg,"Main\nStreet",02,2026-01-01\ns1,2.jpg,Old,1,2025-01-01\n',
  )
  const source = await parseSource(file)
  if (source.kind === 'table') throw new Error('not a file')
  const scratch = tables.folder
  const flags = { asset: undefined, image: undefined, unit: 'asset' as const }
  const images = { max_per_unit: 6, pick: 'latest' as const }
  const prepared = await prepareSource(source, { unit: 'asset', images, flags, scratch })
  const kept = columnsToKeep('street name,LANES', {
    table: file,
    fields: prepared.known!.fields,
    profile: SIGNS,
    isFile: true,
  })
  expect(kept).toMatchObject([
    {
      name: 'Street_Name',
      type: 'STRING',
      description: expect.stringContaining('Column Street Name of the file') as string,
    },
    { name: 'lanes', type: 'STRING' },
  ])
  const taken = { table: file, fields: [{ name: 'Status' }], profile: SIGNS, isFile: true }
  expect(() => columnsToKeep('status', taken)).toThrow(
    expect.objectContaining({ suggestions: ['Rename the column in the file'] }),
  )
  expect(keepsSameColumns('Street Name,lanes', kept)).toBe(true)
  expect(keepsSameColumns('lanes', kept)).toBe(false)
  expect(keepsSameColumns(undefined, kept)).toBe(false)
  expect(keepsSameColumns(undefined)).toBe(true)
  expect(keepsSameColumns('名前', [{ name: '列', type: 'STRING' }])).toBe(false)
})

test.each<[string, string, string, string[]]>([
  ['distrct', 'COLUMN_NOT_FOUND', 'has no column distrct', ['--keep District']],
  ['road.name', 'COLUMN_NOT_FOUND', 'has no column road.name', ['--keep road   (the whole struct)']],
  ['lanes,LANES', 'INVALID_FLAG', 'names lanes twice', []],
  ['CATEGORY', 'INVALID_FLAG', 'the answer of profile signs has a column category', []],
  ['asset_id', 'INVALID_FLAG', 'the results have this column anyway', []],
  ['Status', 'INVALID_FLAG', 'a column of imagery with this name', []],
  [' , ', 'INVALID_FLAG', 'names no column', []],
  ['span', 'INVALID_FLAG', 'has the type INTERVAL', []],
])('--keep %s is refused with %s', (keep, code, message, suggestions) => {
  const fields = [
    ...FIELDS,
    { name: 'category', type: 'STRING' },
    { name: 'Status', type: 'STRING' },
    { name: 'span', type: 'INTERVAL' },
  ]
  let error: unknown
  try {
    columnsToKeep(keep, { table: 'p.d.t', fields, profile: SIGNS, isFile: false })
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
    ...(suggestions.length > 0 ? { suggestions } : {}),
  })
})
