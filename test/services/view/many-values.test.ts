import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { BarsChart } from '@imagery/viewer/contract/source'
import { loadResults } from '../../../src/services/view/load.ts'
import { ResultsDatabase } from '../../../src/services/view/results-database.ts'
import { storedColumns } from '../../../src/services/view/stored-columns.ts'
import { randomNumbers } from './generated-rows.ts'

interface Row {
  unit_id: string
  status: string
  street: string | null
  side: boolean
}

/** Three times as many values are more than are counted in this process, and fewer than would leave the column without a chart. */
const STREETS = 2_900
const ROWS = 24_000

const random = randomNumbers(3)
const rows: Row[] = Array.from({ length: ROWS }, (_, index) => ({
  unit_id: `u${String(index).padStart(6, '0')}`,
  status: 'ok',
  street: random() < 0.05 ? null : `${['Elm', 'Oak', 'ÉLM'][index % 3]} street ${Math.floor(random() ** 2 * STREETS)}`,
  side: random() < 0.3,
}))

const column = (name: string, kind: ViewedColumn['kind'], role: ViewedColumn['role']): ViewedColumn => ({
  name,
  kind,
  role,
  is_integer: false,
  description: null,
  allowed: null,
})

let folder: string
let database: ResultsDatabase

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-view-'))
  const columns = storedColumns(
    [
      column('unit_id', 'text', 'record'),
      column('status', 'text', 'record'),
      column('street', 'text', 'answer'),
      column('side', 'boolean', 'answer'),
    ],
    () => false,
  )
  const pages = (async function* () {
    yield rows.map((row) => ({ ...row }))
  })()
  const file = path.join(folder, 'rows.duckdb')
  await loadResults(file, { columns, pages, signal: new AbortController().signal, progress: () => undefined })
  database = (await ResultsDatabase.open(file))!
})

afterAll(async () => {
  database.close()
  await rm(folder, { recursive: true })
})

const has = (row: Row, text: string): boolean => row.street?.toLowerCase().includes(text) ?? false

describe('a text with very many values', () => {
  test.each<[string, Filter, (row: Row) => boolean]>([
    ['all rows', [], () => true],
    ['some rows', [{ column: 'side', is: [true] }], (row) => row.side],
    ['rows without a value', [{ column: 'street', is: [null] }], (row) => row.street === null],
    [
      'a text that more than a thousand values have',
      [{ column: 'street', contains: 'ELM STREET' }],
      (row) => has(row, 'elm street'),
    ],
    ['a letter with an accent', [{ column: 'street', contains: 'éL' }], (row) => has(row, 'él')],
    ['a text that few values have', [{ column: 'street', contains: 'street 269' }], (row) => has(row, 'street 269')],
    ['a search', [{ search: 'oak street 1' }], (row) => has(row, 'oak street 1')],
  ])('has the right bars over %s', async (_name, filter, keeps) => {
    expect(new Set(rows.map(({ street }) => street)).size).toBeGreaterThan(5_000)
    const kept = rows.filter(keeps)
    expect(kept.length).toBeGreaterThan(0)
    const summary = await database.summary(filter)
    expect(summary.rows).toBe(kept.length)
    const { bars, missing, other } = summary.charts.find((chart) => chart.column === 'street') as BarsChart
    const counts = new Map<string, number>()
    for (const { street } of kept) if (street !== null) counts.set(street, (counts.get(street) ?? 0) + 1)
    const points = (text: string): string =>
      [...text].map((point) => point.codePointAt(0)!.toString(16).padStart(6, '0')).join('')
    const common = [...counts].toSorted(([a, x], [b, y]) => y - x || (points(a) < points(b) ? -1 : 1))
    expect(bars).toEqual(common.slice(0, 20).map(([value, counted]) => ({ value, rows: counted })))
    expect(missing).toBe(kept.filter(({ street }) => street === null).length)
    const rest = common.slice(20)
    expect(other).toEqual({ rows: rest.reduce((sum, [, counted]) => sum + counted, 0), values: rest.length })
    const page = await database.page({ filter, sort: { column: 'street', descending: false }, offset: 0, limit: 50 })
    const sorted = kept.toSorted((a, b) => {
      if (a.street === null || b.street === null)
        return Number(a.street === null) - Number(b.street === null) || (a.unit_id < b.unit_id ? -1 : 1)
      const [one, two] = [points(a.street), points(b.street)]
      return one === two ? (a.unit_id < b.unit_id ? -1 : 1) : one < two ? -1 : 1
    })
    expect(page.rows.map(({ unit_id: id }) => id)).toEqual(sorted.slice(0, 50).map(({ unit_id: id }) => id))
  })

  test('can be filtered by more of its values than a statement lists', async () => {
    const wanted = [...new Set(rows.map(({ street }) => street))].filter((street) => street !== null).slice(0, 1_000)
    const set = new Set<string | null>(wanted)
    const { total } = await database.page({
      filter: [{ column: 'street', is: [...wanted, null] }],
      sort: null,
      offset: 0,
      limit: 1,
    })
    expect(total).toBe(rows.filter(({ street }) => street === null || set.has(street)).length)
  })
})
