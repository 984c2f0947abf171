import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TableField } from '../../src/google/bigquery/bigquery.ts'
import { tablePages } from '../../src/google/bigquery/table-pages.ts'
import { allRows } from '../../src/services/results/read-rows.ts'
import { tableAt } from '../../src/contracts/names.ts'
import { tableSource, type OpenedRun } from '../../src/services/view/open-run.ts'
import { viewRun } from '../../src/services/view/viewing.ts'
import { LocalTables } from './local-table.ts'

const SCHEMA = [
  { name: 'unit_id', type: 'STRING' },
  { name: 'asset_id', type: 'STRING' },
  { name: 'status', type: 'STRING' },
  {
    name: 'location',
    type: 'RECORD',
    fields: [
      { name: 'latitude', type: 'FLOAT' },
      { name: 'longitude', type: 'FLOAT' },
    ],
  },
  { name: 'text', type: 'STRING' },
  { name: 'count', type: 'INTEGER' },
  { name: 'share', type: 'FLOAT' },
  { name: 'lit', type: 'BOOLEAN' },
  { name: 'seen_at', type: 'TIMESTAMP' },
  { name: 'day', type: 'DATE' },
  { name: 'hour', type: 'DATETIME' },
  { name: 'time', type: 'TIME' },
  { name: 'price', type: 'NUMERIC' },
  { name: 'large', type: 'BIGNUMERIC' },
  { name: 'photo', type: 'BYTES' },
  { name: 'facts', type: 'JSON' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  {
    name: 'parts',
    type: 'RECORD',
    mode: 'REPEATED',
    fields: [
      { name: 'name', type: 'STRING' },
      { name: 'size', type: 'INTEGER' },
    ],
  },
]

/** More rows than the first page has. */
const ROWS = 450

const rowOf = (index: number): Record<string, unknown> => ({
  unit_id: `u${String(index).padStart(4, '0')}`,
  asset_id: `u${String(index).padStart(4, '0')}`,
  status: 'ok',
  location: index % 5 === 0 ? null : { latitude: 40 + index / 100, longitude: -105.5 },
  text: index % 7 === 0 ? null : `Straße 🛑 "${index}" '); --`,
  count: index % 3 === 0 ? '9007199254740993' : String(index),
  share: index % 4 === 0 ? 'NaN' : index / 3,
  lit: index % 2 === 0,
  seen_at: `2026-11-0${(index % 9) + 1}T10:00:00.123456Z`,
  day: '2026-11-30',
  hour: '2026-11-30T10:20:30.5',
  time: '10:20:30',
  price: `${index}.50`,
  large: '12345678901234567890123456789012345.5',
  photo: Buffer.from([0, 255, index % 256]).toString('base64'),
  facts: { lamps: [1, null, 'two'], at: { x: index } },
  tags: index % 2 === 0 ? [] : ['a', '=1+1'],
  parts: [{ name: 'arm', size: '3' }],
})

let tables: LocalTables
let run: OpenedRun
let fields: readonly TableField[]

beforeAll(async () => {
  tables = await LocalTables.start()
  const rows = Array.from({ length: ROWS }, (_, index) => rowOf(index))
  const given = await tables.table(SCHEMA, rows)
  const source = (await tableSource(tableAt(given)))!
  fields = source.fields
  run = { runId: '261130-0000000a', spec: undefined, report: undefined, rows: source }
})

afterAll(() => tables.close())

const options = () => ({
  target: {
    kind: 'local' as const,
    place: { projectId: 'demo', region: 'us-central1' },
    key: 'local:x',
    flags: ' --local',
  },
  cacheFolder: path.join(tables.folder, 'cache'),
  configurationFolder: path.join(tables.folder, 'config'),
  compare: undefined,
  signal: new AbortController().signal,
  detail: () => undefined,
})

describe('a results table', () => {
  test('is listed, without a query, with the same values as a query has', async () => {
    const listed = (await Array.fromAsync(tablePages(tableAt(run.rows.table), fields))).flat()
    const query = { projectId: 'demo', location: 'US' }
    const queried = await allRows(`SELECT * FROM \`${run.rows.table}\` ORDER BY unit_id`, query)
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
      String(a['unit_id']) < String(b['unit_id']) ? -1 : 1
    expect(listed).toHaveLength(ROWS)
    expect(listed.toSorted(byId)).toEqual(queried)
    expect(run.rows.billedBytes).toBe(0)
  })

  test('shows every value as it is in the table, of all types', async () => {
    const query = { projectId: 'demo', location: 'US' }
    const [first, second] = await allRows(`SELECT * FROM \`${run.rows.table}\` ORDER BY unit_id LIMIT 2`, query)
    const viewing = await viewRun(run, options())
    const { rows, total } = await viewing.page({ filter: [], sort: null, offset: 0, limit: 2 })
    expect(total).toBe(ROWS)
    expect(rows.map(({ values }) => values)).toEqual([first, second])
    const { columns } = await viewing.run()
    expect(Object.fromEntries(columns.map(({ name, kind }) => [name, kind]))).toEqual({
      unit_id: 'text',
      asset_id: 'text',
      status: 'text',
      location: 'other',
      text: 'text',
      count: 'number',
      share: 'number',
      lit: 'boolean',
      seen_at: 'time',
      day: 'time',
      hour: 'time',
      time: 'text',
      price: 'number',
      large: 'number',
      photo: 'other',
      facts: 'other',
      tags: 'other',
      parts: 'other',
    })
    const big = await viewing.page({
      filter: [{ column: 'count', is: ['9007199254740993'] }],
      sort: null,
      offset: 0,
      limit: 1,
    })
    expect(big.total).toBe(ROWS / 3)
    await viewing.close()
  })

  test('is read again only when it has changed', async () => {
    const reads: number[] = []
    const counted = { ...run, rows: { ...run.rows, read: () => (reads.push(1), run.rows.read()) } }
    await (await viewRun(counted, options())).close()
    expect(reads).toEqual([])
    const changed = { ...counted, rows: { ...counted.rows, version: 'another' } }
    await (await viewRun(changed, options())).close()
    expect(reads).toEqual([1])
  })
})
