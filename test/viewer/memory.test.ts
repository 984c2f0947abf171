import type { Filter } from '@imagery/viewer/contract/filter'
import type { HistogramChart } from '@imagery/viewer/contract/source'
import { memorySource } from '@imagery/viewer/memory/source'
import { describe, expect, test } from 'vitest'
import { seeded } from '../field/seeded.ts'
import { barsOf, figuresOf, keptBy, pageOf } from './plain-answers.ts'
import { choicesFrom, COLUMNS, randomFilter, randomPage, randomRows, randomRun } from './random-run.ts'

const ROUNDS = 150
const CARRIED = { flags: ' --local', is_on_google: true }

/** All but lists, and the ID, which is different in every row. */
const UNCHARTED = ['unit_id', 'document', 'defects']
const CHARTED = COLUMNS.map(({ name }) => name).filter((name) => !UNCHARTED.includes(name))

const choose = choicesFrom(seeded(15))
const rows = randomRows(400, choose)
const source = memorySource({ run: randomRun(rows), ...CARRIED }, rows, (uri, size) => `${size}:${uri}`)

describe('a run in memory, with values from a seed', () => {
  test('keeps, sorts and pages rows as a plain computation does', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const request = randomPage(randomFilter(choose), choose)
      expect(await source.page(request), JSON.stringify(request)).toEqual(pageOf(rows, request))
    }
  })

  test('counts rows, money, bars and bins as a plain computation does', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const filter = randomFilter(choose)
      const kept = keptBy(rows, filter)
      const { charts, cost_usd: cost, ...counts } = await source.summary(filter)
      const message = JSON.stringify(filter)
      const isFailed = (status: string): boolean => status === 'failed' || status === 'throttled'
      expect(counts, message).toEqual({
        rows: kept.length,
        ok: kept.filter(({ status }) => status === 'ok').length,
        failed: kept.filter(({ status }) => isFailed(status)).length,
      })
      expect(cost, message).toBeCloseTo(
        kept.reduce((sum, { values }) => sum + Number(values['cost_usd']), 0),
        9,
      )
      expect(charts.map(({ column }) => column)).toEqual(CHARTED)
      for (const chart of charts) {
        const { kind, allowed } = COLUMNS.find(({ name }) => name === chart.column)!
        if (chart.type === 'bars') expect(chart, message).toEqual(barsOf(kept, chart.column, allowed ?? []))
        else
          expectHistogram(
            chart,
            kept.map(({ values }) => values[chart.column] ?? null),
            kind === 'time',
          )
      }
    }
  })

  test('places the located rows, with the value of the color column', async () => {
    for (const color of [null, 'verdict', 'signs', 'defects']) {
      const filter = randomFilter(choose)
      const located = keptBy(rows, filter).filter(({ location }) => location !== null)
      const points = await source.points(filter, color)
      expect(points).toEqual({
        unit_ids: located.map(({ unit_id: id }) => id),
        longitudes: located.map(({ location }) => location?.longitude),
        latitudes: located.map(({ location }) => location?.latitude),
        values: located.map(({ values }) => (color === null || color === 'defects' ? null : (values[color] ?? null))),
        is_sample: false,
      })
    }
  })
})

function expectHistogram(chart: HistogramChart, values: readonly unknown[], isTime: boolean): void {
  const numbers = values
    .filter((value) => value !== null)
    .map((value) => (isTime ? Date.parse(value as string) : Number(value)))
  const { bins, missing, mean, ...figures } = chart
  expect(missing).toBe(values.length - numbers.length)
  const { mean: plainMean, ...plain } = figuresOf(numbers) ?? { min: null, max: null, mean: null, median: null }
  expect(figures).toEqual({ column: chart.column, type: 'histogram', ...plain })
  if (plainMean === null) expect(mean).toBeNull()
  else expect(Math.abs(mean! - plainMean)).toBeLessThanOrEqual(1e-9 * Math.abs(plainMean))
  for (const [index, { from, to, rows: found }] of bins.entries()) {
    const isLast = index === bins.length - 1
    expect(found).toBe(numbers.filter((number) => number >= from && (number < to || (isLast && number === to))).length)
  }
}

describe('a run in memory', () => {
  test('shows one unit whole, with the command and the query that find it again', async () => {
    const row = {
      ...rows[0]!,
      unit_id: `it's "a" \`unit\`\n`,
      images: [{ observation_id: null, gcs_uri: 'gs://b/ä b/1.jpg' }],
    }
    const one = memorySource({ run: randomRun([row]), ...CARRIED }, [row], () => null)
    expect(await one.unit(row.unit_id)).toEqual({
      unit_id: row.unit_id,
      asset_id: row.asset_id,
      status: row.status,
      location: row.location,
      values: row.values,
      images: [
        {
          observation_id: null,
          gcs_uri: 'gs://b/ä b/1.jpg',
          console_url: 'https://console.cloud.google.com/storage/browser/_details/b/%C3%A4%20b/1.jpg',
        },
      ],
      attempts: [],
      mark: null,
      command: `imagery show 261130-0123abcd 'it'\\''s "a" \`unit\`\n' --local`,
      sql: 'SELECT * FROM `project.dataset.table` WHERE unit_id = "it\'s \\"a\\" `unit`\\n"',
    })
    await expect(one.unit('another')).rejects.toThrow('has no unit another')
  })

  test('finds images by unit and place', () => {
    const row = rows.find(({ images }) => images.length === 2)!
    expect(source.imageUrl(row.unit_id, 1, 'thumbnail')).toBe(`thumbnail:${row.images[1]!.gcs_uri}`)
    expect(source.imageUrl(row.unit_id, 2, 'full')).toBeNull()
  })

  test('is read-only', async () => {
    expect(await source.marks()).toEqual([])
    expect((await source.reviewProgress()).columns.map(({ column }) => column)).toEqual(
      COLUMNS.filter(({ role }) => role === 'answer').map(({ name }) => name),
    )
    await expect(source.clearMark(rows[0]!.unit_id)).rejects.toThrow('read-only')
  })

  test('places an even part of very many points', async () => {
    const many = Array.from({ length: 120_000 }, (_, index) => ({
      ...rows[0]!,
      unit_id: String(index).padStart(6, '0'),
      location: { longitude: index / 1_000, latitude: 0 },
    }))
    const points = await memorySource({ run: randomRun(many), ...CARRIED }, many).points([], null)
    expect(points.is_sample).toBe(true)
    expect(points.unit_ids).toHaveLength(40_000)
    expect(points.longitudes.slice(0, 2)).toEqual([0, 0.003])
  })
})

test('a text with a value of its own in most rows has no chart, whatever the filter', async () => {
  const varied = randomRows(1_500, choose).map((row, index) => ({
    ...row,
    values: { ...row.values, reason: `Because of ${index}` },
  }))
  const charts = async (filter: Filter): Promise<string[]> =>
    (await memorySource({ run: randomRun(varied), ...CARRIED }, varied).summary(filter)).charts.map(
      ({ column }) => column,
    )
  expect(await charts([])).not.toContain('reason')
  expect(await charts([{ search: 'Because of 12' }])).toEqual(await charts([]))
})
