import { describe, expect, test } from 'vitest'
import { snapshotParameters, snapshotQuery, type SnapshotSource } from '../../../src/run-data/sql/snapshot.ts'

const STREET_VIEW_INSIGHTS: SnapshotSource = {
  path: 'my-project.city.latest_observations',
  unit: 'asset',
  images: { max_per_unit: 6, pick: 'latest' },
  assetColumn: 'asset_id',
  imageColumn: 'gcs_uri',
  imagePrefix: null,
  hasObservationId: true,
  hasSnapshotId: true,
  location: 'struct',
  detectionTime: 'timestamp',
  captureTime: 'timestamp',
  where: null,
  limit: null,
  sample: null,
}

const query = (changes: Partial<SnapshotSource> = {}): string => snapshotQuery({ ...STREET_VIEW_INSIGHTS, ...changes })

describe('the query that takes the snapshot', () => {
  test.each<[string, Partial<SnapshotSource>]>([
    ['street-view-insights', {}],
    [
      'only-asset-and-image',
      {
        hasObservationId: false,
        hasSnapshotId: false,
        location: 'absent',
        detectionTime: 'absent',
        captureTime: 'absent',
        assetColumn: 'pole',
        imageColumn: 'photo',
      },
    ],
    ['geography-and-times-as-text', { location: 'geography', detectionTime: 'other', captureTime: 'text' }],
    [
      'local-file-with-filter-and-limit',
      {
        imagePrefix: 'gs://bucket/runs/261123-9f3c1a7b/images/',
        isConverted: true,
        where: "asset_type = 'ASSET_CLASS_ROAD_SIGN'",
        limit: 10,
      },
    ],
    ['sample', { sample: { size: 100, seed: '261123-9f3c1a7b' } }],
  ])('of %s matches its snapshot', async (name, changes) => {
    await expect(query(changes)).toMatchFileSnapshot(`__snapshots__/snapshot-query/${name}.sql`)
  })

  test('reads the rows of the source once, and only counts the rows without an asset ID beside it', () => {
    const counting = 'SELECT COUNT(*) FROM `my-project.city.latest_observations` WHERE'
    for (const changes of [{}, { limit: 5 }, { sample: { size: 5, seed: 's' } }]) {
      expect(query(changes).replace(counting, '').split(STREET_VIEW_INSIGHTS.path)).toHaveLength(2)
      // A file is counted when it is read, and an observation needs no asset.
      for (const other of [{ isConverted: true }, { unit: 'observation' as const }])
        expect(query({ ...changes, ...other }).split(STREET_VIEW_INSIGHTS.path)).toHaveLength(2)
    }
  })

  test('keeps a filter whole, no matter what it starts or ends with', () => {
    expect(query({ where: "a = 1 OR b = 2 -- the user's note" })).toContain(
      "IS NOT NULL AND (\na = 1 OR b = 2 -- the user's note\n)",
    )
  })

  test('carries the seed of a sample as a parameter, never as text', () => {
    const sample = { size: 5, seed: "x' OR TRUE --" }
    expect(query({ sample })).not.toContain(sample.seed)
    expect(snapshotParameters({ ...STREET_VIEW_INSIGHTS, sample })).toEqual({ seed: sample.seed })
  })

  test.each<[string, Partial<SnapshotSource>]>([
    ['table', { path: 'my-project.city.x` WHERE TRUE; DROP TABLE y; --' }],
    ['asset column', { assetColumn: 'a` OR TRUE --' }],
    ['image column', { imageColumn: 'a\\`' }],
    ['column with a line break', { imageColumn: 'a\nb' }],
    ['image prefix', { imagePrefix: "gs://bucket/') OR TRUE --" }],
  ])('is not built from a %s that would end its quoting', (_, changes) => {
    expect(() => query(changes)).toThrow(RangeError)
  })
})
