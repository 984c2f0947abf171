import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Asset } from '../../../src/contracts/messages.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { UnreadableImage } from '../../../src/runtime/models/model.ts'
import { Budget } from '../../../src/runtime/budget.ts'
import { pixelsModel } from '../../../src/runtime/models/pixels.ts'
import expected from '../../fixtures/street-signs/expected.json' with { type: 'json' }

const SAMPLES = path.join(import.meta.dirname, '../../../samples/street-signs')

interface Row {
  asset_id: string
  asset_type: string
  observation_id: string
  snapshot_id: string
  capture_time: string
  gcs_uri: string
  bbox: { lo: { x: number; y: number }; hi: { x: number; y: number } }
}

type Figures = Record<string, unknown>

const rows = (file: string): Row[] =>
  readFileSync(path.join(SAMPLES, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)

function measuredAt(uri: string) {
  return expected.images[uri.slice('images/'.length) as keyof typeof expected.images]
}

/** The assets of a table, each observation once. */
function assets(file: string): Asset[] {
  const byAsset = Map.groupBy(rows(file), ({ asset_id }) => asset_id)
  return [...byAsset].map(([asset_id, all]) => ({
    unit_id: asset_id,
    asset_id,
    location: null,
    detection_time: null,
    bucket: 0,
    observations: [...new Map(all.map((row) => [row.observation_id, row])).values()].map(
      ({ observation_id, gcs_uri }) => ({
        observation_id,
        gcs_uri,
        capture_time: null,
      }),
    ),
  }))
}

function model(profile: string) {
  async function readImage(uri: string): Promise<Buffer> {
    const file = path.join(SAMPLES, uri)
    if (!statSync(file, { throwIfNoEntry: false })) throw new UnreadableImage(uri, 'does not exist')
    return readFileSync(file)
  }
  return pixelsModel({
    decoding: new Budget(1e9),
    profile: findProfile(profile),
    readImage,
    async readRange(uri, first, length) {
      const bytes = await readImage(uri)
      return { bytes: bytes.subarray(first, first + length), size: bytes.length, checksums: undefined }
    },
  })
}

const signal = new AbortController().signal

/**
 * The independent figures are not rounded; ours are, to 4 decimals, shares to 6. `closeTo(x, 3.9)`
 * lets them differ by 0.5 x 10^-3.9: half a unit of the fourth decimal, and a small margin.
 */
function rounded(figures: ReturnType<typeof measuredAt>): Figures {
  return {
    ...figures,
    sharpness: expect.closeTo(figures.sharpness, 3.9),
    brightness: expect.closeTo(figures.brightness, 3.9),
    contrast: expect.closeTo(figures.contrast, 3.9),
    near_black_share: expect.closeTo(figures.near_black_share, 5.9),
    clipped_share: expect.closeTo(figures.clipped_share, 5.9),
  }
}

describe('the samples', () => {
  test('have twelve assets of two types with one to five observations, all drawn', () => {
    const table = assets('observations.jsonl')
    expect(table).toHaveLength(12)
    expect(new Set(rows('observations.jsonl').map(({ asset_type }) => asset_type)).size).toBe(2)
    const counts = table.map(({ observations }) => observations.length)
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([1, 5])
    const images = readdirSync(path.join(SAMPLES, 'images')).map((file) => `images/${file}`)
    expect(new Set(rows('observations.jsonl').map(({ gcs_uri }) => gcs_uri))).toEqual(
      new Set(images.filter((file) => !file.endsWith('corrupt.jpg'))),
    )
  })

  test('list two observations in two snapshots, one with the newer first and one with the older first', () => {
    const repeated = [
      ...Map.groupBy(rows('observations.jsonl'), ({ observation_id }) => observation_id).values(),
    ].filter(({ length }) => length > 1)
    expect(repeated.map((both) => both.map(({ snapshot_id }) => snapshot_id))).toEqual([
      ['s1:2026-03-20', 's1:2026-09-18'],
      ['s1:2026-09-18', 's1:2026-03-20'],
    ])
    for (const { capture_time, snapshot_id } of rows('observations.jsonl'))
      expect(capture_time < snapshot_id.slice(3)).toBe(true)
  })

  test('stay under a megabyte', () => {
    const files = readdirSync(SAMPLES, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const bytes = files.map((entry) => statSync(path.join(entry.parentPath, entry.name)).size)
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(1_000_000)
  })

  test('have boxes inside their images', () => {
    const outside = rows('observations.jsonl').filter(({ gcs_uri, bbox: { lo, hi } }) => {
      const { width, height } = measuredAt(gcs_uri)
      const isWithin = lo.x >= 0 && lo.y >= 0 && hi.x <= width && hi.y <= height
      return !isWithin || hi.x - lo.x < 2 || hi.y - lo.y < 2
    })
    expect(outside).toEqual([])
  })

  test('show every verdict', () => {
    const verdicts = Object.values(expected.assets).map(({ best }) => best.verdict)
    expect(new Set(verdicts)).toEqual(new Set(['good', 'fair', 'poor', 'unusable']))
  })
})

describe.each(assets('observations.jsonl'))('asset $asset_id', (asset) => {
  const wanted = expected.assets[asset.asset_id as keyof typeof expected.assets]

  test('has the quality that was measured independently', async () => {
    const { columns } = await model('image-quality').answer(asset, { signal })
    expect(columns).toMatchObject(rounded(wanted.best))
    expect(columns['best_observation_id']).toBe(wanted.best_observation_id)
    expect(columns['unreadable_observation_ids']).toEqual([])
    const independent = asset.observations.map(({ gcs_uri }) => rounded(measuredAt(gcs_uri)))
    expect(independent).toHaveLength(wanted.images)
    expect(columns['images']).toMatchObject(independent)
  })

  test('has the size in its JPEG headers', async () => {
    const { columns } = await model('resolution').answer(asset, { signal })
    expect(columns).toMatchObject(wanted.largest)
  })
})

test.each(['resolution', 'image-quality'])(
  'with-faults.jsonl adds two assets that %s cannot read, and says why',
  async (profile) => {
    const sound = new Set(assets('observations.jsonl').map(({ asset_id }) => asset_id))
    const faulty = assets('with-faults.jsonl').filter(({ asset_id }) => !sound.has(asset_id))
    const failures = await Promise.all(
      faulty.map((asset) =>
        model(profile)
          .answer(asset, { signal })
          .then(
            () => 'answered',
            (error: unknown) => (error as Error).message,
          ),
      ),
    )
    expect(failures).toEqual([
      'no readable image: images/corrupt.jpg is cut off: it ends inside its header',
      'no readable image: images/missing.jpg does not exist',
    ])
  },
)
