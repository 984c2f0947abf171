/**
 * What a browser needs to show, filter and scroll many rows: `node bench/view.ts [ROWS] [MANY]` (default: 100,000 in the
 * browser, 1,000,000 in the server alone). Also the size of a report of 10,000 assets, and of the viewer's own code.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Page } from 'playwright-core'
import type { Filter } from '@imagery/viewer/contract/filter'
import { reportPieces } from '../src/services/report/report-pieces.ts'
import { reportTemplate } from '../src/services/report/template.ts'
import { writeWholeFile } from '../src/services/results/whole-file.ts'
import { RunImages } from '../src/services/view/images.ts'
import { loadResults } from '../src/services/view/load.ts'
import { ResultsDatabase } from '../src/services/view/results-database.ts'
import { startViewServer } from '../src/services/view/server.ts'
import { storedColumns } from '../src/services/view/stored-columns.ts'
import { viewedColumns } from '../src/services/view/columns.ts'
import { ThumbnailCache } from '../src/services/view/thumbnail-cache.ts'
import { viewedRun } from '../src/services/view/viewed-run.ts'
import { viewRun } from '../src/services/view/viewing.ts'
import { FIELDS, generatedPages, PROFILE } from '../test/services/view/generated-rows.ts'
import { openedRun } from '../test/services/view/served-run.ts'
import { closeBrowser, newPage } from '../test/view/browser.ts'
import { median, printTable } from './table.ts'

const ROWS = Number(process.argv[2] ?? 100_000)
const MANY = Number(process.argv[3] ?? 1_000_000)
const REPORT_ROWS = 10_000
const REPEATS = 5
const APP = path.resolve(import.meta.dirname, '../dist/viewer')

const FILTERS: Filter[] = [
  [{ column: 'condition', is: ['good'] }],
  [{ column: 'height', from: 2, to: 6 }],
  [
    { column: 'condition', is: ['fair', 'poor'] },
    { column: 'leans', is: [true] },
  ],
  [{ search: '7919' }],
]

const folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-bench-view-'))
const signal = new AbortController().signal

try {
  const rows = [{ page: 'an empty page', 'frames/s': await framesOfNothing() }, await inBrowser(), await inReport()]
  printTable('In Chromium without a GPU, milliseconds (frames/s: of a table that is scrolled all the time)', rows)
  printTable(`Filters over ${MANY.toLocaleString('en')} rows in the server, milliseconds`, await inServer())
  printTable("The viewer's own code", await codeSizes())
  console.log(`\nLoad of the machine: ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} cores`)
} finally {
  await closeBrowser()
  await rm(folder, { recursive: true, force: true })
}

async function inBrowser(): Promise<Record<string, string | number>> {
  const opened = openedRun(FIELDS, [], '1')
  const viewing = await viewRun(
    { ...opened, rows: { ...opened.rows, count: ROWS, read: () => generatedPages(ROWS) } },
    {
      target: { kind: 'google', place: { projectId: 'p', region: 'r' }, key: 'google:p/r', flags: '' },
      cacheFolder: path.join(folder, 'cache'),
      configurationFolder: path.join(folder, 'config'),
      changes: undefined,
      compare: undefined,
      signal,
      detail: () => undefined,
    },
  )
  const server = await startViewServer({ viewed: viewing, folder: APP, port: undefined })
  try {
    return { page: 'imagery view', rows: ROWS, ...(await measured(server.url)) }
  } finally {
    await server.close()
    await viewing.close()
  }
}

async function inReport(): Promise<Record<string, string | number>> {
  const file = path.join(folder, 'report.html')
  const opened = openedRun(FIELDS, [], '1')
  const database = await loaded(path.join(folder, 'report.duckdb'), REPORT_ROWS)
  const counts = { named: 0, embedded: 0, missing: 0, denied: 0, unreadable: 0, left_out: 0 }
  const summary = await database.summary([])
  const content = {
    template: await reportTemplate(APP, 'bench'),
    head: {
      run: viewedRun(opened, database.about, { ...summary, is_live: false, flags: ' --local' }),
      flags: '',
      is_on_google: true,
    },
    rows: (async function* () {
      for await (const page of database.pages([])) yield page.map(({ values }) => values)
    })(),
    rawAnswers: (async function* () {})(),
    images: new RunImages(new ThumbnailCache(folder, 'bench')),
    embedding: 'none' as const,
    mostImages: 0,
  }
  await writeWholeFile(file, reportPieces(content, { counts, rows: 0, detail: () => undefined }))
  database.close()
  const { length } = await readFile(file)
  return {
    page: 'imagery report',
    rows: REPORT_ROWS,
    'file MB': length / 1e6,
    ...(await measured(pathToFileURL(file).href)),
  }
}

/** @returns times in milliseconds */
async function measured(address: string): Promise<Record<string, number>> {
  const { page, close } = await newPage({ viewport: { width: 1_280, height: 800 } })
  try {
    const startedMs = performance.now()
    await page.goto(address)
    await page.locator('.bar').first().waitFor()
    const firstChart = performance.now() - startedMs
    const paint = await page.evaluate<number>(
      "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN",
    )
    const clicks: number[] = []
    for (const value of ['good', 'fair', 'poor', 'good', 'fair']) clicks.push(await filterByClick(page, value))
    await page.getByRole('link', { name: 'Table' }).click()
    await page.locator('[data-open]').first().waitFor()
    return {
      'first paint': paint,
      'first charts': firstChart,
      'filter by click': median(clicks),
      'frames/s': await framesOfScroll(page),
    }
  } finally {
    await close()
  }
}

/** From the click to the frame that shows the new counts. */
async function filterByClick(page: Page, value: string): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const status = document.querySelector('[role=status]')
    const bars = [...document.querySelectorAll('[aria-label="Values of condition"] .bar')]
    const before = status.textContent
    const startedMs = performance.now()
    const look = () => {
      const isNew = status.textContent !== before && !status.classList.contains('stale')
      if (isNew || performance.now() - startedMs > 10_000) resolve(performance.now() - startedMs)
      else requestAnimationFrame(look)
    }
    bars.find((bar) => bar.title.startsWith(${JSON.stringify(value)})).click()
    requestAnimationFrame(look)
  })`)
}

/** The most that this browser draws on this machine. */
async function framesOfNothing(): Promise<number> {
  const { page, close } = await newPage()
  try {
    return await framesOf(page, '')
  } finally {
    await close()
  }
}

/** Scrolls the table for three seconds, by 120 pixels a frame. */
async function framesOfScroll(page: Page): Promise<number> {
  return framesOf(page, "document.querySelector('.grid').scrollTop += 120")
}

/** @param work a statement that every frame runs */
async function framesOf(page: Page, work: string): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const startedMs = performance.now()
    let frames = 0
    const next = () => {
      frames += 1
      ${work}
      const elapsedMs = performance.now() - startedMs
      if (elapsedMs < 3_000) requestAnimationFrame(next)
      else resolve((frames / elapsedMs) * 1_000)
    }
    requestAnimationFrame(next)
  })`)
}

async function inServer(): Promise<Record<string, string | number>[]> {
  const startedMs = performance.now()
  const database = await loaded(path.join(folder, 'many.duckdb'), MANY)
  const loadMs = performance.now() - startedMs
  const rows: Record<string, string | number>[] = [{ question: 'read the rows, once', charts: loadMs }]
  for (const filter of FILTERS) {
    const times = { charts: [] as number[], page: [] as number[] }
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      // Another filter before it, so that nothing is known of this one.
      await database.summary([{ column: 'latency_ms', from: repeat, to: null }])
      const before = performance.now()
      await database.summary(filter)
      const between = performance.now()
      await database.page({ filter, sort: { column: 'height', descending: true }, offset: 0, limit: 100 })
      times.charts.push(between - before)
      times.page.push(performance.now() - between)
    }
    rows.push({ question: JSON.stringify(filter), charts: median(times.charts), 'sorted page': median(times.page) })
  }
  database.close()
  return rows
}

async function loaded(file: string, rows: number): Promise<ResultsDatabase> {
  const columns = storedColumns(viewedColumns(FIELDS, PROFILE), (name) => name === 'budget')
  await loadResults(file, { columns, pages: generatedPages(rows), signal, progress: () => undefined })
  const database = await ResultsDatabase.open(file)
  if (!database) throw new Error(`${file} cannot be read`)
  return database
}

async function codeSizes(): Promise<Record<string, string | number>[]> {
  const compress = promisify(gzip)
  const names = await readdir(APP, { recursive: true })
  const sizes: Record<string, string | number>[] = []
  for (const name of names.filter((each) => /\.(?:m?js|css|html)$/.test(each)).toSorted()) {
    const bytes = await readFile(path.join(APP, name))
    sizes.push({ file: name, kB: bytes.length / 1e3, 'gzip kB': (await compress(bytes, { level: 9 })).length / 1e3 })
  }
  const view = sizes
    .filter(({ file }) => file !== 'report.html')
    .reduce((sum, each) => sum + Number(each['gzip kB']), 0)
  return [...sizes, { file: 'all files of imagery view', 'gzip kB': view }]
}
