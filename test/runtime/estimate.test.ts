// First: it sets what gRPC reads when it is loaded.
import { DATA_DIR } from './trusted-roots.ts'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EstimateReport } from '../../src/contracts/estimate-report.ts'
import { ensureDataset, ensureTable, listDatasets, listTables } from '../../src/google/bigquery/bigquery.ts'
import { loadFile } from '../../src/google/bigquery/jobs.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import type { RunOptions } from '../../src/services/options/run-options.ts'
import { checkRunOptions, newRunContext } from '../../src/services/run/context.ts'
import { estimateSteps } from '../../src/services/run/estimate.ts'
import type { Target } from '../../src/services/session/target.ts'
import { PLACE } from './local-run.ts'

const TABLE = { projectId: PLACE.projectId, dataset: 'city', table: 'signs' }

/** Three assets: one with two images in three rows, one with three images, one without. The last row belongs to none. */
const ROWS = [
  {
    asset_id: 'b',
    observation_id: 'b1',
    snapshot_id: 's1',
    capture_time: '2025-01-01T00:00:00Z',
    gcs_uri: 'gs://img/b1-old.jpg',
  },
  {
    asset_id: 'b',
    observation_id: 'b1',
    snapshot_id: 's2',
    capture_time: '2025-01-01T00:00:00Z',
    gcs_uri: 'gs://img/b1.jpg',
  },
  {
    asset_id: 'b',
    observation_id: 'b2',
    snapshot_id: 's2',
    capture_time: '2026-01-01T00:00:00Z',
    gcs_uri: 'gs://img/b2.jpg',
  },
  {
    asset_id: 'a',
    observation_id: 'a1',
    snapshot_id: 's1',
    capture_time: '2025-01-01T00:00:00Z',
    gcs_uri: 'gs://img/a1.jpg',
  },
  {
    asset_id: 'a',
    observation_id: 'a2',
    snapshot_id: 's1',
    capture_time: '2025-02-01T00:00:00Z',
    gcs_uri: 'https://example.com/a2.jpg',
  },
  {
    asset_id: 'a',
    observation_id: 'a3',
    snapshot_id: 's1',
    capture_time: '2025-03-01T00:00:00Z',
    gcs_uri: 'gs://img/a3.jpg',
  },
  { asset_id: 'c', observation_id: 'c1', snapshot_id: 's1', capture_time: null, gcs_uri: '' },
  { asset_id: '', observation_id: 'd1', snapshot_id: 's1', capture_time: null, gcs_uri: 'gs://img/d1.jpg' },
]

let cloud: LocalCloud
let folder: string
let file: string
let accessLogFile: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-estimate-'))
  accessLogFile = path.join(folder, 'access.jsonl')
  cloud = await startLocalCloud({ dataDir: DATA_DIR, allServicesEnabled: true, accessLogFile })
  useLocalCloud(cloud.locator)
  file = path.join(folder, 'signs.jsonl')
  await writeFile(file, ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await ensureDataset(TABLE, { location: 'US', description: 'A city.' })
  await ensureTable(TABLE, { columns: [], description: 'Signs.', labels: {} })
  await loadFile(TABLE, { format: 'NEWLINE_DELIMITED_JSON', file, schema: fields() }, { location: 'US' })
})

afterAll(async () => {
  await cloud.stop({ now: true })
  await rm(folder, { recursive: true })
})

function fields(): { name: string; type: string }[] {
  return Object.keys(ROWS[0]!).map((name) => ({ name, type: name === 'capture_time' ? 'TIMESTAMP' : 'STRING' }))
}

const BIGQUERY_TABLE = `${TABLE.projectId}.${TABLE.dataset}.${TABLE.table}`

async function estimate(options: Partial<RunOptions>, signal = new AbortController().signal): Promise<EstimateReport> {
  const checked = await checkRunOptions({ table: BIGQUERY_TABLE, profile: 'road-signs', wait: true, ...options })
  const target = { kind: 'local', place: PLACE, flags: ' --local', dataDirectory: folder, key: 'local' } as Target
  const context = newRunContext(checked, { target, store: {} as never, runtimeFolder: '', signal, gemini: undefined })
  const steps = estimateSteps(context)
  for (const step of steps.steps) await step.run({}, { detail: () => undefined })
  return steps.result().report
}

/** All datasets and tables. */
async function everything(): Promise<string[]> {
  const datasets = await listDatasets(PLACE.projectId)
  const tables = await Promise.all(
    datasets.map(async (dataset) =>
      (await listTables({ projectId: PLACE.projectId, dataset })).map(({ table }) => `${dataset}.${table}`),
    ),
  )
  return [...datasets, ...tables.flat()].toSorted()
}

/** The methods that begin with a word, in the order in which the local cloud was called. */
async function callsOf(word: string): Promise<string[]> {
  const lines = (await readFile(accessLogFile, 'utf8')).trimEnd().split('\n')
  return lines
    .map((line) => (JSON.parse(line) as { method: string }).method)
    .filter((method) => method.startsWith(word))
}

describe('the estimate of a table in BigQuery', () => {
  test('counts what a run would have, says what is left out, and creates nothing', async () => {
    const before = await everything()
    const report = await estimate({})
    expect(report).toMatchObject({
      units: 3,
      images: 5,
      images_per_unit: [
        { images: 0, units: 1 },
        { images: 2, units: 1 },
        { images: 3, units: 1 },
      ],
      counted: { how: 'query' },
      max_cost: null,
    })
    expect(Object.fromEntries(report.left_out.map(({ reason, count }) => [reason, count]))).toEqual({
      row_without_asset: 1,
      row_without_image: 1,
      repeated_observation: 1,
      image_address: 1,
      unit_without_image: 1,
    })
    expect(report.samples).toEqual([
      { unit_id: 'a', asset_id: 'a', images: ['gs://img/a3.jpg', 'https://example.com/a2.jpg', 'gs://img/a1.jpg'] },
      { unit_id: 'b', asset_id: 'b', images: ['gs://img/b2.jpg', 'gs://img/b1.jpg'] },
      { unit_id: 'c', asset_id: 'c', images: [] },
    ])
    expect(report.snapshot_bytes).toBeGreaterThan(0)
    expect(report.counted.bytes_read).toBeGreaterThan(0)
    expect(report.columns.map(({ name }) => name)).toContain('sign_quality')
    expect(await everything()).toEqual(before)
  })

  test('adds up tokens and costs, each with the page of its price', async () => {
    const { gemini, cost_usd: cost, cost_parts: parts } = await estimate({ table: file })
    expect(gemini).toMatchObject({ model: 'gemini-3.5-flash-lite', tokens: { images: 5 * 1_120, thoughts: 3 * 50 } })
    const { total, ...each } = gemini!.tokens
    expect(total).toBe(Object.values(each).reduce((sum, tokens) => sum + tokens, 0))
    const { total: all, ...services } = cost
    expect(all).toBeCloseTo(
      Object.values(services).reduce((sum, usd) => sum + usd, 0),
      9,
    )
    expect(Object.keys(services)).toEqual(['gemini', 'bigquery', 'cloud_run', 'cloud_tasks', 'pubsub'])
    for (const { usd, source } of parts) {
      expect(usd).toBeGreaterThan(0)
      expect(source).toMatch(/^https:\/\/cloud\.google\.com\//)
    }
  })

  test('takes the prices of a file, also from a pipe, and names the file and its date', async () => {
    const prices = path.join(folder, 'prices')
    execFileSync('mkfifo', [prices])
    const text = 'dated: 2026-12-24\nmodels: {gemini-3.5-flash-lite: {input: 3, output: 25}}\n'
    const written = once(spawn('sh', ['-c', 'printf %s "$0" > "$1"', text, prices]), 'close')
    const listed = await estimate({})
    const own = await estimate({ prices })
    await written
    expect(own.cost_usd.gemini).toBeCloseTo(listed.cost_usd.gemini * 10, 9)
    expect(own.prices_dated.gemini).toBe('2026-12-24')
    expect(own.gemini?.price_source).toBe(prices)
    expect(own.gemini?.alternatives.find(({ is_chosen: isChosen }) => isChosen)?.usd).toBe(own.cost_usd.gemini)
  })

  test('gives the date of the built-in list if the file has no price of the model', async () => {
    const prices = path.join(folder, 'others.yaml')
    await writeFile(prices, 'dated: 2026-12-24\nmodels: {gemini-9.9-flash: {input: 3, output: 25}}\n')
    const listed = await estimate({})
    expect(await estimate({ prices })).toMatchObject({
      prices_dated: listed.prices_dated,
      gemini: { price_source: listed.gemini?.price_source },
    })
  })

  test('compares models that Google serves, tiers and media resolutions, and marks the run', async () => {
    const { gemini } = await estimate({ table: file, tier: 'flex', mediaResolution: 'low' })
    const { alternatives } = gemini!
    const usd = (tier: string, resolution: string): number =>
      alternatives.find(
        (each) => each.model === gemini!.model && each.tier === tier && each.media_resolution === resolution,
      )!.usd
    expect(usd('flex', 'high')).toBeCloseTo(usd('standard', 'high') / 2, 8)
    expect(usd('standard', 'low')).toBeLessThan(usd('standard', 'medium'))
    expect(alternatives.filter((each) => each.is_chosen)).toMatchObject([{ tier: 'flex', media_resolution: 'low' }])
    expect(alternatives.some(({ model }) => model.startsWith('gemini-2'))).toBe(false)
  })

  test('says whether --max-cost would refuse the run, and how many assets would fit', async () => {
    const { cost_usd: cost } = await estimate({ table: file })
    expect((await estimate({ table: file, maxCost: 1 })).max_cost).toEqual({
      usd: 1,
      would_be_refused: false,
      fitting_units: 3,
    })
    const low = (cost.gemini * 2) / 3 + 1e-7
    expect((await estimate({ table: file, maxCost: low })).max_cost).toMatchObject({
      would_be_refused: true,
      fitting_units: 2,
    })
  })

  test('of a pixels profile costs no Gemini', async () => {
    const { gemini, cost_usd: cost, duration, ai_generate } = await estimate({ table: file, profile: 'image-quality' })
    expect({ gemini, usd: cost.gemini, tiers: duration.throughput_tiers }).toEqual({ gemini: null, usd: 0, tiers: [] })
    expect(ai_generate.is_better).toBe(false)
  })

  test('of a table without such assets fails like the run', async () => {
    await expect(estimate({ where: "asset_id = 'z'" })).rejects.toMatchObject({
      code: 'NO_ASSETS',
      suggestions: ['Run the same command with another --where, or without it'],
    })
    const none = path.join(folder, 'none.jsonl')
    await writeFile(none, `${JSON.stringify({ ...ROWS[0], asset_id: '' })}\n`)
    await expect(estimate({ table: none })).rejects.toMatchObject({
      code: 'NO_ASSETS',
      suggestions: [expect.stringContaining('--asset-column COLUMN')],
    })
    await expect(estimate({ where: 'no_such_column = 1' })).rejects.toMatchObject({ code: 'INVALID_FILTER' })
    await expect(estimate({ model: 'gemini-2.5-flash' })).rejects.toMatchObject({ code: 'INVALID_FLAG' })
  })
})

describe("BigQuery's AI.GENERATE", () => {
  test('is advised for one image per asset, with a statement that has the names of the table', async () => {
    const { ai_generate: advice } = await estimate({ where: "observation_id IN ('a1', 'b2')" })
    expect(advice.is_better).toBe(true)
    expect(advice.statement).toContain('`imagery-local.city.signs`')
    expect(advice.statement).toContain("output_schema => 'category STRING, sign_quality STRING")
    expect(advice.statement).toContain("endpoint => 'gemini-3.5-flash-lite'")
    expect(advice.statement).toContain("observation_id IN ('a1', 'b2')")
  })

  test.each([
    ['several images and a local file', {}, /local file.*several images/],
    ['the flex tier', { tier: 'flex' as const }, /flex/],
  ])('is not advised for %s', async (_what, options, reason) => {
    const { ai_generate: advice } = await estimate({ table: file, ...options })
    expect(advice).toMatchObject({ is_better: false, statement: null })
    expect(advice.reasons.join()).toMatch(reason)
  })
})

describe('the estimate of a local file', () => {
  test.each<Partial<RunOptions>>([
    {},
    { unit: 'observation' },
    { imagesPerUnit: 2, pick: 'spread' },
    { unit: 'observation', limit: 3 },
  ])('counts on this machine what BigQuery counts: %j', async (options) => {
    const [local, queried] = [await estimate({ table: file, ...options }), await estimate(options)]
    expect(local.counted).toEqual({ how: 'local', bytes_read: 0 })
    const { units, left_out: leftOut } = queried
    expect(local).toMatchObject({ units, left_out: leftOut })
    const { images, images_per_unit: histogram, samples } = queried
    expect(local).toMatchObject({ images, images_per_unit: histogram, samples })
  })

  test('has an even sample of assets', async () => {
    expect((await estimate({ table: file, sample: 2 })).units).toBe(2)
  })

  test('with --where uses a temporary table, which is deleted again', async () => {
    const before = await everything()
    const report = await estimate({ table: file, where: "asset_id < 'b'" })
    expect(report).toMatchObject({ units: 1, images: 3, counted: { how: 'temporary_table' } })
    expect(await everything()).toEqual(before)
  })

  test('sets the expiration of the temporary table again after the load, which can drop it', async () => {
    const earlier = (await callsOf('bigquery.tables')).length
    await estimate({ table: file, where: "asset_id < 'b'" })
    const calls = (await callsOf('bigquery.tables')).slice(earlier)
    expect(calls.filter((method) => !method.endsWith('.get') && !method.endsWith('.list'))).toEqual([
      'bigquery.tables.insert',
      'bigquery.tables.patch',
      'bigquery.tables.delete',
    ])
  })

  test('deletes the temporary table also after an error and after Ctrl-C', async () => {
    const before = await everything()
    await expect(estimate({ table: file, where: 'no_such_column = 1' })).rejects.toMatchObject({
      code: 'INVALID_FILTER',
    })
    expect(await everything()).toEqual(before)
    const interruption = new AbortController()
    const estimated = estimate({ table: file, where: "asset_id < 'b'" }, interruption.signal)
    while ((await everything()).length === before.length) await new Promise((resolve) => setImmediate(resolve))
    interruption.abort(new Error('Ctrl-C'))
    await expect(estimated).rejects.toThrow('Ctrl-C')
    expect(await everything()).toEqual(before)
  })

  test('of a folder has one asset per photo, by its own name', async () => {
    const photos = path.join(folder, 'photos')
    await mkdir(photos)
    const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0])
    for (const name of ['one.jpg', 'two.jpg']) await writeFile(path.join(photos, name), jpeg)
    const report = await estimate({ table: photos, profile: 'resolution' })
    expect(report).toMatchObject({ units: 2, images: 2, counted: { how: 'local' } })
    expect(report.samples.map(({ images }) => images)).toEqual([['one.jpg'], ['two.jpg']])
  })
})
