import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attemptColumns } from '../../src/contracts/tables.ts'
import { profile, type Profile } from '../../src/contracts/run-spec.ts'
import { tableField } from '../../src/google/bigquery/bigquery.ts'
import { failedUnitsQuery, finalRowsQuery, liveView, pendingUnitsQuery } from '../../src/run-data/sql/ledger.ts'
import { snapshotQuery, type SnapshotSource } from '../../src/run-data/sql/snapshot.ts'
import { startBigQuery, type Harness } from '@imagery/local-cloud/test/bigquery/bigquery-fixture'

let harness: Harness
beforeAll(async () => {
  harness = await startBigQuery()
  await harness.client.createDataset('street')
})
afterAll(() => harness.close())

const SOURCE: SnapshotSource = {
  path: 'demo.street.observations',
  unit: 'asset',
  images: { max_per_unit: 3, pick: 'latest' },
  assetColumn: 'asset_id',
  imageColumn: 'gcs_uri',
  imagePrefix: null,
  hasObservationId: true,
  hasSnapshotId: true,
  location: 'absent',
  detectionTime: 'absent',
  captureTime: 'timestamp',
  where: null,
  limit: null,
  sample: null,
}

type Unit = { unit_id: string; asset_id: string | null; bucket: number; observations: { observation_id: string }[] }

async function snapshot(changes: Partial<SnapshotSource>): Promise<Record<string, string[]>> {
  const [rows] = await harness.client.query(snapshotQuery({ ...SOURCE, ...changes }))
  return Object.fromEntries(
    (rows as Unit[]).map((unit) => [unit.unit_id, unit.observations.map(({ observation_id }) => observation_id)]),
  )
}

describe('the snapshot', () => {
  beforeAll(async () => {
    const text = (name: string) => ({ name, type: 'STRING' })
    const schema = [
      text('asset_id'),
      text('observation_id'),
      text('snapshot_id'),
      text('gcs_uri'),
      { name: 'capture_time', type: 'TIMESTAMP' },
    ]
    const [table] = await harness.client.dataset('street').createTable('observations', { schema })
    const at = (year: number): string => `${year}-01-01T00:00:00Z`
    const image = (
      asset: string | null,
      id: string | null,
      year: number,
      snapshot_id = 's1',
      uri: string | null = `gs://bucket/${id ?? year}.jpg`,
    ) => ({
      asset_id: asset,
      observation_id: id,
      snapshot_id,
      gcs_uri: uri,
      capture_time: at(year),
    })
    await table.insert([
      ...[2010, 2011, 2012, 2013, 2014, 2015, 2016].map((year) => image('many', `m${year}`, year)),
      image('many', 'm2016', 2016, 's2'),
      image('few', 'f1', 2020),
      image('few', 'f2', 2021),
      image('none', 'n1', 2020, 's1', null),
      image('nameless', null, 2018),
      image('nameless', null, 2019),
      image(null, 'panorama', 2020),
    ])
  })

  test('of assets takes the latest images', async () => {
    expect(await snapshot({})).toEqual({
      many: ['m2016', 'm2015', 'm2014'],
      few: ['f2', 'f1'],
      none: [],
      nameless: ['gs://bucket/2019.jpg', 'gs://bucket/2018.jpg'],
    })
  })

  test('spreads images evenly from the latest to the oldest', async () => {
    const spread = async (wanted: number) =>
      (await snapshot({ images: { max_per_unit: wanted, pick: 'spread' } }))['many']
    expect(await spread(1)).toEqual(['m2016'])
    expect(await spread(2)).toEqual(['m2016', 'm2010'])
    expect(await spread(3)).toEqual(['m2016', 'm2013', 'm2010'])
    expect(await spread(4)).toEqual(['m2016', 'm2014', 'm2012', 'm2010'])
    expect(await spread(7)).toHaveLength(7)
    expect(await spread(20)).toHaveLength(7)
  })

  test('of a sample has the same assets for the same seed, and those of a smaller one', async () => {
    const sample = async (size: number, seed: string): Promise<string[]> => {
      const source = { ...SOURCE, sample: { size, seed } }
      const [rows] = await harness.client.query({ query: snapshotQuery(source), params: { seed } })
      return (rows as Unit[]).map((unit) => unit.unit_id)
    }
    const seeds = Array.from({ length: 8 }, (_, index) => `seed ${index}`)
    const samples = await Promise.all(seeds.map((seed) => sample(2, seed)))
    expect(await Promise.all(seeds.map((seed) => sample(2, seed)))).toEqual(samples)
    expect(new Set(samples.map((ids) => ids.toSorted().join())).size).toBeGreaterThan(1)
    expect(await sample(3, seeds[0]!)).toEqual(expect.arrayContaining(samples[0]!))
  })

  test('keeps assets with few or no images, spread or not', async () => {
    expect(await snapshot({ images: { max_per_unit: 2, pick: 'spread' } })).toMatchObject({
      few: ['f2', 'f1'],
      none: [],
    })
  })

  test('of observations has one unit per observation, and one for a frame without an asset', async () => {
    const units = await snapshot({ unit: 'observation' })
    expect(units).toMatchObject({
      'many/m2016': ['m2016'],
      'few/f1': ['f1'],
      'none/n1': [],
      'nameless/gs://bucket/2018.jpg': ['gs://bucket/2018.jpg'],
      panorama: ['panorama'],
    })
    expect(Object.keys(units)).toHaveLength(13)
  })

  test('of observations needs no asset column', async () => {
    expect(Object.keys(await snapshot({ unit: 'observation', assetColumn: null })).toSorted()).toContain('m2016')
  })
})

describe('the live view', () => {
  const asked: Profile = profile.parse({
    name: 'p',
    description: 'P.',
    prompt: 'What?',
    output: { type: 'object', properties: { note: { type: 'string' } } },
  })
  const tables = {
    projectId: 'demo',
    dataset: 'street',
    assets: 'units',
    attempts: 'attempts',
    live: 'live',
    source: 'none',
    results: 'results',
  }

  beforeAll(async () => {
    const ids = ['answered', 'failed', 'retried', 'retried-ok', 'billed', 'late', 'untouched']
    await harness.client.query({
      query: `SELECT unit_id, unit_id AS asset_id, CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>) AS location,
        CAST(NULL AS TIMESTAMP) AS detection_time, [STRUCT('o' AS observation_id, 'gs://bucket/o' AS gcs_uri, CAST(NULL AS TIMESTAMP) AS capture_time)] AS observations, 7 AS bucket
        FROM UNNEST([${ids.map((id) => `'${id}'`).join(', ')}]) AS unit_id`,
      destination: harness.client.dataset('street').table('units'),
    })
    const fields = attemptColumns(asked).map(tableField)
    const [table] = await harness.client.dataset('street').createTable('attempts', { schema: fields })
    let second = 0
    const row = (unit: string, generation: number, status: string, cause?: string) => {
      second += 1
      const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
      return {
        run_id: 'r',
        unit_id: unit,
        asset_id: unit,
        bucket: 7,
        attempt_id: `a${second}`,
        generation,
        status,
        cause,
        started_at: time,
        finished_at: time,
      }
    }
    await table.insert([
      row('answered', 0, 'ok'),
      row('answered', 0, 'failed', 'timeout'),
      row('failed', 0, 'retrying', 'model_error'),
      row('failed', 0, 'failed', 'model_error'),
      row('retried', 0, 'failed', 'schema'),
      row('retried', 1, 'retrying'),
      row('retried-ok', 0, 'failed', 'schema'),
      row('retried-ok', 1, 'retrying'),
      row('retried-ok', 1, 'ok'),
      row('billed', 0, 'retrying', 'model_error'),
      row('late', 0, 'failed', 'blocked'),
      row('late', 0, 'retrying', 'model_error'),
    ])
    await harness.client
      .dataset('street')
      .createTable('live', { view: { query: liveView(tables, asked), useLegacySql: false } })
  })

  test('has one current row per unit, pending during a retry', async () => {
    const [rows] = await harness.client.query('SELECT unit_id, status FROM `demo.street.live`')
    expect(
      Object.fromEntries(
        (rows as { unit_id: string; status: string }[]).map(({ unit_id, status }) => [unit_id, status]),
      ),
    ).toEqual({
      answered: 'ok',
      failed: 'failed',
      retried: 'pending',
      'retried-ok': 'ok',
      billed: 'pending',
      late: 'failed',
      untouched: 'pending',
    })
    expect(rows).toHaveLength(7)
  })

  test("returns a shard's pending units", async () => {
    const [rows] = await harness.client.query(pendingUnitsQuery(tables, { from: 0, to: 1_999 }))
    const [pending] = await harness.client.query("SELECT unit_id FROM `demo.street.live` WHERE status = 'pending'")
    expect((rows as Unit[]).map(({ unit_id }) => unit_id).toSorted()).toEqual(['billed', 'retried', 'untouched'])
    expect((pending as Unit[]).map(({ unit_id }) => unit_id).toSorted()).toEqual(['billed', 'retried', 'untouched'])
    const [others] = await harness.client.query(pendingUnitsQuery(tables, { from: 8, to: 1_999 }))
    expect(others).toEqual([])
  })

  test("returns a redelivered task's final rows by generation, and none that is retried", async () => {
    const params = { units: ['retried-ok', 'billed', 'failed', 'untouched'] }
    const [rows] = await harness.client.query({ query: finalRowsQuery(tables, [3, 7]), params })
    const found = (rows as { unit_id: string; generation: number; status: string; cause: string | null }[]).map(
      ({ unit_id, generation, status }) => `${unit_id} ${generation} ${status}`,
    )
    expect(found.toSorted()).toEqual(['failed 0 failed', 'retried-ok 0 failed', 'retried-ok 1 ok'])
  })

  test("returns a retry's failed units of the named causes", async () => {
    const [rows] = await harness.client.query(failedUnitsQuery(tables, ['blocked', 'schema']))
    expect(rows).toEqual([{ unit_id: 'late', asset_id: 'late', bucket: 7 }])
  })
})
