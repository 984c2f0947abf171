import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { BarsChart, HistogramChart } from '@imagery/viewer/contract/source'
import { viewedColumns } from '../../../src/services/view/columns.ts'
import { loadResults } from '../../../src/services/view/load.ts'
import { ResultsDatabase } from '../../../src/services/view/results-database.ts'
import { storedColumns } from '../../../src/services/view/stored-columns.ts'
import { FIELDS, generatedPages, PROFILE } from './generated-rows.ts'

const ROWS = 6_000

type Row = Record<string, unknown>

let folder: string
let file: string
let rows: Row[]
let database: ResultsDatabase

const columns = storedColumns(viewedColumns(FIELDS, PROFILE), (name) => name === 'budget')

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-view-'))
  file = path.join(folder, 'rows.duckdb')
  rows = (await Array.fromAsync(generatedPages(ROWS))).flat().toSorted((a, b) => (id(a) < id(b) ? -1 : 1))
  await loadResults(file, {
    columns,
    pages: generatedPages(ROWS),
    signal: new AbortController().signal,
    progress: () => undefined,
    // The rows are sorted in several parts.
    sortedBytes: 1_000_000,
  })
  database = (await ResultsDatabase.open(file))!
})

afterAll(async () => {
  database.close()
  await rm(folder, { recursive: true })
})

const id = (row: Row): string => row['unit_id'] as string

/** A number or a time of a row; undefined without a finite one. */
function numberOf(row: Row, column: string): number | undefined {
  const value = row[column]
  if (value === null) return undefined
  if (column !== 'detection_time') return Number.isFinite(Number(value)) ? Number(value) : undefined
  const text = value as string
  const micros = /\.\d{3}(\d{3})Z$/.exec(text)?.[1] ?? '000'
  return Date.parse(text.slice(0, 23).replace(/Z?$/, 'Z')) + Number(micros) / 1_000
}

type Test = (row: Row) => boolean

const lower = (value: unknown): string => (typeof value === 'string' ? value.toLowerCase() : '')

const FILTERS: [name: string, filter: Filter, keeps: Test][] = [
  ['all rows', [], () => true],
  ['values of an enum', [{ column: 'condition', is: ['good', 'gone'] }], (row) => row['condition'] === 'good'],
  ['a missing value', [{ column: 'condition', is: [null] }], (row) => row['condition'] === null],
  [
    'a value or a missing one',
    [{ column: 'material', is: ['material 3', null] }],
    (row) => row['material'] === 'material 3' || row['material'] === null,
  ],
  ['a boolean', [{ column: 'leans', is: [true] }], (row) => row['leans'] === true],
  ['no value at all', [{ column: 'condition', is: [] }], () => false],
  [
    'an integer that a double cannot hold',
    [{ column: 'count', is: ['9007199254740995'] }],
    (row) => row['count'] === '9007199254740995',
  ],
  ['an integer', [{ column: 'count', is: [7, 9] }], (row) => row['count'] === 7 || row['count'] === 9],
  ['a value of another type', [{ column: 'count', is: ['seven', true] }], () => false],
  [
    'an open range',
    [{ column: 'height', from: 2, to: 5.5 }],
    (row) => (numberOf(row, 'height') ?? -1) >= 2 && (numberOf(row, 'height') ?? 99) < 5.5,
  ],
  [
    'a closed range of integers',
    [{ column: 'latency_ms', from: null, to: 20_000, closed: true }],
    (row) => (row['latency_ms'] as number) <= 20_000,
  ],
  [
    'a range of times',
    [{ column: 'detection_time', from: Date.UTC(2026, 2), to: null }],
    (row) => numberOf(row, 'detection_time')! >= Date.UTC(2026, 2),
  ],
  ['a range of decimals', [{ column: 'budget', from: 50, to: null }], (row) => (numberOf(row, 'budget') ?? 0) >= 50],
  [
    'text in a column with few values',
    [{ column: 'material', contains: 'RIAL 1' }],
    (row) => lower(row['material']).includes('rial 1'),
  ],
  [
    'text in a column with a value of its own in each row',
    [{ column: 'reason', contains: '"12' }],
    (row) => lower(row['reason']).includes('"12'),
  ],
  ['text that looks like SQL', [{ column: 'reason', contains: `' OR 1=1 --` }], () => false],
  [
    'text in a column of lists',
    [{ column: 'parts', contains: 'lamp' }],
    (row) => (row['parts'] as string[]).includes('lamp'),
  ],
  [
    'a search',
    [{ search: 'MATERIAL 2' }],
    (row) => lower(row['material']).includes('material 2') || lower(row['reason']).includes('material 2'),
  ],
  ['a search for IDs', [{ search: 'pole-00' }], (row) => id(row).includes('pole-00')],
  [
    'a box',
    [{ box: [-73.5, 40.2, -73.1, 40.9] }],
    (row) => {
      const place = row['location'] as { longitude: number; latitude: number } | null
      if (place === null) return false
      return place.longitude >= -73.5 && place.longitude <= -73.1 && place.latitude >= 40.2 && place.latitude <= 40.9
    },
  ],
  [
    'a box across the antimeridian',
    [{ box: [170, -90, -73.5, 90] }],
    (row) => ((row['location'] as { longitude: number } | null)?.longitude ?? 0) <= -73.5,
  ],
  [
    'several conditions',
    [
      { column: 'condition', is: ['fair', 'poor'] },
      { column: 'height', from: 1, to: 11 },
      { column: 'reason', contains: '7' },
    ],
    (row) =>
      ['fair', 'poor'].includes(row['condition'] as string) &&
      (numberOf(row, 'height') ?? -1) >= 1 &&
      (numberOf(row, 'height') ?? 99) < 11 &&
      lower(row['reason']).includes('7'),
  ],
]

describe.each(FILTERS)('a filter on %s', (_name, filter, keeps) => {
  test('keeps the right rows, and counts and charts them', async () => {
    const kept = rows.filter(keeps)
    const summary = await database.summary(filter)
    expect(summary).toMatchObject({
      rows: kept.length,
      ok: kept.filter(({ status }) => status === 'ok').length,
      failed: kept.filter(({ status }) => status === 'failed' || status === 'throttled').length,
    })
    expect(summary.cost_usd).toBeCloseTo(
      kept.reduce((sum, row) => sum + (row['cost_usd'] as number), 0),
      9,
    )
    for (const chart of summary.charts) {
      if (chart.type === 'bars') expectBars(chart, kept)
      else expectHistogram(chart, kept)
    }
    const page = await database.page({ filter, sort: null, offset: 0, limit: 500 })
    expect(page.total).toBe(kept.length)
    expect(page.rows.map(({ unit_id }) => unit_id)).toEqual(kept.slice(0, 500).map(id))
    const points = await database.points(filter, 'condition')
    const located = kept.filter((row) => row['location'] !== null)
    expect(points.unit_ids).toEqual(located.map(id))
    expect(points.values).toEqual(located.map((row) => row['condition']))
  })
})

function expectBars({ column, bars, missing, other }: BarsChart, kept: readonly Row[]): void {
  const counts = new Map<unknown, number>()
  for (const row of kept) if (row[column] !== null) counts.set(row[column], (counts.get(row[column]) ?? 0) + 1)
  const common = [...counts].toSorted(([a, x], [b, y]) => y - x || (String(a) < String(b) ? -1 : 1))
  const allowed = column === 'condition' ? ['good', 'fair', 'poor', 'gone'] : []
  const wanted = [
    ...allowed.map((value) => ({ value, rows: counts.get(value) ?? 0 })),
    ...common.filter(([value]) => !allowed.includes(value as string)).map(([value, rows]) => ({ value, rows })),
  ].slice(0, 20)
  expect(bars, column).toEqual(wanted)
  expect(missing, column).toBe(kept.filter((row) => row[column] === null).length)
  const shown = new Set(wanted.map(({ value }) => value))
  const rest = common.filter(([value]) => !shown.has(value))
  expect(other, column).toEqual({ rows: rest.reduce((sum, [, rows]) => sum + rows, 0), values: rest.length })
}

function expectHistogram(
  { column, bins, missing, min, max, mean, median }: HistogramChart,
  kept: readonly Row[],
): void {
  const numbers = kept.map((row) => numberOf(row, column)).filter((value) => value !== undefined)
  const sorted = numbers.toSorted((a, b) => a - b)
  for (const [index, { from, to, rows: counted }] of bins.entries()) {
    const isLast = index === bins.length - 1
    const inside = sorted.filter((value) => value >= from && (value < to || (isLast && value === to)))
    expect(counted, `${column} from ${from}`).toBe(inside.length)
  }
  expect(
    bins.reduce((sum, bin) => sum + bin.rows, 0),
    column,
  ).toBe(sorted.length)
  expect(missing, column).toBe(kept.length - sorted.length)
  expect(min, column).toBe(sorted[0] ?? null)
  expect(max, column).toBe(sorted.at(-1) ?? null)
  if (sorted.length === 0) {
    expect({ mean, median }).toEqual({ mean: null, median: null })
    return
  }
  const average = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  expect(Math.abs(mean! - average), column).toBeLessThanOrEqual(Math.abs(average) * 1e-9)
  const middle = (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2
  expect(Math.abs(median! - middle), column).toBeLessThanOrEqual(Math.abs(middle) * 1e-12)
}

describe('the charts', () => {
  test('are those of the answer, the kept columns and some of the record, in the order of the columns', async () => {
    const { charts } = await database.summary([])
    expect(charts.map(({ column }) => column)).toEqual([
      'detection_time',
      'condition',
      'leans',
      'count',
      'height',
      'material',
      'district',
      'budget',
      'status',
      'cause',
      'cost_usd',
      'latency_ms',
    ])
  })

  test('keep their bins when a filter changes', async () => {
    const binsOf = async (filter: Filter) =>
      (await database.summary(filter)).charts.flatMap((chart) =>
        chart.type === 'histogram' ? [chart.bins.map(({ from, to }) => [from, to])] : [],
      )
    expect(await binsOf([{ column: 'height', from: 3, to: 4 }])).toEqual(await binsOf([]))
  })

  test('filter to the rows of a bin by its bounds', async () => {
    const { charts } = await database.summary([])
    for (const chart of charts) {
      if (chart.type !== 'histogram') continue
      for (const [index, { from, to, rows: counted }] of chart.bins.entries()) {
        const closed = index === chart.bins.length - 1
        const { total } = await database.page({
          filter: [{ column: chart.column, from, to, closed }],
          sort: null,
          offset: 0,
          limit: 1,
        })
        expect(total, `${chart.column} from ${from}`).toBe(counted)
      }
    }
  })
})

describe('a page', () => {
  test('has every value as it was read', async () => {
    const { rows: found } = await database.page({ filter: [], sort: null, offset: 100, limit: 300 })
    expect(found.map(({ values }) => values)).toEqual(
      rows.slice(100, 400).map((row) => (row['height'] === 'NaN' ? { ...row, height: 'NaN' } : row)),
    )
    expect(found.map(({ images }) => images)).toEqual(
      rows.slice(100, 400).map((row) => (row['gcs_uris'] as string[]).length),
    )
  })

  test.each(['condition', 'height', 'material', 'reason', 'detection_time', 'leans', 'count', 'budget'])(
    'is sorted by %s and then by ID, with missing values last',
    async (column) => {
      for (const descending of [false, true]) {
        for (const filter of [[], [{ column: 'reason', contains: '1' }]] satisfies Filter[]) {
          const { rows: found, total } = await database.page({
            filter,
            sort: { column, descending },
            offset: 3,
            limit: 500,
          })
          const kept = filter.length === 0 ? rows : rows.filter((row) => lower(row['reason']).includes('1'))
          const sign = descending ? -1 : 1
          const key = (row: Row): unknown =>
            ['height', 'count', 'budget', 'leans'].includes(column) && row[column] !== null
              ? Number(row[column])
              : column === 'detection_time'
                ? numberOf(row, column)
                : row[column]
          const sorted = kept.toSorted((a, b) => {
            const [one, other] = [key(a), key(b)]
            if (one === null || other === null)
              return Number(one === null) - Number(other === null) || order(id(a), id(b))
            return sign * order(one, other) || order(id(a), id(b))
          })
          expect(total).toBe(kept.length)
          expect(found.map(({ unit_id }) => unit_id)).toEqual(sorted.slice(3, 503).map(id))
        }
      }
    },
  )

  test('of a column that is not there is refused', async () => {
    const request = database.page({
      filter: [],
      sort: { column: 'x" DESC; --', descending: false },
      offset: 0,
      limit: 1,
    })
    await expect(request).rejects.toThrow('there is no column x" DESC; --')
    await expect(database.summary([{ column: 'v0', is: ['a'] }])).rejects.toThrow('there is no column v0')
  })
})

/** NaN is above all numbers. */
function order(a: unknown, b: unknown): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

describe('the local file', () => {
  test('can be read by the user only, and nothing else is left beside it', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['rows.duckdb'])
  })

  test('is not there after an interruption', async () => {
    const cancel = new AbortController()
    const interrupted = path.join(folder, 'interrupted.duckdb')
    const loading = loadResults(interrupted, {
      columns,
      pages: generatedPages(10_000),
      signal: cancel.signal,
      progress: () => cancel.abort(new Error('Interrupted')),
    })
    await expect(loading).rejects.toThrow('Interrupted')
    expect(await readdir(folder)).toEqual(['rows.duckdb'])
  })

  test('can be written by two commands at once', async () => {
    const shared = path.join(folder, 'shared.duckdb')
    const signal = new AbortController().signal
    const load = () => loadResults(shared, { columns, pages: generatedPages(500), signal, progress: () => undefined })
    await Promise.all([load(), load()])
    const opened = await Promise.all([ResultsDatabase.open(shared), ResultsDatabase.open(shared)])
    expect(opened.map((each) => each?.about.rows)).toEqual([500, 500])
    for (const each of opened) each?.close()
    await rm(shared)
    expect(await readdir(folder)).toEqual(['rows.duckdb'])
  })

  test('of no rows has empty charts', async () => {
    const empty = path.join(folder, 'empty.duckdb')
    const pages = (async function* (): AsyncGenerator<Row[]> {})()
    await loadResults(empty, { columns, pages, signal: new AbortController().signal, progress: () => undefined })
    const opened = (await ResultsDatabase.open(empty))!
    expect(await opened.summary([{ search: 'a' }])).toMatchObject({ rows: 0, cost_usd: 0 })
    expect(await opened.points([], null)).toMatchObject({ unit_ids: [], is_sample: false })
    expect(opened.about.bounds).toBeNull()
    opened.close()
    await rm(empty)
  })

  test('that is damaged is not used', async () => {
    const { writeFile } = await import('node:fs/promises')
    const damaged = path.join(folder, 'damaged.duckdb')
    await writeFile(damaged, 'not a database')
    expect(await ResultsDatabase.open(damaged)).toBeUndefined()
    await rm(damaged)
  })
})

describe('an export', () => {
  test('has all kept rows in the order of their IDs', async () => {
    const filter: Filter = [{ column: 'reason', contains: '3' }]
    const found = (await Array.fromAsync(database.pages(filter))).flat()
    expect(found.map(({ unit_id }) => unit_id)).toEqual(
      rows.filter((row) => lower(row['reason']).includes('3')).map(id),
    )
  })
})
