import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Row, ViewedColumn } from '@imagery/viewer/contract/columns'
import type { Summary, ResultsSource } from '@imagery/viewer/contract/source'
import { readReport } from '@imagery/viewer/memory/read-report'
import type { CarriedRow } from '@imagery/viewer/memory/rows'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { headElement, imageElement, rawElement, rowsElement } from '../../src/services/report/data-elements.ts'
import { loadResults } from '../../src/services/view/load.ts'
import { ResultsDatabase } from '../../src/services/view/results-database.ts'
import { storedColumns } from '../../src/services/view/stored-columns.ts'
import { seeded } from '../field/seeded.ts'
import { choicesFrom, COLUMNS, randomFilter, randomPage, randomRows, randomRun } from './random-run.ts'

/** A report and `imagery view` are compared: the same rows in memory, through a report's encoding, and in DuckDB. */

const ROUNDS = 60

const record = (name: string, kind: ViewedColumn['kind']): ViewedColumn => ({
  ...COLUMNS[0]!,
  name,
  kind,
  role: 'record',
})

const columns: ViewedColumn[] = [
  ...COLUMNS,
  record('asset_id', 'text'),
  record('location', 'other'),
  record('gcs_uris', 'other'),
  record('observation_ids', 'other'),
  record('attempt_id', 'text'),
  record('latency_ms', 'number'),
]

/** A row as BigQuery has it. */
function tableRow({ values, asset_id, location, images }: CarriedRow, index: number): Row {
  return {
    ...values,
    asset_id,
    location: location && { latitude: location.latitude, longitude: location.longitude },
    gcs_uris: images.map(({ gcs_uri: uri }) => uri),
    observation_ids: images.map(({ observation_id: id }) => id),
    attempt_id: index % 7 === 0 ? null : `attempt-${index}`,
    latency_ms: index,
  }
}

/** Elements of a page by what they hold, as a browser finds them. */
function elementsOf(page: string): Parameters<typeof readReport>[0] {
  const found = [
    ...page.matchAll(/<script type="text\/plain" data-report="(\w+)"(?: id="([^"]+)")?>([^<]*)<\/script>/g),
  ]
  return {
    texts: (kind) => found.filter(([, each]) => each === kind).map(([, , , text]) => text ?? ''),
    text: (id) => found.find(([, , each]) => each === id)?.[3],
  }
}

const choose = choicesFrom(seeded(2026))
const carried = randomRows(700, choose)
const rows = carried.map(tableRow)
let folder: string
let database: ResultsDatabase
let report: ResultsSource

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-engines-'))
  const file = path.join(folder, 'rows.duckdb')
  await loadResults(file, {
    columns: storedColumns(columns, () => false),
    pages: (async function* () {
      yield rows
    })(),
    signal: new AbortController().signal,
    progress: () => undefined,
  })
  database = (await ResultsDatabase.open(file))!
  const names = columns.map(({ name }) => name)
  const head = { layout: 1 as const, run: { ...randomRun(carried), columns }, flags: ' --local', is_on_google: false }
  const stored = (await Array.fromAsync(database.pages([]))).flat().map(({ values }) => values)
  const page = [
    await rowsElement(names, stored.slice(0, 400)),
    await rowsElement(names, stored.slice(400)),
    await rawElement(new Map([['attempt-1', '{"verdict": "</script>']])),
    imageElement(0, { type: 'image/png', bytes: Buffer.from('first') }),
    await headElement(head),
  ]
  report = await readReport(elementsOf(page.join('')))
})

afterAll(async () => {
  database.close()
  await rm(folder, { recursive: true })
})

/** What the server of `imagery view` sends: JSON has no -0. */
function sent<Answer>(answer: Answer): Answer {
  return JSON.parse(JSON.stringify(answer)) as Answer
}

/** Sums of doubles depend on their order. */
function rounded({ charts, cost_usd: cost, ...counts }: Summary): object {
  const short = (number: number | null): number | null => (number === null ? null : Number(number.toPrecision(12)))
  return {
    ...counts,
    cost_usd: short(cost),
    charts: charts.map((chart) => (chart.type === 'histogram' ? { ...chart, mean: short(chart.mean) } : chart)),
  }
}

test('both keep, sort and page the same rows', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const request = randomPage(randomFilter(choose), choose)
    expect(await report.page(request), JSON.stringify(request)).toEqual(sent(await database.page(request)))
  }
})

test('both draw the same charts and points', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const filter = randomFilter(choose)
    const message = JSON.stringify(filter)
    expect(rounded(await report.summary(filter)), message).toEqual(rounded(sent(await database.summary(filter))))
    const color = choose.one([null, 'verdict', 'signs', 'occluded', 'height', 'finished_at'])
    expect(await report.points(filter, color), message).toEqual(sent(await database.points(filter, color)))
  }
})

test('both draw bars of texts up to the same length', async () => {
  for (const source of [report, database]) {
    const names = (await source.summary([])).charts.map(({ column }) => column)
    expect([names.includes('page'), names.includes('document')]).toEqual([true, false])
  }
})

test('a report has the current attempt of a unit, with the raw answer, and its image', async () => {
  const row = rows[1]!
  const { attempts, images, values } = await report.unit(String(row['unit_id']))
  expect(values).toEqual((await database.unit(String(row['unit_id'])))?.values)
  expect(images.map(({ gcs_uri: uri }) => uri)).toEqual(row['gcs_uris'])
  const [attempt] = attempts
  expect(attempt).toMatchObject({
    attempt_id: 'attempt-1',
    raw_answer: '{"verdict": "</script>',
    status: row['status'],
  })
  const first = (await Array.fromAsync(database.pages([]))).flat().find(({ images: count }) => count > 0)!
  expect(report.imageUrl(first.unit_id, 0, 'full')).toBe(
    `data:image/png;base64,${Buffer.from('first').toString('base64')}`,
  )
})
